"""The index of vectors: numpy in memory over the int8 vectors of the store.

Signs, a bit a dimension, say which passages may be near; those are compared exactly. Up to `EXACT_LIMIT`
passages the int8 vectors are held too, with those of their parts. Above it the passages' own are read into
memory once the index is open (`hold`); until then, and where they find no room, the nearest ones' are fetched
from the store. Signs are kept in the store beside the vector they were made of, so that a large index opens
without reading vectors; it has nothing on disk of its own, so nothing to corrupt.

Searching reads an immutable snapshot; what is added or removed makes the next one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, bindparam, func, select, update

from freehold.errors import FreeholdError
from freehold.knowledge.heads import BLOCK, NOWHERE, Heads
from freehold.knowledge.signs import are_signs, read, signs_of, written
from freehold.knowledge.snapshot import (
    CHUNK,
    NO_SLOTS,
    Float32,
    Snapshot,
    empty,
    joined,
    taken,
    unpacked,
    with_heads,
)
from freehold.knowledge.store import AT_ONCE, passages, vectors
from freehold.knowledge.vector_scores import Held, Stored, VectorScores, are_vectors
from freehold.store.database import Database

EXACT_LIMIT = 40_000
"""Passages up to which the int8 vectors are held in memory (of 384 dimensions, with three parts: 61 MB)."""


HELD_BYTES = 400 * 10**6
"""Room for the passages' own vectors of a larger one: of 384 dimensions for a million."""

log = logging.getLogger(__name__)


