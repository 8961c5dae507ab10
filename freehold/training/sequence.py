"""A training sequence: tokens, where each stands, which earlier ones it sees, what it has to predict."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens `start` to `end` of a row; each sees the tokens from `past` up to itself."""

    start: int
    end: int
    past: int

    def moved(self, by: int) -> Piece:
        return Piece(self.start + by, self.end + by, self.past + by)


@dataclass(frozen=True, slots=True)
class Sequence:
    """An example, or a row of a corpus. All arrays count from the sequence's own beginning."""

    tokens: Ints
    positions: Ints
    """What rotary embedding is told; restarts in each example, and with blocks in each passage."""
    pieces: tuple[Piece, ...]
    """Cover every token once, in order."""
    at: Ints
    """Where a prediction is scored (n,)."""
    targets: Ints
    """The token to be predicted there (n,)."""

    def __len__(self) -> int:
        return int(self.tokens.size)


def laid_out(parts: Many[Many[int]], scored: Many[Many[bool]], *, passages: range) -> Sequence:
    """An example made of parts; those whose numbers are in `passages` see only themselves and all begin at
    the position after what stands before the first; what follows begins one past the highest position.

    `scored[i][j]` says whether token j of part i is to be predicted. A token is predicted from the one before
    it, and only where that one is seen by the rule above: never the first of a passage.
    """
    lengths = [len(part) for part in parts]
    starts = np.cumsum([0, *lengths])
    total = int(starts[-1])
    positions = np.arange(total, dtype=np.int64)
    pieces = []
    sees_before = np.ones(total, dtype=bool)
    sees_before[:1] = False
    if len(passages):
        first, after = int(starts[passages.start]), int(starts[passages.stop])
        if first:
            pieces.append(Piece(0, first, 0))
        for number in passages:
            start, end = int(starts[number]), int(starts[number + 1])
            if end > start:
                positions[start:end] = first + np.arange(end - start)
                pieces.append(Piece(start, end, start))
                sees_before[start] = False
        if after < total:
            longest = max(lengths[number] for number in passages)
            positions[after:] = first + longest + np.arange(total - after)
            pieces.append(Piece(after, total, 0))
    elif total:
        pieces.append(Piece(0, total, 0))
    tokens = np.array([token for part in parts for token in part], dtype=np.int64)
    wanted = np.array([flag for part in scored for flag in part], dtype=bool) & sees_before
    at = np.flatnonzero(wanted) - 1
    return Sequence(tokens, positions, tuple(pieces), at, tokens[at + 1])
