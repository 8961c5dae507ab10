"""A close look at the few passages that search has already found: how, not only whether, they hold the words.

Works on the passages' own text, so it costs the same in a small and in a large index. All measures are
shares of IDF, from 0 to 1. Words are compared as numbers (wordings.py), and those of all passages at once:
one passage and one word after the other took most of a search's time, and so would more calls of numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from freehold.knowledge.wordings import Laid

WINDOW = 10
"""Words (without stop words) that count as standing together: about one sentence."""

APART = 1 << 40
"""Places from one passage to the next: so many that what stands in two of them is not near at all."""

Shares = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Closeness:
    """What a close look found; each float64[passages]."""

    held: Shares
    """Share of the text's words that the passage holds."""
    together: Shares
    """The largest share that stands within one window, its title and headings counting in."""
    order: Shares
    """How near each other the text's neighbouring words stand: 1 when all are neighbours there too."""


def closeness(texts: Sequence[tuple[Mapping[str, float], float]], laid: Laid) -> Closeness:
    """Looks at passages for texts, each given as its distinct words in order with their IDF, and its weight.

    What is found is the weighted mean of what it is for each text; the weights sum to 1.
    """
    if not len(laid.begins):
        return Closeness(np.zeros(0), np.zeros(0), np.zeros(0))
    columns = {"": 0}
    for text, _ in texts:
        for word in text:
            columns.setdefault(word, len(columns))
    shares, pairs = _shares(texts, columns), _pairs(texts, columns)
    # From here on a word is its column; only those that are wanted, and the marks, are hits.
    wanted = np.zeros(laid.known, dtype=np.uint8)
    for word, its in columns.items():
        if (number := laid.numbers.get(word, laid.known)) < laid.known:
            wanted[number] = its + 1
    found = wanted[laid.words]
    at = found.nonzero()[0]
    column = found[at].astype(np.intp) - 1
    first = np.flatnonzero(column == 0)
    owner = np.cumsum(column == 0) - 1
    place = (at + owner * APART)[:, None]
    last = np.where(column[:, None] == np.arange(len(columns)), place, -APART)
    # int64[hits, words]: how many places before each word stood last; APART or more where the passage has
    # not had it yet.
    since = place - np.maximum.accumulate(last, axis=0)
    held = since[np.append(first[1:], len(at)) - 1] < APART
    ends = laid.begins + laid.above
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


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Words that are neighbours in a text: their columns, and how much each pair counts."""

    ones: list[int]
    others: list[int]
    weights: Shares


def _shares(texts: Sequence[tuple[Mapping[str, float], float]], columns: Mapping[str, int]) -> Shares:
    """float64[columns, texts]: each word's share of its text's IDF, times the text's weight."""
    shares = np.zeros((len(columns), len(texts)))
    for number, (text, weight) in enumerate(texts):
        total = sum(text.values())
        for word, rarity in text.items():
            shares[columns[word], number] = weight * rarity / total
    return shares


def _pairs(texts: Sequence[tuple[Mapping[str, float], float]], columns: Mapping[str, int]) -> _Pairs:
    ones: list[int] = []
    others: list[int] = []
    weights: list[float] = []
    for text, weight in texts:
        least = [min(text[one], text[other]) for one, other in pairwise(text)]
        places = [columns[word] for word in text]
        ones += places[:-1]
        others += places[1:]
        weights += [weight * each / sum(least) for each in least]
    return _Pairs(ones, others, np.array(weights))
