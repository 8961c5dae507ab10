"""What a close look needs of a passage, remembered while nothing in the store changes.

Reading a passage, taking its words apart and fetching the vectors of its parts cost more than comparing
them, and the same passages come up again and again. Every change of passages leaves a row in
`index_changes`, whose numbers only grow: when the highest has moved on, all is forgotten. Vectors come later
than passages, so what has none yet is asked for again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from freehold.knowledge.closeness import Numbered, numbered, path_words
from freehold.knowledge.store import load_passages
from freehold.knowledge.words import words
from freehold.store.database import Database
from freehold.types import Passage

REMEMBERED = 8_192
"""Passages remembered at most: about 5 kB each."""

CHANGES = "SELECT seq FROM sqlite_sequence WHERE name = 'index_changes'"
"""The highest number that a change of passages ever had."""

Parts = tuple[NDArray[np.int8], float]
"""Vectors of a passage's parts, and the scale they are to be multiplied by."""

ReadParts = Callable[[Connection, Iterable[int]], Mapping[int, Parts]]


@dataclass(frozen=True, slots=True)
class Look:
    """A passage taken apart."""

    passage: Passage
    path: tuple[frozenset[str], ...]
    """The words of the title and of each heading."""
    numbered: Numbered
    parts: Parts | None
    """None while it has no vector."""


class Looks:
    """The passages last looked at. For any number of threads."""

    def __init__(self, database: Database, parts: ReadParts | None, remembered: int = REMEMBERED) -> None:
        self._database = database
        self._parts = parts
        self._remembered = remembered
        self._known: dict[int, Look] = {}
        self._as_of: int | None = None
        self._changing = threading.Lock()

    def get(self, ids: Iterable[int]) -> dict[int, Look]:
        """Those of `ids` that the store still has, in the order of `ids`."""
        wanted = list(ids)
        as_of = self._database.peek(CHANGES)
        with self._changing:
            known = self._known if as_of == self._as_of else {}
        found = {passage_id: look for passage_id in wanted if (look := known.get(passage_id))}
        if len(found) < len(wanted) or self._lacking(found):
            found = self._found(wanted)
        return found

    def _found(self, wanted: list[int]) -> dict[int, Look]:
        """The same with what has to be read."""
        with self._database.read() as connection:
            as_of = connection.exec_driver_sql(CHANGES).scalar()
            with self._changing:
                if as_of != self._as_of:
                    self._known, self._as_of = {}, as_of
                known = self._known
            # `known` is of this moment: a change makes another one, and this one is left to us.
            found = {passage_id: look for passage_id in wanted if (look := known.get(passage_id))}
            fresh = self._read(connection, [passage_id for passage_id in wanted if passage_id not in found])
            fresh |= self._completed(connection, {**found, **fresh})
        with self._changing:
            known.update(fresh)
            while len(known) > self._remembered:
                known.pop(next(iter(known)))
        found |= fresh
        return {passage_id: found[passage_id] for passage_id in wanted if passage_id in found}

    def _read(self, connection: Connection, ids: list[int]) -> dict[int, Look]:
        return {
            passage_id: _taken_apart(passage)
            for passage_id, passage in (load_passages(connection, ids) if ids else {}).items()
        }

    def _lacking(self, looks: Mapping[int, Look]) -> list[int]:
        """Those that had no vectors when they were last looked at, if vectors are wanted."""
        if self._parts is None:
            return []
        return [passage_id for passage_id, look in looks.items() if look.parts is None]

    def _completed(self, connection: Connection, looks: Mapping[int, Look]) -> dict[int, Look]:
        """With their vectors, those that lacked them and have them now."""
        lacking = self._lacking(looks)
        if not lacking or self._parts is None:
            return {}
        parts = self._parts(connection, lacking)
        return {passage_id: replace(looks[passage_id], parts=parts[passage_id]) for passage_id in parts}


def _taken_apart(passage: Passage) -> Look:
    path = path_words(passage.document.title, passage.heading_path)
    above = [word for part in path for word in part]
    paths = tuple(frozenset(part) for part in path)
    return Look(passage, paths, numbered(above, words(passage.text)), None)
