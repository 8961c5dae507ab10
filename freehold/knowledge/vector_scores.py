"""How near passages are to one question by vectors: by those held in memory, or by signs and then by those
that the store has."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, func, select

from freehold.knowledge.heads import NOWHERE
from freehold.knowledge.snapshot import FEW, Float32, Snapshot, compare, nearest, top
from freehold.knowledge.store import AT_ONCE, vectors
from freehold.knowledge.wordings import Ids
from freehold.store.database import Database

NEAR_SHARE = 8
"""Of more than FEW held vectors one in so many is compared, the nearest by sign (recall at 100 of 16,145
passages: .99)."""

RESCORED = 500
"""How many of the nearest by sign are fetched and compared where vectors are not held."""

COMPARED = 4_000
"""How many of them are compared in a large index where they are held."""


class VectorScores(Protocol):
    """The cosines of one question's vector; of one that is not of unit length they are times its length."""

    def nearest(self, sources: frozenset[int], limit: int) -> tuple[Ids, Float32]:
        """The nearest passages of `sources`, best first, and their cosines."""
        ...

    def of(self, ids: Ids) -> Float32:
        """The cosines of given passages; no number where there is no vector."""
        ...

    def of_parts(self, ids: Ids) -> Float32:
        """The cosine of the nearest part of each; of the whole where its parts have no vectors."""
        ...


class Held:
    """By vectors in memory."""

    def __init__(self, now: Snapshot, vector: Float32) -> None:
        self._now, self._vector = now, vector
        self._all = now.floats @ vector if len(now.floats) else None

    def nearest(self, sources: frozenset[int], limit: int) -> tuple[Ids, Float32]:
        now = self._now
        rows = now.of(sources)
        count = len(now) if rows is None else len(rows)
        if count > FEW:
            rows = nearest(now, self._vector, rows, max(limit, count // NEAR_SHARE))
        cosines = self._cosines(rows)
        best = top(cosines, limit)
        return now.ids[best if rows is None else rows[best]], cosines[best]

    def of(self, ids: Ids) -> Float32:
        rows, here = self._now.places(ids)
        cosines = np.full(len(ids), np.nan, dtype=np.float32)
        cosines[here] = self._cosines(rows[here])
        return cosines

    def of_parts(self, ids: Ids) -> Float32:
        now = self._now
        rows, here = now.places(ids)
        rows = rows[here]
        parts = now.rows[rows, 1:]
        cosines = parts.reshape(-1, parts.shape[2]).astype(np.float32) @ self._vector
        best = np.full(len(ids), np.nan, dtype=np.float32)
        best[here] = cosines.reshape(parts.shape[:2]).max(axis=1) * now.scales[rows]
        return best

    def _cosines(self, rows: NDArray[np.int64] | None) -> Float32:
        if self._all is None:
            return compare(self._now, self._vector, rows)
        return self._all if rows is None else self._all[rows]


class Stored:
    """By signs in memory and vectors held or in the store; what was read is remembered."""

    def __init__(self, database: Database, embedder: str, now: Snapshot, vector: Float32) -> None:
        self._database, self._embedder = database, embedder
        self._now, self._vector = now, vector
        self._found: dict[int, float] = {}

    def nearest(self, sources: frozenset[int], limit: int) -> tuple[Ids, Float32]:
        now = self._now
        held = now.heads is not None and now.slots.min(initial=0) != NOWHERE
        count = max(limit, COMPARED if held else RESCORED)
        ids = now.ids[nearest(now, self._vector, now.of(sources), count)]
        cosines = self.of(ids)
        best = np.lexsort((ids, -cosines))[: min(limit, int(np.count_nonzero(~np.isnan(cosines))))]
        return ids[best], cosines[best]

    def of(self, ids: Ids) -> Float32:
        now = self._now
        if now.heads is None:
            return self._fetched(ids)
        rows, here = now.places(ids)
        slots = np.where(here, now.slots[rows], NOWHERE) if len(now) else np.full(len(ids), NOWHERE)
        held = slots != NOWHERE
        cosines = np.empty(len(ids), dtype=np.float32)
        cosines[held] = now.heads.compare(slots[held], self._vector)
        cosines[~held] = self._fetched(ids[~held])
        return cosines

    def _fetched(self, ids: Ids) -> Float32:
        wanted = ids.tolist()
        rest = [passage_id for passage_id in wanted if passage_id not in self._found]
        if rest:
            self._found |= self._read(rest, func.substr(vectors.c.vector, 1, len(self._vector)))
        return np.array([self._found.get(passage_id, np.nan) for passage_id in wanted], dtype=np.float32)

    def of_parts(self, ids: Ids) -> Float32:
        wanted = ids.tolist()
        found = self._read(wanted, vectors.c.vector)
        return np.array([found.get(passage_id, np.nan) for passage_id in wanted], dtype=np.float32)

    def _read(self, ids: list[int], packed: Any) -> dict[int, float]:
        """The highest cosine of what is `packed`, its first vector left out where there are several; without
        those that have no vector of our dimensions."""
        cosines: dict[int, float] = {}
        dimensions = len(self._vector)
        query: Select[Any] = select(vectors.c.passage_id, vectors.c.scale, packed)
        query = query.where(vectors.c.embedder == self._embedder)
        with self._database.read() as connection:
            for first in range(0, len(ids), AT_ONCE):
                some = query.where(vectors.c.passage_id.in_(ids[first : first + AT_ONCE]))
                rows = [row for row in connection.execute(some).all() if are_vectors(row[2], dimensions)]
                if not rows:
                    continue
                parts = [row[2][dimensions:] or row[2] for row in rows]
                matrix = np.frombuffer(b"".join(parts), dtype=np.int8).reshape(-1, dimensions)
                starts = np.cumsum([0, *(len(each) // dimensions for each in parts[:-1])])
                scales = np.array([row[1] for row in rows], dtype=np.float32)
                best = np.maximum.reduceat(matrix.astype(np.float32) @ self._vector, starts) * scales
                cosines.update(zip((row[0] for row in rows), best.tolist(), strict=True))
        return cosines


def are_vectors(packed: bytes, dimensions: int) -> bool:
    """Whether stored bytes are vectors of so many dimensions."""
    return len(packed) > 0 and len(packed) % dimensions == 0
