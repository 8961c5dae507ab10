"""Builds a corpus: reads mirrors, cleans, drops what is double or belongs to evaluation, splits, tokenises.

`gather` gives clean documents in a fixed order that no source dominates; `tokenise` writes them as token
shards that training reads. Both need mirrors on this machine and no network. All documents are held in
memory (about as many bytes as their text). The same recipe and mirrors give the same shards.
"""

from __future__ import annotations

import bisect
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from freehold.errors import InvalidInput
from freehold.training.clean import clean
from freehold.training.corpus_recipe import CorpusRecipe, Source
from freehold.training.grams import Words
from freehold.training.mirror import Mirror
from freehold.training.near import Near
from freehold.training.overlap import Overlap
from freehold.training.shards import ShardWriter
from freehold.training.tokenizer import END_OF_TEXT
from freehold.training.tokens import Tokenizer

Told = Callable[[str, int], None]
"""Hears what is being done, and how many files or documents so far."""

COMMON_LINE = 0.005
"""Share of a source's documents from which a line that they have in common is boilerplate."""
LEAST_COMMON = 10
"""A line that no more documents have is never boilerplate."""
SHORTEST_LINE = 20
"""Characters; shorter lines (`Remarks`, `}`) are structure."""
CONTROL = re.compile(r"<\|[a-z0-9_]+\|>")
"""What reads as one of a tokenizer's marks: texts that spell one out are left out."""


@dataclass(frozen=True, slots=True)
class Document:
    """One clean document."""

    source: str
    path: str
    text: str

    @property
    def digest(self) -> bytes:
        """By which documents are ordered and split."""
        return _digest(f"{self.source}\0{self.path}")


@dataclass(frozen=True, slots=True)
class Gathered:
    """What came of a recipe."""

    documents: tuple[Document, ...]
    facts: dict[str, Any]
    """Sources with their licences and what was dropped why; overlaps with evaluation sets."""


def gather(
    recipe: CorpusRecipe,
    mirrors: Mapping[str, Path],
    words: Words,
    avoid: Overlap,
    told: Told = lambda what, done: None,
) -> Gathered:
    """The clean documents of a recipe; `mirrors` by the sources' names.

    Raises:
        NotFound: a mirror is missing, or lacks the commit.
        InvalidInput: a source's licence does not say what the recipe says, or none of its files is left.
    """
    near = Near(recipe.alike)
    exact: set[bytes] = set()
    kept: list[Document] = []
    sources, overlaps = [], []
    for source in recipe.source:
        mirror = Mirror(mirrors[source.name], source.commit)
        _check_licence(source, mirror)
        dropped: Counter[str] = Counter()
        mine: list[Document] = []
        for document in _of(source, mirror, dropped, told):
            told(f"{source.name}: comparing", len(mine))
            if (reason := _unfit(document.text, recipe)) is not None:
                dropped[reason] += 1
                continue
            numbers = words.numbers(document.text)
            if (digest := hashlib.sha256(numbers.tobytes()).digest()) in exact:
                dropped["duplicate"] += 1
            elif near.seen(numbers):
                dropped["near_duplicate"] += 1
            elif (shared := avoid.shared(document.text, numbers)) is not None:
                dropped["overlap"] += 1
                overlaps.append({"source": source.name, "path": document.path, **asdict(shared)})
            else:
                exact.add(digest)
                mine.append(document)
        if not mine:
            raise InvalidInput(f"Nothing is left of the source {source.name}.", hint="Look at its `files`.")
        kept += mine
        sources.append(_facts(source, mirror, mine, dropped))
    ordered = tuple(sorted(kept, key=lambda document: document.digest))
    found = {
        "words": recipe.overlap,
        "sets": avoid.facts,
        "documents_dropped": len(overlaps),
        "documents": overlaps,
    }
    return Gathered(ordered, {"corpus": recipe.name, "sources": sources, "overlap": found})


def split(recipe: CorpusRecipe, document: Document) -> str:
    """`train` or `validation`: by the document, for ever."""
    share = int.from_bytes(document.digest[-8:], "big") / 2**64
    return "validation" if share < recipe.validation else "train"


