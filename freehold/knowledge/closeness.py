"""A close look at the few passages that search has already found: how, not only whether, they hold the words.

Works on the passages' own text, so it costs the same in a small and in a large index. All measures are
shares of IDF, from 0 to 1. Words are compared as numbers, and those of all the passages at once: one passage
and one word after the other took most of a search's time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.knowledge.words import words

WINDOW = 10
"""Words (without stop words) that count as standing together: about one sentence."""

APART = 1 << 40
"""Places from one passage to the next: more than a passage has words."""

Numbers = NDArray[np.int64]
Shares = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Numbered:
    """A passage's words as numbers, in order."""

    words: Numbers
    """Those of where the passage stands, then those of its text."""
    above: int
    """How many of them say where it stands."""


@dataclass(frozen=True, slots=True)
class Closeness:
    """What a close look for one text found; each float64[passages]."""

    held: Shares
    """Share of the text's words that the passage holds."""
    together: Shares
    """The largest share that stands within one window, its title and headings counting in."""
    order: Shares
    """How near each other the text's neighbouring words stand: 1 when all are neighbours there too."""


@dataclass(frozen=True, slots=True)
class _Hits:
    """Where passages hold the words looked for, in order."""

    word: NDArray[np.intp]
    """intp[hits]: which of the words."""
    owner: NDArray[np.intp]
    """intp[hits]: which of the passages."""
    first: NDArray[np.intp]
    """intp[passages that hold any]: the first hit of each."""
    since: Numbers
    """int64[hits, words]: how many places before each word stood last, 0 for the hit's own; more than APART
    where the passage has not had it yet."""
    held: NDArray[np.bool_]
    """bool[passages, words]."""
    above: NDArray[np.bool_]
    """bool[passages, words]: held by where the passage stands."""


def numbers(found: Sequence[str]) -> Numbers:
    """Each word's number, the same throughout a process: of 64 bits, so that no two words share one."""
    return np.fromiter(map(hash, found), dtype=np.int64, count=len(found))


def closeness(texts: Sequence[Mapping[str, float]], passages: Sequence[Numbered]) -> list[Closeness]:
    """Looks at passages for each of the texts, its distinct words in order with their IDF."""
    columns = {
        word: column for column, word in enumerate(dict.fromkeys(word for text in texts for word in text))
    }
    hits = _hits(numbers(list(columns)), passages)
    return [
        _closeness(hits, [columns[word] for word in text], np.array(list(text.values()), dtype=np.float64))
        for text in texts
    ]


def named(parts: Iterable[Set[str]], said: Set[str], rarity: Callable[[str], float]) -> float:
    """How far the words said name one of the places (title, headings) in full: the largest share of them.

    A heading of a single word ("Overview") names nothing; a title, the first of the parts, may.
    """
    best = 0.0
    for number, part in enumerate(parts):
        if said.isdisjoint(part) or (number and len(part) < 2):
            continue
        shares = [(rarity(word), word in said) for word in part]
        best = max(
            best, sum([share for share, among in shares if among]) / sum([share for share, _ in shares])
        )
    return best


def path_words(title: str, heading_path: Sequence[str]) -> list[list[str]]:
    """The words of the title and of each heading."""
    return [words(title), *(words(heading) for heading in heading_path if heading != title)]


def _hits(wanted: Numbers, passages: Sequence[Numbered]) -> _Hits:
    sizes = np.array([len(each.words) for each in passages], dtype=np.intp)
    begins = np.cumsum(sizes) - sizes
    laid = np.concatenate([wanted[:0], *(each.words for each in passages if len(wanted))])
    order = np.argsort(wanted)
    rank = np.minimum(np.searchsorted(wanted, laid, sorter=order), len(wanted) - 1)
    at = np.flatnonzero(wanted[order[rank]] == laid)
    word, owner = order[rank[at]], np.searchsorted(begins, at, side="right") - 1
    place = at + owner * APART
    last = np.full((len(at), len(wanted)), -2 * APART)
    last[np.arange(len(at)), word] = place
    np.maximum.accumulate(last, axis=0, out=last)
    held = np.zeros((len(passages), len(wanted)), dtype=np.bool_)
    held[owner, word] = True
    above = np.zeros_like(held)
    high = at - begins[owner] < np.array([each.above for each in passages], dtype=np.intp)[owner]
    above[owner[high], word[high]] = True
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    return _Hits(word, owner, first, place[:, None] - last, held, above)


def _closeness(hits: _Hits, columns: list[int], rarity: Shares) -> Closeness:
    total = rarity.sum()
    if not total:
        nothing = np.zeros(len(hits.held))
        return Closeness(nothing, nothing, nothing)
    held, above, since = hits.held[:, columns], hits.above[:, columns], hits.since[:, columns]
    # Each hit ends a window. What stands above counts anyway, so not within it too.
    window = ((since < WINDOW) & ~above[hits.owner]) @ rarity
    together = above @ rarity + _of_each(np.maximum, window, hits, 0.0)
    return Closeness(held @ rarity / total, together / total, _order(hits, columns, since, rarity))


def _order(hits: _Hits, columns: list[int], since: Numbers, rarity: Shares) -> Shares:
    weights = np.minimum(rarity[:-1], rarity[1:])
    if not weights.sum():
        return np.zeros(len(hits.held))
    word, ones, others = hits.word[:, None], np.array(columns[:-1]), np.array(columns[1:])
    distances = np.where(
        word == ones, since[:, 1:], np.where(word == others, since[:, :-1], np.int64(2 * APART))
    )
    nearest = _of_each(np.minimum, distances, hits, 2 * APART)
    order: Shares = np.where(nearest < APART, 1 / nearest, 0.0) @ weights / weights.sum()
    return order


def _of_each(least_or_most: np.ufunc, of_hits: NDArray[Any], hits: _Hits, otherwise: float) -> NDArray[Any]:
    """Of each passage the least or the most of what its hits have, [passages, …]."""
    found = np.full((len(hits.held), *of_hits.shape[1:]), otherwise, dtype=of_hits.dtype)
    if len(hits.first):
        found[hits.owner[hits.first]] = least_or_most.reduceat(of_hits, hits.first, axis=0)
    return found
