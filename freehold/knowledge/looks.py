"""The words of passages of a large index, remembered while nothing in the store changes.

Reading a passage and taking it apart costs more than comparing its words, and the same passages come up again
and again. Every change of passages leaves a row in `index_changes`, whose numbers only grow: when the highest
has moved on, all is forgotten. Of a small index all passages' words are held instead (wordings.py).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np

from freehold.knowledge.store import fetch_passages
from freehold.knowledge.wordings import Entry, Ids, Laid, Numbers, Path, Vocabulary, read
from freehold.store.database import Database

REMEMBERED = 8_192
"""Passages remembered at most: about 1 kB each."""

MOST_WORDS = 200_000
"""Distinct words among them before all are forgotten."""

CHANGES = "SELECT seq FROM sqlite_sequence WHERE name = 'index_changes'"
"""The highest number that a change of passages ever had."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A passage taken apart, see `Laid`."""

    words: Numbers
    above: int
    path: Path


@dataclass(slots=True)
class _Known:
    """What is remembered, and as of which change."""

    as_of: object
    looks: dict[int, _Look] = field(default_factory=dict)
    numbers: Vocabulary = field(default_factory=Vocabulary)


class Looks:
    """The passages last looked at. For any number of threads."""

    def __init__(self, database: Database, remembered: int = REMEMBERED) -> None:
        self._database = database
        self._remembered = remembered
        self._known = _Known(None)
        self._changing = threading.Lock()

    def lay(self, ids: Ids) -> Laid:
        """The words of those of `ids` that the store has."""
        wanted = ids.tolist()
        as_of = self._database.fetch(CHANGES)
        with self._changing:
            if as_of != self._known.as_of or len(self._known.numbers) > MOST_WORDS:
                self._known = _Known(as_of)
            known = self._known
            found = {passage_id: look for passage_id in wanted if (look := known.looks.get(passage_id))}
        if fresh := self._read([each for each in wanted if each not in found], known):
            found |= fresh
            with self._changing:
                known.looks.update(fresh)
                while len(known.looks) > self._remembered:
                    known.looks.pop(next(iter(known.looks)))
        looks = [found[passage_id] for passage_id in wanted if passage_id in found]
        lengths = np.array([len(look.words) for look in looks], dtype=np.intp)
        return Laid(
            np.array([passage_id in found for passage_id in wanted], dtype=np.bool_),
            np.concatenate([np.empty(0, np.int32), *(look.words for look in looks)]),
            lengths.cumsum() - lengths,
            np.array([look.above for look in looks], dtype=np.int32),
            [look.path for look in looks],
            known.numbers,
            len(known.numbers),
        )

    def _read(self, ids: list[int], known: _Known) -> dict[int, _Look]:
        if not ids:
            return {}
        entries = [
            Entry(each.id, each.source_id, each.document.title, each.heading_path, each.text)
            for each in fetch_passages(self._database, ids).values()
        ]
        with self._changing:
            made = read(entries, known.numbers)
        return {
            passage_id: _Look(
                made.words[made.begins[row] : made.begins[row + 1]], int(made.above[row]), made.path(row)
            )
            for row, passage_id in enumerate(made.ids.tolist())
        }
