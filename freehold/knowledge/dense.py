"""The index of vectors: numpy in memory over the int8 vectors of the store.

Signs, a bit a dimension, say which passages may be near; those are compared exactly. Up to `EXACT_LIMIT`
passages the int8 vectors are held too, above it those of the nearest are fetched from the store. It has
nothing on disk of its own, so nothing to corrupt.

Searching reads an immutable snapshot; what is added or removed makes the next one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, func, select

from freehold.knowledge.store import AT_ONCE, passages, vectors
from freehold.store.database import Database

EXACT_LIMIT = 40_000
"""Passages up to which the int8 vectors are held in memory (384 dimensions: 15 MB)."""

FEW = 8_192
"""Passages up to which all are compared exactly where their vectors are held."""

NEAR_SHARE = 8
"""Else one in so many, the nearest by sign (recall at 100 of 16,145 passages: .99)."""

RESCORED = 500
"""How many of the nearest by sign are fetched and compared exactly where vectors are not held."""

CHUNK = 4_096
"""Rows turned into float32 at a time."""

Int8 = NDArray[np.int8]
Float32 = NDArray[np.float32]


def quantise(vector: Float32) -> tuple[bytes, float]:
    """A vector (or several in a row) as the store keeps it: int8 and the scale that gives it back."""
    scale = float(np.abs(vector).max()) / 127 or 1.0
    return np.rint(vector / scale).astype(np.int8).tobytes(), scale


@dataclass(frozen=True, slots=True)
class _Snapshot:
    ids: NDArray[np.int64]
    sources: NDArray[np.int64]
    scales: Float32
    rows: Int8
    """int8[n, dimensions], to be multiplied by `scales`; no rows when only signs are held."""
    signs: NDArray[np.uint64]
    """One bit a dimension: uint64[n, dimensions / 64, rounded up]."""
    exact: bool
    """Whether the int8 vectors are held."""

    def __len__(self) -> int:
        return len(self.ids)


class DenseIndex:
    """The vectors of one embedder; those of others are not seen."""

    def __init__(
        self, database: Database, embedder_name: str, dimensions: int, *, exact_limit: int = EXACT_LIMIT
    ) -> None:
        self._database = database
        self._name = embedder_name
        self._dimensions = dimensions
        self._exact_limit = exact_limit
        self._changing = threading.Lock()
        self._now = _empty(dimensions, exact=True)

    def __len__(self) -> int:
        """Vectors held."""
        return len(self._now)

    def load(self) -> None:
        """Reads every vector from the store."""
        with self._changing, self._database.read() as connection:
            total = connection.execute(self._mine(select(func.count()))).scalar_one()
            self._now = self._read(connection, None, exact=total <= self._exact_limit)

    def refresh(self) -> None:
        """Takes in what the store gained and lost since; cheap when that is little."""
        with self._changing, self._database.read() as connection:
            stored = np.fromiter(
                connection.execute(self._mine(select(vectors.c.passage_id))).scalars(), np.int64
            )
            if (len(stored) <= self._exact_limit) != self._now.exact:
                self._now = self._read(connection, None, exact=len(stored) <= self._exact_limit)
                return
            missing = np.setdiff1d(stored, self._now.ids)
            kept = np.isin(self._now.ids, stored)
            if not kept.all():
                self._now = _taken(self._now, kept)
            if len(missing):
                fresh = self._read(connection, missing.tolist(), exact=self._now.exact)
                self._now = _joined(self._now, fresh)

    def add(self, passage_ids: Iterable[int]) -> None:
        """Takes in the vectors that the store has of these passages."""
        wanted = sorted(set(passage_ids))
        with self._changing, self._database.read() as connection:
            if self._now.exact and len(self._now) + len(wanted) > self._exact_limit:
                self._now = self._read(connection, None, exact=False)
                return
            kept = ~np.isin(self._now.ids, wanted)
            fresh = self._read(connection, wanted, exact=self._now.exact)
            self._now = _joined(self._now if kept.all() else _taken(self._now, kept), fresh)

    def remove(self, passage_ids: Iterable[int]) -> None:
        """Forgets these passages."""
        gone = list(passage_ids)
        with self._changing:
            self._now = _taken(self._now, ~np.isin(self._now.ids, gone))

    def search(self, vector: Float32, *, sources: frozenset[int], limit: int) -> list[tuple[int, float]]:
        """The passages nearest to a vector, best first, as (passage id, cosine); only of `sources`.

        A vector that is not of unit length gives cosines times its length.
        """
        now = self._now
        rows = np.flatnonzero(np.isin(now.sources, list(sources)))
        if limit < 1 or not len(rows):
            return []
        if now.exact:
            if len(rows) > FEW:
                rows = rows[_nearest(now, vector, rows, max(limit, len(rows) // NEAR_SHARE))]
            cosines = self._compare(now, vector, rows)
            return [(int(now.ids[rows[i]]), float(cosines[i])) for i in _top(cosines, limit)]
        near = rows[_nearest(now, vector, rows, max(limit, RESCORED))]
        found = self._stored_cosines(vector, now.ids[near].tolist())
        return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]

    def score(self, vector: Float32, ids: Iterable[int]) -> dict[int, float]:
        """The cosine of given passages; those without a vector are left out."""
        wanted = sorted(set(ids))
        now = self._now
        if not now.exact:
            return self._stored_cosines(vector, wanted)
        rows = np.flatnonzero(np.isin(now.ids, wanted))
        cosines = self._compare(now, vector, rows)
        return {int(now.ids[row]): float(cosine) for row, cosine in zip(rows, cosines, strict=True)}

    def nearest_parts(self, vector: Float32, ids: Iterable[int]) -> dict[int, float]:
        """The cosine of given passages' nearest part, or of the whole where its parts have no vectors."""
        wanted = sorted(set(ids))
        best: dict[int, float] = {}
        for first in range(0, len(wanted), AT_ONCE):
            part = vectors.c.passage_id.in_(wanted[first : first + AT_ONCE])
            query = self._mine(select(vectors.c.passage_id, vectors.c.scale, vectors.c.vector)).where(part)
            with self._database.read() as connection:
                rows = [row for row in connection.execute(query) if self._is_whole(row.vector)]
            for row in rows:
                matrix = np.frombuffer(row.vector, dtype=np.int8).reshape(-1, self._dimensions)
                inner = matrix[1:] if len(matrix) > 1 else matrix
                best[row.passage_id] = float((inner.astype(np.float32) @ vector).max() * row.scale)
        return best

    def _is_whole(self, packed: bytes) -> bool:
        """Whether stored bytes are vectors of our dimensions."""
        return len(packed) > 0 and len(packed) % self._dimensions == 0

    @staticmethod
    def _compare(now: _Snapshot, vector: Float32, rows: NDArray[np.int64]) -> Float32:
        cosines = np.empty(len(rows), dtype=np.float32)
        everything = len(rows) == len(now) and bool((rows[1:] > rows[:-1]).all())
        for first in range(0, len(rows), CHUNK):
            part = slice(first, first + CHUNK)
            chunk = now.rows[part] if everything else now.rows[rows[part]]
            cosines[part] = chunk.astype(np.float32) @ vector
        return cosines * (now.scales if everything else now.scales[rows])

    def _stored_cosines(self, vector: Float32, ids: list[int]) -> dict[int, float]:
        with self._database.read() as connection:
            found = self._read(connection, ids, exact=True)
        cosines = self._compare(found, vector, np.arange(len(found)))
        return dict(zip(found.ids.tolist(), cosines.tolist(), strict=True))

    def _read(self, connection: Connection, ids: list[int] | None, *, exact: bool) -> _Snapshot:
        """The stored vectors of `ids`, or all of them."""
        query = self._mine(
            select(vectors.c.passage_id, passages.c.source_id, vectors.c.scale, vectors.c.vector)
        ).join(passages, passages.c.id == vectors.c.passage_id)
        if ids is None:
            parts = [query.order_by(vectors.c.passage_id)]
        else:
            parts = [
                query.where(vectors.c.passage_id.in_(ids[first : first + AT_ONCE]))
                for first in range(0, len(ids), AT_ONCE)
            ]
        found = [_empty(self._dimensions, exact=exact)]
        for part in parts:
            result = connection.execution_options(yield_per=CHUNK).execute(part)
            for rows in result.partitions(CHUNK):
                whole = [row for row in rows if self._is_whole(row.vector)]
                packed = b"".join(row.vector[: self._dimensions] for row in whole)
                matrix = np.frombuffer(packed, dtype=np.int8)
                matrix = matrix.reshape(len(whole), self._dimensions)
                found.append(
                    _Snapshot(
                        np.array([row.passage_id for row in whole], dtype=np.int64),
                        np.array([row.source_id for row in whole], dtype=np.int64),
                        np.array([row.scale for row in whole] if exact else [], dtype=np.float32),
                        matrix if exact else found[0].rows,
                        _signs(matrix),
                        exact,
                    )
                )
        return _joined(*found)

    def _mine(self, query: Select[Any]) -> Select[Any]:
        return query.where(vectors.c.embedder == self._name)


