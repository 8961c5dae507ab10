"""Questions made from help centres that have none, and the passages they are asked of.

    python benchmarks/made_questions.py --data FOLDER [--show 50]

`bank_made` and `helpcentre_made` are question sets as those of datasets.py. The documents are read and cut
into passages by the production code. A heading, a title or a first sentence is made into a question
(phrasing.py) and *taken out of what is searched*: out of the title, the heading paths and the text, so that
the question's words do not simply stand there. A title's gold passages are all of its document, a heading's
those under it, a sentence's the one that began with it; leaving the answer out means leaving out all passages
of `question.document`.

Half of the documents (by a hash of their name) lose their title to a question, the others keep it and give
headings. What names nothing ("Overview", "See also") and what two documents say alike makes no question. The
questions have no gold answers. All is drawn by hashes of names: the same files give the same questions.
"""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from datasets import BenchPassage, BenchQuestion, BenchSet, bank, sample
from options import add_sets, described
from phrasing import asked_of_heading, asked_of_sentence

from freehold.assistant.sentences import pieces
from freehold.errors import FreeholdError
from freehold.knowledge.chunk import chunk
from freehold.knowledge.decode import decode
from freehold.knowledge.parse_markdown import parse_markdown
from freehold.knowledge.parsed import Parsed
from freehold.knowledge.words import words

Kind = Literal["title", "heading", "sentence"]

HEADINGS = 2
"""Most questions that a document's headings give."""
LEAST_WORDS = {"title": 3, "heading": 3, "sentence": 5}
"""Distinct words (neither stop words nor generic ones) that each kind must have."""
MOST_WORDS = 26
LEAST_LEFT = 160
"""Characters that a passage must keep when its first sentence is taken out."""

_GENERIC = frozenset(
    words(
        "overview introduction summary tips example examples note notes important prerequisites see also "
        "next steps before you start before you begin best practices quick reference troubleshooting faq "
        "frequently asked questions description purpose scope steps procedure background conclusion glossary "
        "practical guidance practical tips contact us how it works key features contributors use cases "
        "complete guide glance specifications requirements table of contents welcome setup limitations "
        "local functionality"
    )
)
"""Headings made of nothing but these words name nothing."""


@dataclass
class _Document:
    """A document on its way: what of it is hidden is taken out here."""

    name: str
    title: str
    headings: Counter[str]
    """How often each heading stands in it."""
    passages: list[BenchPassage]
    places: list[int]
    """Of the passages that begin with a paragraph: only their first sentence is one."""


@dataclass(frozen=True)
class _Candidate:
    """A question that could be asked of a document."""

    kind: Kind
    source: str
    """What would be hidden: the title, the heading or the sentence."""
    text: str
    place: int = 0
    """The passage that begins with the sentence."""


def bank_made(folder: Path) -> BenchSet:
    """A bank's help centre: short documents, many about sister products."""
    return made("bank-made", _bank(folder))


def bank_as_it_is(folder: Path) -> BenchSet:
    """The same with nothing hidden and no questions."""
    return _as_it_is("bank-as-it-is", _bank(folder))


def _bank(folder: Path) -> Iterator[tuple[str, Parsed]]:
    for passage in bank(folder).passages:
        yield passage.id, parse_markdown(f"# {passage.title}\n\n{passage.text}", passage.title)


def helpcentre_made(folder: Path) -> BenchSet:
    """A business application's help centre, as `freehold add` reads the folder."""
    return made("helpcentre-made", _helpcentre(folder))


def helpcentre_as_it_is(folder: Path) -> BenchSet:
    """The same with nothing hidden and no questions."""
    return _as_it_is("helpcentre-as-it-is", _helpcentre(folder))


def _helpcentre(folder: Path) -> Iterator[tuple[str, Parsed]]:
    with tempfile.TemporaryDirectory(prefix="freehold-bench-") as home:
        with tarfile.open(folder / "helpcentre" / "business-central.tar.xz") as archive:
            archive.extractall(home, filter="data")
        yield from _read(Path(home))


MADE: dict[str, Callable[[Path], BenchSet]] = {"bank-made": bank_made, "helpcentre-made": helpcentre_made}


def made(name: str, read: Iterable[tuple[str, Parsed]]) -> BenchSet:
    """The set made from documents given as (name, what was read)."""
    documents = [_cut(document, parsed) for document, parsed in read]
    said = Counter(
        meant
        for document in documents
        for meant in {_meant(text) for text in (document.title, *document.headings)}
    )
    possible = [list(_possible(document, said)) for document in documents]
    asked = Counter(_meant(one.text) for ones in possible for one in ones)
    questions: list[BenchQuestion] = []
    for document, ones in zip(documents, possible, strict=True):
        for one in _chosen(document, [one for one in ones if asked[_meant(one.text)] == 1]):
            gold = _hide(document, one)
            number = f"{name}-{one.kind}-{len(questions)}"
            questions.append(BenchQuestion(number, one.text, gold, document.name))
    passages = tuple(passage for document in documents for passage in document.passages)
    return BenchSet(name, passages, tuple(questions))


def kind(question: BenchQuestion) -> str:
    """What a made question was made from."""
    return question.id.split("-")[-2]