def quantise(vector: Float32) -> tuple[bytes, float]:
    """A vector (or several in a row) as the store keeps it: int8 and the scale that gives it back."""
    scale = float(np.abs(vector).max()) / 127 or 1.0
    return np.rint(vector / scale).astype(np.int8).tobytes(), scale


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
        self._closing = threading.Event()
        self._holds = False
        self._thread: threading.Thread | None = None
        self._now = empty(dimensions, exact=True)

    def __len__(self) -> int:
        """Vectors held."""
        return len(self._now)

    @property
    def mark(self) -> tuple[int, int]:
        """How many passages are held, and the newest of them: tells apart what searches saw at two times."""
        ids = self._now.ids
        return len(ids), int(ids.max(initial=0))

    def load(self) -> None:
        """Reads what is held of every vector from the store, and keeps there the signs it had to make."""
        with self._changing:
            self._load()

    def _load(self) -> None:
        with self._database.read() as connection:
            total = connection.execute(self._mine(select(func.count()))).scalar_one()
            if total <= self._exact_limit:
                self._now = self._read(connection, None, exact=True)
                return
        self._now = self._signs()
        if self._holds:
            self.hold_soon()

    def hold(self) -> None:
        """Reads the passages' own vectors of a large index into memory, now and whenever it becomes large.

        Those of a million take some ten seconds; meanwhile searching goes on without them.
        """
        with self._changing:
            self._holds = True
            if self._now.exact:
                return
            self._now = with_heads(self._now, Heads(self._dimensions, HELD_BYTES // self._dimensions))
        last, own = 0, func.substr(vectors.c.vector, 1, self._dimensions)
        query = self._mine(select(vectors.c.passage_id, vectors.c.scale, own)).order_by(vectors.c.passage_id)
        while not self._closing.is_set():
            with self._database.read() as connection:
                some = query.where(vectors.c.passage_id > last).limit(CHUNK)
                rows = next(_tuples(connection, some), ())
            if not rows:
                return
            last = rows[-1][0]
            with self._changing:
                if not self._put(rows):
                    return

    def hold_soon(self) -> None:
        """The same in a thread of its own."""

        def hold() -> None:
            try:
                self.hold()
            except FreeholdError as error:
                log.warning("Vectors are not held in memory, so searches are slower: %s", error.message)

        self._thread = threading.Thread(target=hold, name="vectors", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends what goes on in a thread."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(5)

    def _put(self, rows: Sequence[Any]) -> bool:
        """Holds those that are lacking of (passage id, scale, vector); says whether there is room left."""
        now = self._now
        if now.heads is None:
            return False
        if not len(now):
            return True
        whole = [row for row in rows if len(row[2]) == self._dimensions]
        at, here = now.places(np.array([row[0] for row in whole], dtype=np.int64))
        lacking = here & (now.slots[at] == NOWHERE)
        matrix = np.frombuffer(b"".join(row[2] for row in whole), dtype=np.int8).reshape(-1, self._dimensions)
        scales = np.array([row[1] for row in whole], dtype=np.float32)
        slots = now.slots.copy()
        slots[at[lacking]] = now.heads.add(matrix[lacking], scales[lacking])
        self._now = replace(now, slots=slots)
        return now.heads.used < now.heads.room

    def refresh(self) -> None:
        """Takes in what the store gained and lost since; cheap when that is little."""
        with self._changing:
            with self._database.read() as connection:
                stored = np.array(
                    connection.execute(self._mine(select(vectors.c.passage_id))).scalars().all(), np.int64
                )
            if (len(stored) <= self._exact_limit) != self._now.exact:
                self._load()
                return
            kept = np.isin(self._now.ids, stored)
            if not kept.all():
                self._now = taken(self._now, kept)
            self._take_in(np.setdiff1d(stored, self._now.ids).tolist())

    def add(self, passage_ids: Iterable[int]) -> None:
        """Takes in the vectors that the store has of these passages."""
        wanted = sorted(set(passage_ids))
        with self._changing:
            if self._now.exact and len(self._now) + len(wanted) > self._exact_limit:
                self._load()
                return
            self._take_in(wanted)

    def _take_in(self, ids: list[int]) -> None:
        """Reads these passages' vectors in the place of those held."""
        if not ids:
            return
        with self._database.read() as connection:
            fresh = self._read(connection, ids, exact=self._now.exact, heads=self._now.heads)
        if not fresh.exact:
            self._keep(fresh)
        kept = ~np.isin(self._now.ids, ids)
        self._now = _tidied(joined(self._now if kept.all() else taken(self._now, kept), fresh))

    def remove(self, passage_ids: Iterable[int]) -> None:
        """Forgets these passages."""
        gone = list(passage_ids)
        with self._changing:
            self._now = _tidied(taken(self._now, ~np.isin(self._now.ids, gone)))

    def ask(self, vector: Float32) -> VectorScores:
        """The cosines of a vector, by what is held now."""
        now = self._now
        return Held(now, vector) if now.exact else Stored(self._database, self._name, now, vector)

    def search(self, vector: Float32, *, sources: frozenset[int], limit: int) -> list[tuple[int, float]]:
        """The passages nearest to a vector, best first, as (passage id, cosine); only of `sources`."""
        if limit < 1 or not sources or not len(self):
            return []
        ids, cosines = self.ask(vector).nearest(sources, limit)
        return list(zip(ids.tolist(), cosines.tolist(), strict=True))

    def _signs(self) -> Snapshot:
        """The snapshot of a large index: signs alone. Those that the store lacks are made of their vectors
        and kept there for the next time."""
        with self._database.read() as connection:
            sources = _columns(connection, select(passages.c.id, passages.c.source_id))
            held, lacking = [empty(self._dimensions, exact=False)], []
            query = self._mine(select(vectors.c.passage_id, vectors.c.signs)).order_by(vectors.c.passage_id)
            for rows in _tuples(connection, query):
                known = [row for row in rows if are_signs(row[1], self._dimensions)]
                if len(known) < len(rows):
                    lacking += [row[0] for row in rows if not are_signs(row[1], self._dimensions)]
                if not known:
                    continue
                numbers, packed = zip(*known, strict=True)
                ids = np.array(numbers, dtype=np.int64)
                its = sources[np.searchsorted(sources[:, 0], ids), 1]
                held.append(replace(held[0], ids=ids, sources=its, signs=read(packed, self._dimensions)))
        for first in range(0, len(lacking), CHUNK):
            with self._database.read() as connection:
                fresh = self._read(connection, lacking[first : first + CHUNK], exact=False)
            self._keep(fresh)
            held.append(fresh)
        return joined(*held)

    def _keep(self, fresh: Snapshot) -> None:
        """Writes the signs beside their vectors."""
        rows = [
            {"passage": passage_id, "made": signs}
            for passage_id, signs in zip(fresh.ids.tolist(), written(fresh.signs), strict=True)
        ]
        if rows:
            its = (vectors.c.passage_id == bindparam("passage")) & (vectors.c.embedder == self._name)
            with self._database.write() as connection:
                connection.execute(update(vectors).where(its).values(signs=bindparam("made")), rows)

    def _read(
        self, connection: Connection, ids: list[int] | None, *, exact: bool, heads: Heads | None = None
    ) -> Snapshot:
        """The stored vectors of `ids`, or all of them, put into `heads` where those are given."""
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
        found = [replace(empty(self._dimensions, exact=exact), heads=heads)]
        for part in parts:
            result = connection.execution_options(yield_per=CHUNK).execute(part)
            for rows in result.partitions(CHUNK):
                whole = [row for row in rows if are_vectors(row.vector, self._dimensions)]
                matrix = unpacked([row.vector for row in whole], self._dimensions)
                scales = np.array([row.scale for row in whole], dtype=np.float32)
                found.append(
                    Snapshot(
                        np.array([row.passage_id for row in whole], dtype=np.int64),
                        np.array([row.source_id for row in whole], dtype=np.int64),
                        scales if exact else scales[:0],
                        matrix if exact else found[0].rows,
                        found[0].floats,
                        signs_of(matrix[:, 0]),
                        exact,
                        heads,
                        NO_SLOTS if heads is None else heads.add(matrix[:, 0], scales),
                    )
                )
        return joined(*found)

    def _mine(self, query: Select[Any]) -> Select[Any]:
        return query.where(vectors.c.embedder == self._name)


def _tidied(now: Snapshot) -> Snapshot:
    """With heads of its own size: most of what a large index forgot is still among them."""
    if now.heads is None or now.heads.used <= 2 * len(now) + BLOCK:
        return now
    heads, slots = now.heads.moved(now.slots)
    return replace(now, heads=heads, slots=slots)


def _columns(connection: Connection, query: Select[Any]) -> NDArray[np.int64]:
    """Whole numbers in two columns, ascending by the first."""
    parts = [np.array(rows, dtype=np.int64) for rows in _tuples(connection, query)]
    whole = np.concatenate([np.empty((0, 2), np.int64), *parts])
    ordered: NDArray[np.int64] = whole[np.argsort(whole[:, 0], kind="stable")]
    return ordered


def _tuples(connection: Connection, query: Select[Any]) -> Iterator[Sequence[Any]]:
    """The rows as the database's driver gives them, some at a time: of a million rows, SQLAlchemy's own take
    several times as long."""
    cursor = connection.execute(query).cursor
    while rows := cursor.fetchmany(CHUNK):
        yield rows
