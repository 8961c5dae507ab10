"""Counts what training data and evaluation sets have in common, in runs of words.

A document that shares a run of `length` words with an evaluation set is told with the run, and dropped by
the builder. Shorter evaluation texts (questions) count as a whole, from SHORTEST words on: below that,
as "how do I change my password", they are common property. Paraphrases are not found.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from freehold.errors import InvalidInput, NotFound
from freehold.training.grams import Numbers, Words, grams

SHORTEST = 8
"""Words from which a short text counts as a whole."""
PLAIN = (".md", ".txt", ".rst")
LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Shared:
    """What a document shares with an evaluation set."""

    set: str
    words: str
    """The first run that both have."""
    runs: int
    """How many runs of the document stand in the set."""


class Overlap:
    """Evaluation sets, by their runs of words."""

    def __init__(self, words: Words, length: int) -> None:
        self._words = words
        self._length = length
        self._runs: dict[str, dict[int, Numbers]] = {}
        self._all: dict[int, Numbers] = {}
        self.facts: dict[str, dict[str, int]] = {}
        """By set: its texts, those too short to be looked for, and its different runs."""

    def add(self, name: str, texts: Iterator[str]) -> None:
        """A set under a name; a name that is there already gets more."""
        found: dict[int, list[Numbers]] = {}
        facts = self.facts.setdefault(name, {"texts": 0, "too_short": 0, "runs": 0})
        for text in texts:
            numbers = self._words.numbers(text)
            length = min(self._length, len(numbers))
            facts["texts"] += 1
            if length < SHORTEST:
                facts["too_short"] += 1
                continue
            found.setdefault(length, []).append(grams(numbers, length))
        mine = self._runs.setdefault(name, {})
        for length, parts in found.items():
            mine[length] = np.unique(np.concatenate([*parts, mine.get(length, parts[0])]))
            self._all[length] = np.union1d(self._all.get(length, parts[0]), mine[length])
        facts["runs"] = sum(len(runs) for runs in mine.values())

    def shared(self, text: str, numbers: Numbers) -> Shared | None:
        """What the text has in common with the set that it shares most with; `numbers` are its words'."""
        hits = {}
        for length, known in self._all.items():
            made = grams(numbers, length)
            if len(places := np.flatnonzero(_among(made, known))):
                hits[length] = made, places
        best: Shared | None = None
        for name, by_length in self._runs.items() if hits else ():
            runs, first = 0, None
            for length, (made, places) in hits.items():
                if length in by_length:
                    mine = places[_among(made[places], by_length[length])]
                    runs += len(mine)
                    first = first or ((int(mine[0]), length) if len(mine) else None)
            if first is not None and (best is None or runs > best.runs):
                best = Shared(name, _words_of(text, *first), runs)
        return best


def texts_in(path: Path) -> Iterator[str]:
    """The texts of an evaluation set: every text in the objects of JSON Lines (`.jsonl`, also gzipped), a
    whole Markdown or text file, or all of these in a folder.

    Raises:
        NotFound: there is nothing at this path.
        InvalidInput: a file of another kind, or a line that is not JSON.
    """
    if path.is_dir():
        for each in sorted(path.rglob("*")):
            if each.is_file() and _kind(each) in (*PLAIN, *LINES):
                yield from texts_in(each)
    elif not path.exists():
        raise NotFound(f"There is no evaluation set {path}.")
    elif _kind(path) in PLAIN:
        yield path.read_text(encoding="utf-8", errors="replace")
    elif _kind(path) in LINES:
        yield from _of_lines(path)
    else:
        raise InvalidInput(
            f"{path} is no evaluation set that can be read.",
            hint=f"Give a folder, or a file with one of: {', '.join((*PLAIN, *LINES))}.",
        )


def _kind(path: Path) -> str:
    return Path(path.stem).suffix.lower() if path.suffix == ".gz" else path.suffix.lower()


def _of_lines(path: Path) -> Iterator[str]:
    try:
        packed = path.suffix == ".gz"
        with gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    try:
                        yield from _strings(json.loads(line))
                    except (ValueError, RecursionError) as error:
                        raise InvalidInput(f"{path}, line {number}: it is not JSON: {error}.") from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}.") from None


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)


def _among(runs: Numbers, known: Numbers) -> Any:
    """Which runs are known; `known` is sorted."""
    places = np.searchsorted(known, runs)
    places[places == len(known)] = 0
    return known[places] == runs


def _words_of(text: str, first: int, length: int) -> str:
    """A run of a text's words as they stand there."""
    spans: Sequence[Any] = [found.span() for found in re.finditer(r"\w+", text)][first : first + length]
    return " ".join(text[spans[0][0] : spans[-1][1]].split()) if spans else ""
