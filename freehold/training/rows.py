"""A corpus as rows of equal length: documents one after another, each keeping to itself."""

from __future__ import annotations

import itertools
from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from freehold.training.sequence import Piece, Sequence
from freehold.training.shards import Shards


@dataclass(frozen=True, slots=True)
class Rows(Many[Sequence]):
    """Rows of `context` tokens over files of tokens; what is left at a file's end makes no row."""

    tokens: tuple[npt.NDArray[Any], ...]
    starts: tuple[npt.NDArray[np.int64], ...]
    context: int
    firsts: npt.NDArray[np.int64]
    """Number of the first row of each file, and of all rows."""

    @classmethod
    def of(cls, tokens: Many[npt.NDArray[Any]], starts: Many[npt.NDArray[np.int64]], context: int) -> Rows:
        counts = [each.size // context for each in tokens]
        return cls(tuple(tokens), tuple(starts), context, np.cumsum([0, *counts]))

    @classmethod
    def of_shards(cls, shards: Shards, context: int) -> Rows:
        return cls.of(shards.tokens, shards.starts, context)

    @classmethod
    def of_documents(cls, documents: Many[Many[int]], context: int) -> Rows:
        whole = np.array([token for document in documents for token in document], dtype=np.int64)
        starts = np.cumsum([0, *(len(document) for document in documents)])[:-1]
        if whole.size and whole.size < context:  # too little for a row: one shorter row
            context = int(whole.size)
        return cls.of([whole], [starts], context)

    def __len__(self) -> int:
        return int(self.firsts[-1])

    def __getitem__(self, number: Any) -> Any:
        """Row `number`: each document, or what is in this row of it, is a piece; a document's first token is
        not predicted from what stood before it."""
        file = int(np.searchsorted(self.firsts, number, side="right")) - 1
        start = int(number - self.firsts[file]) * self.context
        end = start + self.context
        following = np.asarray(self.tokens[file][start : end + 1], dtype=np.int64)
        begins = self.starts[file]
        inside = begins[np.searchsorted(begins, start, side="right") : np.searchsorted(begins, end)] - start
        edges = [0, *inside.tolist(), self.context]
        positions = np.arange(self.context, dtype=np.int64)
        scored = np.ones(following.size - 1, dtype=bool)
        for edge in inside.tolist():
            positions[edge:] = np.arange(self.context - edge)
            scored[edge - 1] = False
        if following.size > self.context and np.searchsorted(begins, end, side="right") > np.searchsorted(
            begins, end
        ):
            scored[-1] = False
        at = np.flatnonzero(scored)
        pieces = tuple(Piece(edge, last, edge) for edge, last in itertools.pairwise(edges))
        return Sequence(following[: self.context], positions, pieces, at, following[1:][at])
