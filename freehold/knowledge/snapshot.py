"""What the dense index holds at one moment, and how it is compared with a vector; it never changes.

Knows nothing of the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.knowledge.heads import NOWHERE, Heads, Slots
from freehold.knowledge.signs import Signs, differing, least, signs_of

Int8 = NDArray[np.int8]
Float32 = NDArray[np.float32]

FEW = 8_192
"""Passages up to which all are compared exactly where their vectors are held."""

CHUNK = 4_096
"""Rows turned into float32 at a time."""

LOOKED_UP = 10_000_000
"""Highest number of a source up to which a table says whether it is wanted."""


NO_SLOTS: Slots = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True)
class Snapshot:
    ids: NDArray[np.int64]
    """Ascending."""
    sources: NDArray[np.int64]
    scales: Float32
    rows: Int8
    """int8[n, 1 + parts, dimensions], the passage's own vector and those of its parts, see `unpacked`; to be
    multiplied by `scales`. No rows when only signs are held."""
    floats: Float32
    """float32[n, dimensions], the passages' own times their scales, where they are so few that all are
    compared; else no rows."""
    signs: Signs
    exact: bool
    """Whether the int8 vectors are held."""
    heads: Heads | None = None
    """Of a large index: the passages' own vectors, as far as they are held."""
    slots: Slots = field(default_factory=lambda: NO_SLOTS)
    """int32[n]: where `heads` has them; no rows without."""

    def __len__(self) -> int:
        return len(self.ids)

    def places(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The rows of given ids, and which of them are here."""
        rows = self.ids.searchsorted(ids)
        if not len(self):
            return rows, np.zeros(len(ids), dtype=np.bool_)
        rows = np.minimum(rows, len(self) - 1)
        return rows, self.ids[rows] == ids

    def of(self, sources: frozenset[int]) -> NDArray[np.int64] | None:
        """The rows of these sources; None for all there are."""
        here = of_sources(self.sources, sources)
        return None if here.all() else np.flatnonzero(here)


def of_sources(given: NDArray[np.int64], wanted: frozenset[int]) -> NDArray[np.bool_]:
    """Which of the given passages' sources are wanted."""
    if len(wanted) == 1:
        only: NDArray[np.bool_] = given == next(iter(wanted))
        return only
    highest = int(given.max(initial=0))
    if highest > LOOKED_UP:
        return np.isin(given, list(wanted))
    table = np.zeros(highest + 1, dtype=np.bool_)
    table[[source for source in wanted if 0 <= source <= highest]] = True
    return table[given]


def empty(dimensions: int, *, exact: bool) -> Snapshot:
    rows = unpacked([], dimensions)
    return Snapshot(
        np.empty(0, np.int64),
        np.empty(0, np.int64),
        np.empty(0, np.float32),
        rows,
        rows[:, 0].astype(np.float32),
        signs_of(rows[:, 0]),
        exact,
    )


def with_heads(now: Snapshot, heads: Heads) -> Snapshot:
    """Ready to hold vectors, none of which is held."""
    return replace(now, heads=heads, slots=np.full(len(now), NOWHERE, dtype=np.int32))


def unpacked(packed: Sequence[bytes], dimensions: int) -> Int8:
    """int8[n, 1 + parts, dimensions] of vectors as the store keeps them. Who has fewer parts than another has
    its last one again; who has none is a part of itself."""
    most = max([2 * dimensions, *map(len, packed)])
    whole = b"".join(each + each[-dimensions:] * ((most - len(each)) // dimensions) for each in packed)
    return np.frombuffer(whole, dtype=np.int8).reshape(len(packed), most // dimensions, dimensions)


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
            now.heads,
            now.slots if now.heads is None else now.slots[kept],
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
            whole(_alike([part.rows for part in parts])),
            parts[0].floats[:0],
            whole([part.signs for part in parts], axis=1),
            parts[0].exact,
            parts[0].heads,
            NO_SLOTS if parts[0].heads is None else whole([part.slots for part in parts]),
        )
    )


def _alike(several: list[Int8]) -> list[NDArray[Any]]:
    """With as many parts in all as in the one that has most."""
    most = max(rows.shape[1] for rows in several)
    return [
        np.concatenate([rows, rows[:, -1:].repeat(most - rows.shape[1], axis=1)], axis=1)
        if rows.shape[1] < most
        else rows
        for rows in several
    ]


def _with_floats(now: Snapshot) -> Snapshot:
    """With the vectors as float32 too where they are few; comparing is then one multiplication."""
    if not now.exact or len(now) > FEW:
        return now
    floats = now.rows[:, 0].astype(np.float32)
    floats *= now.scales[:, None]
    return replace(now, floats=floats)


def compare(now: Snapshot, vector: Float32, rows: NDArray[np.int64] | None) -> Float32:
    """The cosines of `rows`, all when None, by the vectors held."""
    if len(now.floats):
        cosines: Float32 = (now.floats if rows is None else now.floats[rows]) @ vector
        return cosines
    count = len(now) if rows is None else len(rows)
    cosines = np.empty(count, dtype=np.float32)
    for first in range(0, count, CHUNK):
        part = slice(first, first + CHUNK)
        chunk = now.rows[part, 0] if rows is None else now.rows[rows[part], 0]
        cosines[part] = chunk.astype(np.float32) @ vector
    return cosines * (now.scales if rows is None else now.scales[rows])


def nearest(now: Snapshot, vector: Float32, rows: NDArray[np.int64] | None, count: int) -> NDArray[np.int64]:
    """Which of `rows`, all when None, have the most signs in common with a vector."""
    signs = now.signs if rows is None else now.signs[:, rows]
    near = least(differing(signs, signs_of(vector[None])), count)
    return near if rows is None else rows[near]


def top(scores: Float32, count: int) -> NDArray[np.int64]:
    """Where the `count` highest scores are, highest first and the earlier first among equals; which of those
    that equal the last one are among them is not said."""
    best = np.arange(len(scores))
    if count < len(scores):
        best = np.sort(np.argpartition(-scores, count)[:count])
    return best[np.argsort(-scores[best], kind="stable")]