def _empty(dimensions: int, *, exact: bool) -> _Snapshot:
    return _Snapshot(
        np.empty(0, np.int64),
        np.empty(0, np.int64),
        np.empty(0, np.float32),
        np.empty((0, dimensions), np.int8),
        np.empty((0, -(-dimensions // 64)), np.uint64),
        exact,
    )


def _taken(now: _Snapshot, kept: NDArray[np.bool_]) -> _Snapshot:
    return _Snapshot(
        now.ids[kept],
        now.sources[kept],
        now.scales[kept] if now.exact else now.scales,
        now.rows[kept] if now.exact else now.rows,
        now.signs[kept],
        now.exact,
    )


def _joined(*parts: _Snapshot) -> _Snapshot:
    """All of one kind, and none of the same passage twice."""
    return _Snapshot(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.sources for part in parts]),
        np.concatenate([part.scales for part in parts]),
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.signs for part in parts]),
        parts[0].exact,
    )


def _signs(matrix: NDArray[Any]) -> NDArray[np.uint64]:
    """Which dimensions are positive."""
    bits = np.packbits(matrix > 0, axis=1)
    width = -(-bits.shape[1] // 8) * 8
    padded = np.zeros((len(bits), width), dtype=np.uint8)
    padded[:, : bits.shape[1]] = bits
    return padded.view(np.uint64)


def _nearest(now: _Snapshot, vector: Float32, rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Which of `rows` have the most signs in common with a vector."""
    signs = now.signs if len(rows) == len(now) else now.signs[rows]
    return _top(-_hamming(signs, _signs(vector[None])[0]).astype(np.float32), count)


def _hamming(signs: NDArray[np.uint64], one: NDArray[np.uint64]) -> NDArray[np.int32]:
    """In how many dimensions each row's sign differs, a column at a time to stay within the cache."""
    distances = np.zeros(len(signs), dtype=np.int32)
    for column, word in enumerate(one):
        distances += np.bitwise_count(signs[:, column] ^ word)
    return distances


def _top(scores: Float32, count: int) -> NDArray[np.int64]:
    """Where the `count` highest scores are, highest first, the earlier first among equals."""
    best = np.arange(len(scores))
    if count < len(scores):
        best = np.sort(np.argpartition(-scores, count)[:count])
    return best[np.argsort(-scores[best], kind="stable")]