def tokenise(
    recipe: CorpusRecipe,
    gathered: Gathered,
    tokenizer: Tokenizer,
    folder: Path,
    *,
    told: Told = lambda what, done: None,
) -> dict[str, dict[str, Any]]:
    """Writes `folder/train` and `folder/validation` as token shards; gives both manifests.

    Raises:
        InvalidInput: the tokenizer has no marks for a text's beginning and end.
    """
    begin = tokenizer.number(tokenizer.bos_token)
    end = tokenizer.number(END_OF_TEXT)
    if begin is None or end is None:
        raise InvalidInput(
            f"The tokenizer in {tokenizer.folder} has no marks for where a text begins and ends."
        )
    writers = {
        name: ShardWriter(folder / name, vocabulary=tokenizer.size(), tokenizer=tokenizer.hash)
        for name in ("train", "validation")
    }
    for number, document in enumerate(gathered.documents, start=1):
        told("tokenising", number)
        writers[split(recipe, document)].add([begin, *tokenizer.encode(document.text), end])
    return {name: writer.close(gathered.facts) for name, writer in writers.items()}


def _of(source: Source, mirror: Mirror, dropped: Counter[str], told: Told) -> Iterator[Document]:
    """A source's documents, clean, without the lines that too many of them have."""
    files: list[tuple[str, str]] = []
    common: Counter[str] = Counter()
    for path, text in _drawn(source, mirror, dropped, told):
        told(f"{source.name}: cleaning", len(files))
        made = clean(text, source.form)
        files.append((path, made))
        common.update({line.strip() for line in made.split("\n") if len(line.strip()) >= SHORTEST_LINE})
    limit = max(LEAST_COMMON, COMMON_LINE * len(files))
    boilerplate = {line for line, count in common.items() if count > limit}
    for path, text in files:
        lines = [line for line in text.split("\n") if line.strip() not in boilerplate]
        yield Document(source.name, path, re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip())


def _drawn(source: Source, mirror: Mirror, dropped: Counter[str], told: Told) -> Iterable[tuple[str, str]]:
    """The files that are wanted; where `most` are drawn, no more are held at once."""
    wanted = _wanted(source, mirror, dropped, told)
    if source.most is None:
        return wanted
    drawn: list[tuple[str, str]] = []
    for file in wanted:
        bisect.insort(drawn, file, key=lambda file: _digest(file[0]))
        if len(drawn) > source.most:
            drawn.pop()
            dropped["not_drawn"] += 1
    return drawn


def _wanted(source: Source, mirror: Mirror, dropped: Counter[str], told: Told) -> Iterator[tuple[str, str]]:
    """Paths and raw texts of the files that have what the source requires, and nothing that it excludes."""
    requires = re.compile(source.requires or "", re.MULTILINE)
    without = re.compile(source.without, re.MULTILINE) if source.without is not None else None
    for number, (path, raw) in enumerate(mirror.files(source.files), start=1):
        told(f"{source.name}: reading", number)
        text = raw.decode("utf-8-sig", errors="replace")
        if "\N{REPLACEMENT CHARACTER}" in text:
            text = raw.decode("cp1252", errors="replace")
        if requires.search(text) is None or (without is not None and without.search(text)):
            dropped["not_wanted"] += 1
        else:
            yield path, text


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()


def _unfit(text: str, recipe: CorpusRecipe) -> str | None:
    """Why a document is not worth learning, if it is not."""
    if len(text) < recipe.shortest:
        return "short"
    if CONTROL.search(text):
        return "control_token"
    letters = sum(map(str.isalpha, text)) + text.count(" ")
    return "not_prose" if letters / len(text) < recipe.prose else None


def _check_licence(source: Source, mirror: Mirror) -> None:
    if source.licence_file is None or source.licence_says is None:
        return  # then each file says it: `requires`
    text = mirror.text(source.licence_file)
    if text is None or " ".join(source.licence_says.split()) not in " ".join(text.split()):
        raise InvalidInput(
            f"{source.name}: {source.licence_file} does not say {source.licence_says!r}"
            + (", it is not there." if text is None else "."),
            hint="Read its licence again, and correct the recipe or leave the source out.",
        )


def _facts(
    source: Source, mirror: Mirror, documents: list[Document], dropped: Counter[str]
) -> dict[str, Any]:
    return {
        "name": source.name,
        "url": source.url,
        "commit": source.commit,
        "commit_certain": mirror.certain,
        "licence": source.licence,
        "attribution": source.attribution,
        "documents": len(documents),
        "characters": sum(len(document.text) for document in documents),
        "dropped": dict(sorted(dropped.items())),
    }
