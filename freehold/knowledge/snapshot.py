"""What the dense index holds at one moment, and how it is compared with a vector; it never changes.

Knows nothing of the store.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.knowledge.signs import Signs, differing, least, signs_of

Int8 = NDArray[np.int8]
Float32 = NDArray[np.float32]

FEW = 8_192
"""Passages up to which all are compared exactly where their vectors are held."""

CHUNK = 4_096
"""Rows turned into float32 at a time."""

LOOKED_UP = 10_000_000
"""Highest number of a source up to which a table says whether it is wanted."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    ids: NDArray[np.int64]
    """Ascending."""
    sources: NDArray[np.int64]
    scales: Float32
    rows: Int8
    """int8[n, dimensions], to be multiplied by `scales`; no rows when only signs are held."""
    floats: Float32
    """The same times their scales, where they are so few that all are compared; else no rows."""
    signs: Signs
    exact: bool
    """Whether the int8 vectors are held."""

    def __len__(self) -> int:
        return len(self.ids)

    def places(self, ids: list[int]) -> NDArray[np.int64]:
        """The rows of those of `ids`, ascending, that are here."""
        wanted = np.array(ids, dtype=np.int64)
        at = np.searchsorted(self.ids, wanted)
        at, wanted = at[at < len(self)], wanted[at < len(self)]
        here: NDArray[np.int64] = at[self.ids[at] == wanted]
        return here

    def of(self, sources: frozenset[int]) -> NDArray[np.int64] | None:
        """The rows of these sources; None for all there are."""
        here = self.sources == next(iter(sources)) if len(sources) == 1 else self._among(sources)
        return None if here.all() else np.flatnonzero(here)

    def _among(self, sources: frozenset[int]) -> NDArray[np.bool_]:
        highest = int(self.sources.max(initial=0))
        if highest > LOOKED_UP:
            return np.isin(self.sources, list(sources))
        wanted = np.zeros(highest + 1, dtype=np.bool_)
        wanted[[source for source in sources if 0 <= source <= highest]] = True
        return wanted[self.sources]


def empty(dimensions: int, *, exact: bool) -> Snapshot:
    rows = np.empty((0, dimensions), np.int8)
    return Snapshot(
        np.empty(0, np.int64),
        np.empty(0, np.int64),
        np.empty(0, np.float32),
        rows,
        rows.astype(np.float32),
        signs_of(rows),
        exact,
    )


def taken(now: Snapshot, kept: NDArray[np.bool_]) -> Snapshot:
    return _with_floats(
        Snapshot(
            now.ids[kept],
            now.sources[kept],
            now.scales[kept] if now.exact else now.scales,
            now.rows[kept] if now.exact else now.rows,
            now.floats[:0],
            now.signs[:, kept],
            now.exact,
        )
    )


def joined(*parts: Snapshot) -> Snapshot:
    """All of one kind, and none of the same passage twice."""
    ids = np.concatenate([part.ids for part in parts])
    order = None if (ids[1:] > ids[:-1]).all() else np.argsort(ids, kind="stable")

    def whole(arrays: list[NDArray[Any]], axis: int = 0) -> NDArray[Any]:
        every = np.concatenate(arrays, axis=axis)
        return every if order is None or not every.shape[axis] else np.take(every, order, axis=axis)

    return _with_floats(
        Snapshot(
            whole([part.ids for part in parts]),
            whole([part.sources for part in parts]),
            whole([part.scales for part in parts]),
            whole([part.rows for part in parts]),
            parts[0].floats[:0],
            whole([part.signs for part in parts], axis=1),
            parts[0].exact,
        )
    )


def _with_floats(now: Snapshot) -> Snapshot:
    """With the vectors as float32 too where they are few; comparing is then one multiplication."""
    if not now.exact or len(now) > FEW:
        return now
    return replace(now, floats=now.rows.astype(np.float32) * now.scales[:, None])


def compare(now: Snapshot, vector: Float32, rows: NDArray[np.int64] | None) -> Float32:
    """The cosines of `rows`, all when None, by the vectors held."""
    if len(now.floats):
        cosines: Float32 = (now.floats if rows is None else now.floats[rows]) @ vector
        return cosines
    count = len(now) if rows is None else len(rows)
    cosines = np.empty(count, dtype=np.float32)
    for first in range(0, count, CHUNK):
        part = slice(first, first + CHUNK)
        chunk = now.rows[part] if rows is None else now.rows[rows[part]]
        cosines[part] = chunk.astype(np.float32) @ vector
    return cosines * (now.scales if rows is None else now.scales[rows])


def nearest(now: Snapshot, vector: Float32, rows: NDArray[np.int64] | None, count: int) -> NDArray[np.int64]:
    """Which of `rows`, all when None, have the most signs in common with a vector."""
    signs = now.signs if rows is None else now.signs[:, rows]
    near = least(differing(signs, signs_of(vector[None])), count)
    return near if rows is None else rows[near]


def top(scores: Float32, count: int) -> NDArray[np.int64]:
    """Where the `count` highest scores are, highest first, the earlier first among equals."""
    best = np.arange(len(scores))
    if count < len(scores):
        best = np.sort(np.argpartition(-scores, count)[:count])
    return best[np.argsort(-scores[best], kind="stable")]
