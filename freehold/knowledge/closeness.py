"""A close look at the few passages that search has already found: how, not only whether, they hold the words.

Works on the passages' own text, so it costs the same in a small and in a large index. All measures are
shares of IDF, from 0 to 1. Words are compared as numbers, and those of all passages at once: one passage and
one word after the other took most of a search's time, and so would more calls of numpy than these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from freehold.knowledge.words import words

WINDOW = 10
"""Words (without stop words) that count as standing together: about one sentence."""

APART = 1 << 40
"""Places from one passage to the next: so many that what stands in two of them is not near at all."""

MARK, LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
"""Numbers of no word: MARK begins each passage, LAST is above all."""

Numbers = NDArray[np.int64]
Shares = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Numbered:
    """A passage's words as numbers, in order."""

    words: Numbers
    """MARK, the words of where the passage stands, then those of its text."""
    above: int
    """How many of them say where it stands."""


@dataclass(frozen=True, slots=True)
class Closeness:
    """What a close look found; each float64[passages]."""

    held: Shares
    """Share of the text's words that the passage holds."""
    together: Shares
    """The largest share that stands within one window, its title and headings counting in."""
    order: Shares
    """How near each other the text's neighbouring words stand: 1 when all are neighbours there too."""


def numbered(path: Sequence[str], body: Sequence[str]) -> Numbered:
    """Each word's number is the same throughout a process; it has 64 bits, so that no two words share one."""
    count = 1 + len(path) + len(body)
    found = np.fromiter((MARK, *map(hash, path), *map(hash, body)), dtype=np.int64, count=count)
    return Numbered(found, len(path))


def closeness(texts: Sequence[tuple[Mapping[str, float], float]], passages: Sequence[Numbered]) -> Closeness:
    """Looks at passages for texts, each given as its distinct words in order with their IDF, and its weight.

    What is found is the weighted mean of what it is for each text; the weights sum to 1.
    """
    if not passages:
        return Closeness(np.zeros(0), np.zeros(0), np.zeros(0))
    ranked = np.array([MARK, *sorted({hash(word) for text, _ in texts for word in text}), LAST], np.int64)
    columns = {number: column for column, number in enumerate(ranked.tolist())}
    shares, pairs = _shares(texts, columns), _pairs(texts, columns)
    begins = np.array(list(accumulate((len(each.words) for each in passages), initial=0))[:-1])
    laid = np.concatenate([each.words for each in passages])
    # From here on a word is its column; only those that are wanted, and the marks, are hits.
    column = ranked.searchsorted(laid)
    at = np.flatnonzero(ranked[column] == laid)
    column = column[at]
    first = np.flatnonzero(column == 0)
    owner = np.cumsum(column == 0) - 1
    place = (at + owner * APART)[:, None]
    last = np.where(column[:, None] == np.arange(len(ranked)), place, -APART)
    # int64[hits, words]: how many places before each word stood last; APART or more where the passage has
    # not had it yet.
    since = place - np.maximum.accumulate(last, axis=0)
    held = since[np.append(first[1:], len(at)) - 1] < APART
    ends = begins + [each.above for each in passages]
    above = since[at.searchsorted(ends, side="right") - 1] < APART
    # Each hit ends a window. What stands above counts anyway, so not within windows too.
    windows = ((since < WINDOW) & ~above[owner]) @ shares
    whole = shares.sum(axis=1)
    together = above @ whole + np.maximum.reduceat(windows, first, axis=0).sum(axis=1)
    # Where one of two words stands, the other is as far as it was last; elsewhere that is no less.
    nearest = np.minimum.reduceat(np.maximum(since[:, pairs.ones], since[:, pairs.others]), first, axis=0)
    order = np.where(nearest < APART, 1 / nearest, 0.0) @ pairs.weights
    return Closeness(held @ whole, together, order)


def named(parts: Iterable[Set[str]], said: Set[str], rarity: Callable[[str], float]) -> float:
    """How far the words said name one of the places (title, headings) in full: the largest share of them.

    A heading of a single word ("Overview") names nothing; a title, the first of the parts, may.
    """
    best = 0.0
    for number, part in enumerate(parts):
        if said.isdisjoint(part) or (number and len(part) < 2):
            continue
        both = sum([rarity(word) for word in part & said])
        best = max(best, both / sum([rarity(word) for word in part]))
    return best


def path_words(title: str, heading_path: Sequence[str]) -> list[list[str]]:
    """The words of the title and of each heading."""
    return [words(title), *(words(heading) for heading in heading_path if heading != title)]


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Words that are neighbours in a text: their columns, and how much each pair counts."""

    ones: list[int]
    others: list[int]
    weights: Shares


def _shares(texts: Sequence[tuple[Mapping[str, float], float]], columns: Mapping[int, int]) -> Shares:
    """float64[columns, texts]: each word's share of its text's IDF, times the text's weight."""
    shares = np.zeros((len(columns), len(texts)))
    for number, (text, weight) in enumerate(texts):
        total = sum(text.values())
        for word, rarity in text.items():
            shares[columns[hash(word)], number] = weight * rarity / total
    return shares


def _pairs(texts: Sequence[tuple[Mapping[str, float], float]], columns: Mapping[int, int]) -> _Pairs:
    ones: list[int] = []
    others: list[int] = []
    weights: list[float] = []
    for text, weight in texts:
        least = [min(text[one], text[other]) for one, other in pairwise(text)]
        places = [columns[hash(word)] for word in text]
        ones += places[:-1]
        others += places[1:]
        weights += [weight * each / sum(least) for each in least]
    return _Pairs(ones, others, np.array(weights))
