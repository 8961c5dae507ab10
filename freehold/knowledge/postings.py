"""Which passages of a small index hold a word and how much that says by BM25, for all words at once.

What tantivy would say of the same passages, counted from the words held in memory: asking it for a word costs
many times as much as adding up what is here.
"""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.knowledge.index_faults import faults, unreadable
from freehold.knowledge.snapshot import of_sources
from freehold.knowledge.wordings import Wordings

K1, B = 1.2, 0.75
"""tantivy's: how soon saying a word more often stops to count, and how much a passage's length does."""

Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What tantivy's scores rest on; passages that were deleted count until it merges its files."""

    passages: float
    length: float
    """Words of a passage on average."""

    def idf(self, holding: int) -> float:
        """Of a word that so many passages hold."""
        return math.log1p((self.passages - holding + 0.5) / (holding + 0.5))


class Postings:
    """Of an index at one moment. For any number of threads."""

    def __init__(self, wordings: Wordings, statistics: Statistics) -> None:
        self.wordings, self.statistics = wordings, statistics
        lengths = np.diff(wordings.begins)
        pairs = wordings.words.astype(np.int64)
        pairs <<= 32
        pairs |= np.arange(len(wordings), dtype=np.int32).repeat(lengths)
        pairs.sort()  # by word, then by row
        first = np.append(0, np.flatnonzero(pairs[1:] != pairs[:-1]) + 1)
        often = np.diff(first, append=len(pairs)).astype(np.float32)
        pairs = pairs[first]
        self._rows = (pairs & 0xFFFFFFFF).astype(np.int32)
        self._begins = (pairs >> 32).searchsorted(np.arange(wordings.known + 1))
        own = lengths - 1  # without the mark
        against = K1 * (1 - B + B * _counted(own) / statistics.length)
        self._worth = often * np.float32(K1 + 1) / (often + against.astype(np.float32)[self._rows])

    def of(self, word: str) -> tuple[NDArray[np.int32], Scores]:
        """The rows of the passages that hold a word, and its BM25 there for an IDF of 1."""
        number = self.wordings.numbers.get(word, self.wordings.known)
        if number >= self.wordings.known:
            return self._rows[:0], self._worth[:0]
        held = slice(self._begins[number], self._begins[number + 1])
        return self._rows[held], self._worth[held]

    def within(self, sources: frozenset[int]) -> NDArray[np.bool_]:
        """bool[passages]: which belong to these sources."""
        return of_sources(self.wordings.sources, sources)


def counted(schema: Any, searcher: Any, word: str) -> Statistics | None:
    """What tantivy says that its scores rest on, of a word that it holds; None if that cannot be told.

    Raises:
        Unavailable: the index is damaged.
    """
    from tantivy import Query

    query = Query.term_query(schema, "body", word, "freq")
    with unreadable(), faults():
        found = searcher.search(query, 1, count=False).hits
        said = query.explain(searcher, found[0][1]).to_json() if found else "{}"
    figures: dict[str, float] = {}

    def note(fact: dict[str, Any]) -> None:
        figures[fact.get("description", "").partition(",")[0]] = fact.get("value", math.nan)
        for inner in fact.get("details") or ():
            note(inner)

    note(json.loads(said))
    with contextlib.suppress(KeyError):
        return Statistics(figures["N"], figures["avgdl"])
    return None


def _counted(lengths: NDArray[np.intp]) -> NDArray[np.int64]:
    """Lengths as tantivy keeps them, in a byte: rounded down to four significant bits, from 24 on."""
    steps = np.arange(160)
    above = np.where(steps < 8, steps, (steps & 7 | 8) << np.maximum((steps >> 3) - 1, 0))
    kept = np.concatenate([np.arange(24), 24 + above])
    rounded: NDArray[np.int64] = kept[kept.searchsorted(lengths, side="right") - 1]
    return rounded