def _as_it_is(name: str, read: Iterable[tuple[str, Parsed]]) -> BenchSet:
    passages = (passage for document, parsed in read for passage in _cut(document, parsed).passages)
    return BenchSet(name, tuple(passages), ())


def _read(root: Path) -> Iterator[tuple[str, Parsed]]:
    for path in sorted(root.rglob("*.md")):
        name = path.relative_to(root).as_posix()
        try:
            yield name, parse_markdown(decode(path.read_bytes()), path.stem, name=name, include_root=root)
        except FreeholdError:
            continue  # it holds nothing of its own: `freehold add` says so and goes on


def _cut(name: str, parsed: Parsed) -> _Document:
    passages, places = [], []
    paragraphs = {block.start for block in parsed.blocks if block.kind == "paragraph"}
    for number, piece in enumerate(chunk(parsed)):
        if piece.start in paragraphs:
            places.append(number)
        path = tuple(heading for heading in piece.heading_path if heading != parsed.title)
        passages.append(BenchPassage(f"{name}#{number}", name, parsed.title, piece.text, path))
    headings = Counter(block.heading_path[-1] for block in parsed.blocks if block.kind == "heading")
    return _Document(name, parsed.title, headings, passages, places)


def _possible(document: _Document, said: Mapping[frozenset[str], int]) -> Iterator[_Candidate]:
    """All questions that the document's own words allow."""
    if document.passages and said[_meant(document.title)] == 1:
        yield from _candidate("title", document.title, asked_of_heading(document.title))
    subject, colon, _ = document.title.partition(": ")
    about = f"{subject}: " if colon and set(words(subject)) - _GENERIC else ""  # a bank's product
    for heading, times in document.headings.items():
        under = any(heading in passage.headings for passage in document.passages)
        if times == 1 and under and heading != document.title and said[_meant(heading)] == 1:
            yield from _candidate("heading", heading, asked_of_heading(f"{about}{heading}"))
    for place in document.places:
        text = document.passages[place].text
        first = next(iter(pieces(text)), None)
        if first and first.kind == "sentence" and len(text) - first.end >= LEAST_LEFT:
            sentence = text[first.start : first.end]
            yield from _candidate("sentence", sentence, asked_of_sentence(sentence), place)


def _candidate(kind: Kind, source: str, text: str | None, place: int = 0) -> Iterator[_Candidate]:
    if text is None or len(text.split()) > MOST_WORDS:
        return
    if len(_meant(source) - _GENERIC) >= LEAST_WORDS[kind]:
        yield _Candidate(kind, source, text, place)


def _chosen(document: _Document, possible: Sequence[_Candidate]) -> list[_Candidate]:
    drawn = sorted(possible, key=lambda one: _number(document.name, one.source))
    titles = [one for one in drawn if one.kind == "title"]
    headings = [one for one in drawn if one.kind == "heading"]
    sentences = [one for one in drawn if one.kind == "sentence"]
    named = titles[:1] if _number(document.name, "title") % 2 else headings[:HEADINGS]
    return named + sentences[:1]


def _hide(document: _Document, one: _Candidate) -> tuple[str, ...]:
    """Takes out what was asked; gives the gold passages."""
    gold = []
    for number, passage in enumerate(document.passages):
        if one.kind == "title":
            document.passages[number] = replace(passage, title="")
        elif one.kind == "heading":
            if one.source not in passage.headings:
                continue
            path = tuple(heading for heading in passage.headings if heading != one.source)
            document.passages[number] = replace(passage, headings=path)
        elif number == one.place:
            text = passage.text.removeprefix(one.source).lstrip()
            document.passages[number] = replace(passage, text=text)
        else:
            continue
        gold.append(passage.id)
    return tuple(gold)


def _meant(text: str) -> frozenset[str]:
    return frozenset(words(text))


def _number(*parts: str) -> int:
    """A number drawn for these words, for ever."""
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8])


def overlap(bench: BenchSet, questions: Sequence[BenchQuestion]) -> float:
    """Share of a question's words that its best gold passage holds, on the mean."""
    texts = {one.id: _meant(" ".join([one.title, *one.headings, one.text])) for one in bench.passages}
    shares = []
    for question in questions:
        wanted = _meant(question.text)
        shares.append(max(len(wanted & texts[gold]) / len(wanted) for gold in question.passage_ids))
    return float(np.mean(shares))


def main() -> None:
    parser = described(__doc__)
    add_sets(parser)
    parser.add_argument("--show", type=int, default=10, help="questions shown of each kind (seed 0)")
    options = parser.parse_args()
    for reader in MADE.values():
        bench = reader(options.data)
        found = Counter((kind(question), question.half) for question in bench.questions)
        print(f"{bench.name}: {len(bench.passages):,} passages, {len(bench.questions):,} questions")
        for what in LEAST_WORDS:
            of = [question for question in bench.questions if kind(question) == what]
            print(
                f"  {what}: {found[what, 'a']} in half a, {found[what, 'b']} in half b;"
                f" {overlap(bench, of):.2f} of the words stand in a gold passage"
            )
            for question in sample(of, options.show):
                print(f"    {question.text}    [{question.document}]")


if __name__ == "__main__":
    main()
