"""Questions for the reader that are made of documents: how-to's of a help centre, questions about a topic.

SQuAD has few questions of the kind that a help centre is asked. A heading says what the section under it is
about, so it is made into a question (phrasing.py) that the section's first sentence or step answers; what the
same document says under other headings, and what other documents say that share its rare words, does not.
Nobody has read these pairs one by one: some of what is taken for no answer is one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datasets import medquad, sample
from phrasing import asked_of_heading
from reading_material import Answer, Item, Shelf

from freehold.assistant.sentences import pieces
from freehold.errors import FreeholdError
from freehold.knowledge.chunk import chunk
from freehold.knowledge.decode import decode
from freehold.knowledge.parse_markdown import parse_markdown
from freehold.knowledge.words import words

LEAST_WORDS = 3
"""Words, other than stop words, of a heading that is asked."""
PER_DOCUMENT = 3
LONGEST_ANSWER = 160
"""Characters of an answer at most: what is longer is answered by its beginning."""
OWN, OTHERS = 2, 3
"""Passages of the same document, and of others, that do not answer."""
BOILERPLATE = re.compile(r"^(?:\W*Applies To\b|\[!INCLUDE).*$", re.MULTILINE)
"""Lines of Microsoft's documents that say nothing of their own."""
SHELVES = 4_000
"""Passages among which those of others are looked for."""


@dataclass(frozen=True, slots=True)
class _Section:
    document: str
    above: tuple[str, ...]
    """Title and headings."""
    text: str
    answer: Answer


def of_documents(folder: Path, seed: int) -> Iterator[Item]:
    """Questions made of the titles and headings of Markdown files, as production reads and cuts them."""
    found = {str(path): list(_sections(path, folder)) for path in sorted(folder.rglob("*.md"))}
    first = Counter(one.answer[0] for sections in found.values() for one in sections)
    read = {path: [one for one in ones if first[one.answer[0]] == 1] for path, ones in found.items()}
    everything = [one for sections in read.values() for one in sections]
    whose = {one.text: one for one in sample(everything, SHELVES, seed)}
    shelf = Shelf(list(whose))
    for sections in read.values():
        named: dict[str, list[_Section]] = defaultdict(list)
        for one in sections:
            named[one.above[-1]].append(one)
        telling = [name for name in named if len(_meant(name)) >= LEAST_WORDS]
        for name in telling[:PER_DOCUMENT]:
            asked = asked_of_heading(name)
            if asked is None or asked.startswith("What about"):
                continue
            gold = named[name][0]
            own = [one.text for one in sections if one.above[-1] != name and name not in one.above]
            others = [
                text
                for text in shelf.near(asked)
                if whose[text].document != gold.document and _meant(name) != _meant(whose[text].above[-1])
            ]
            title = " > ".join(gold.above)
            yield Item(asked, gold.text, title, (gold.answer,), (*own[:OWN], *others[:OTHERS]))


def of_topics(data: Path, most: int, seed: int) -> Iterator[Item]:
    """MedQuAD's (CC BY 4.0): what is said of the same illness under another question answers nothing."""
    bench = medquad(data)
    texts: dict[str, tuple[str, str]] = {one.id: (one.title, one.text) for one in bench.passages}
    of: dict[str, list[str]] = defaultdict(list)
    for one in bench.passages:
        of[one.document].append(one.id)
    for question in sample(bench.questions, most, seed):
        title, text = texts[gold := question.passage_ids[0]]
        if answer := _beginning(text):
            near = [texts[one][1] for one in of[question.document] if one != gold]
            yield Item(question.text, text, title, (answer,), tuple(near[: OWN + OTHERS]))


def _sections(path: Path, root: Path) -> Iterator[_Section]:
    name = path.relative_to(root).as_posix()
    try:
        text = BOILERPLATE.sub("", decode(path.read_bytes()))
        parsed = parse_markdown(text, path.stem, name=name, include_root=root)
    except FreeholdError:
        return
    for piece in chunk(parsed):
        above = tuple(dict.fromkeys((parsed.title, *piece.heading_path)))
        if answer := _beginning(piece.text):
            yield _Section(name, above, piece.text, answer)


def _beginning(text: str) -> Answer | None:
    """Its first sentence or step."""
    for piece in pieces(text):
        said = text[piece.start : piece.end]
        if piece.kind != "heading" and len(said) >= 20 and not said.endswith("?"):
            return (
                said if len(said) <= LONGEST_ANSWER else said[:LONGEST_ANSWER].rpartition(" ")[0],
                piece.start,
            )
    return None


def _meant(text: str) -> frozenset[str]:
    return frozenset(words(text))
