"""The words of passages in their order, as numbers: what scores by words and a close look need.

Of a small index all passages' are held, in flat arrays, so that one that was never asked for costs what any
other does. A moment of it never changes; what changes makes the next.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.knowledge.words import words

Numbers = NDArray[np.int32]
Ids = NDArray[np.int64]
Places = NDArray[np.intp]

MARK = 0
"""The number of no word: it begins each passage."""

Path = tuple[frozenset[str], ...]
"""The words of a passage's title and of each of its headings."""


class Vocabulary(dict[str, int]):
    """The numbers of words: asked for one that it does not know, it gives the next."""

    def __init__(self) -> None:
        super().__init__({"": MARK})
        self.spelled = [""]
        """The words, each at its number."""

    def __missing__(self, word: str) -> int:
        self.spelled.append(word)  # first, for who reads in another thread a number that it just met
        number = self[word] = len(self)
        return number


class Entry(NamedTuple):
    """A passage as the index of words takes it in."""

    id: int
    source: int
    title: str
    headings: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Laid:
    """Some passages' words, one passage after the other."""

    here: NDArray[np.bool_]
    """Which of those asked for there are; the rest is about these."""
    words: Numbers
    """Of each MARK, the words of where it stands, then those of its text."""
    begins: Places
    """Where each begins."""
    above: NDArray[np.int32]
    """How many of its words say where it stands."""
    paths: Sequence[Path]
    numbers: Vocabulary
    """Of words; another thread may just be adding some to it."""
    known: int
    """Numbers below this may occur among `words`."""


@dataclass(frozen=True, slots=True)
class Wordings:
    """The words of all passages at one moment."""

    ids: Ids
    """Ascending."""
    sources: Ids
    begins: Places
    """Where each passage's words begin, and at last where they end."""
    words: Numbers
    above: NDArray[np.int32]
    parts: NDArray[np.object_]
    """Of how many words the title and each heading of a passage are, a tuple for each. The words themselves,
    held here as sets, would take more than all the rest."""
    numbers: Vocabulary
    known: int

    def __len__(self) -> int:
        return len(self.ids)

    def places(self, ids: Ids) -> tuple[Places, NDArray[np.bool_]]:
        """The rows of given ids, and which of them are here."""
        rows = self.ids.searchsorted(ids)
        if not len(self):
            return rows, np.zeros(len(ids), dtype=np.bool_)
        rows = np.minimum(rows, len(self) - 1)
        return rows, self.ids[rows] == ids

    def lay(self, ids: Ids) -> Laid:
        """The words of given passages."""
        rows, here = self.places(ids)
        rows = rows[here]
        begins, ends = self.begins[rows], self.begins[rows + 1]
        lengths = ends - begins
        laid = self.words[_spread(begins, lengths)]
        at = lengths.cumsum() - lengths
        paths = [self.path(row) for row in rows.tolist()]
        return Laid(here, laid, at, self.above[rows], paths, self.numbers, self.known)

    def path(self, row: int) -> Path:
        """The words of where a passage stands."""
        first = int(self.begins[row]) + 1  # after the mark
        over = self.words[first : first + int(self.above[row])].tolist()
        said = iter([self.numbers.spelled[number] for number in over])
        return tuple(frozenset(islice(said, length)) for length in self.parts[row])

    def changed(self, ids: Ids, fresh: Wordings) -> Wordings:
        """Without these passages, and with others; both of one vocabulary."""
        kept = np.flatnonzero(~np.isin(self.ids, ids))
        every = np.concatenate([self.ids[kept], fresh.ids])
        order = every.argsort(kind="stable")
        rows = np.concatenate([kept, len(self) + np.arange(len(fresh))])[order]
        begins = np.concatenate([self.begins[:-1], fresh.begins[:-1] + len(self.words)])[rows]
        lengths = np.concatenate([np.diff(self.begins), np.diff(fresh.begins)])[rows]
        return Wordings(
            every[order],
            np.concatenate([self.sources, fresh.sources])[rows],
            np.append(0, lengths.cumsum()),
            np.concatenate([self.words, fresh.words])[_spread(begins, lengths)],
            np.concatenate([self.above, fresh.above])[rows],
            np.concatenate([self.parts, fresh.parts])[rows],
            fresh.numbers,
            fresh.known,
        )


def read(entries: Iterable[Entry], vocabulary: Vocabulary) -> Wordings:
    """Takes passages apart, given by ascending id."""
    ids, sources, begins, above = array("q"), array("q"), array("q", [0]), array("i")
    numbers, parts = array("i"), list[tuple[int, ...]]()
    places: dict[tuple[str, tuple[str, ...]], tuple[tuple[int, ...], list[int]]] = {}
    same: dict[tuple[int, ...], tuple[int, ...]] = {}
    for entry in entries:
        place = places.get((entry.title, entry.headings))
        if place is None:
            path = path_words(entry.title, entry.headings)
            lengths = tuple(map(len, path))
            over = [vocabulary[word] for part in path for word in part]
            place = places[entry.title, entry.headings] = same.setdefault(lengths, lengths), over
        lengths, over = place
        numbers.append(MARK)
        numbers.extend(over)
        numbers.extend(map(vocabulary.__getitem__, words(entry.text)))
        ids.append(entry.id)
        sources.append(entry.source)
        begins.append(len(numbers))
        above.append(len(over))
        parts.append(lengths)
    held = np.empty(len(parts), dtype=np.object_)
    held[:] = parts
    return Wordings(
        np.array(ids, dtype=np.int64),
        np.array(sources, dtype=np.int64),
        np.array(begins, dtype=np.intp),
        np.array(numbers, dtype=np.int32),
        np.array(above, dtype=np.int32),
        held,
        vocabulary,
        len(vocabulary),
    )


def path_words(title: str, heading_path: Sequence[str]) -> list[list[str]]:
    """The words of the title and of each heading."""
    return [words(title), *(words(heading) for heading in heading_path if heading != title)]


def _spread(begins: Places, lengths: Places) -> Places:
    """All places of ranges, one range after the other."""
    ends = lengths.cumsum()
    places: Places = np.arange(ends[-1] if len(ends) else 0) + (begins - ends + lengths).repeat(lengths)
    return places
