"""A close look at the few passages that search has already found: how, not only whether, they hold the words.

Works on the passages' own text, so it costs the same in a small and in a large index. All measures are
shares of IDF, from 0 to 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from freehold.knowledge.words import words

WINDOW = 10
"""Words (without stop words) that count as standing together: about one sentence."""


@dataclass(frozen=True, slots=True)
class Closeness:
    """What a close look at one passage for one text found."""

    held: float
    """Share of the text's words that the passage holds."""
    together: float
    """The largest share that stands within one window, its title and headings counting in."""
    order: float
    """How near each other the text's neighbouring words stand: 1 when all are neighbours there too."""


def closeness(wanted: Mapping[str, float], path: Sequence[str], body: Sequence[str]) -> Closeness:
    """Looks at a passage for `wanted`, the text's distinct words in order with their IDF.

    `path` are the words of where the passage stands, `body` those of its text.
    """
    total = sum(wanted.values())
    if not total:
        return Closeness(0.0, 0.0, 0.0)
    hits = [(place, word) for place, word in enumerate([*path, *body]) if word in wanted]
    places: dict[str, list[int]] = {}
    for place, word in hits:
        places.setdefault(word, []).append(place)
    held = sum([wanted[word] for word in places])
    above = sum([wanted[word] for word in places if word in path])
    together = above + _best_window([hit for hit in hits if hit[1] not in path], wanted)
    return Closeness(held / total, together / total, _order(list(wanted), wanted, places))


def named(parts: Sequence[Sequence[str]], said: set[str], rarity: Mapping[str, float]) -> float:
    """How far the words said name one of the places (title, headings) in full: the largest share of them.

    A heading of a single word ("Overview") names nothing; a title, the first of the parts, may.
    """
    best = 0.0
    for number, part in enumerate(parts):
        distinct = set(part)
        if number and len(distinct) < 2:
            continue
        whole = sum([rarity.get(word, 0.0) for word in distinct])
        if whole:
            best = max(best, sum([rarity.get(word, 0.0) for word in distinct & said]) / whole)
    return best


def _best_window(inside: list[tuple[int, str]], wanted: Mapping[str, float]) -> float:
    """The most IDF of distinct words that any WINDOW places hold."""
    best = now = 0.0
    count: dict[str, int] = {}
    first = 0
    for place, word in inside:
        if not count.get(word):
            now += wanted[word]
        count[word] = count.get(word, 0) + 1
        while place - inside[first][0] >= WINDOW:
            gone = inside[first][1]
            count[gone] -= 1
            if not count[gone]:
                now -= wanted[gone]
            first += 1
        best = max(best, now)
    return best


def _order(text: list[str], wanted: Mapping[str, float], places: Mapping[str, list[int]]) -> float:
    total = near = 0.0
    for one, other in itertools.pairwise(text):
        weight = min(wanted[one], wanted[other])
        total += weight
        if one in places and other in places:
            near += weight / _distance(places[one], places[other])
    return near / total if total else 0.0


def _distance(ones: list[int], others: list[int]) -> int:
    """The least distance between places of two sorted lists."""
    best = abs(ones[0] - others[0])
    i = j = 0
    while i < len(ones) and j < len(others):
        best = min(best, abs(ones[i] - others[j]))
        if ones[i] < others[j]:
            i += 1
        else:
            j += 1
    return max(best, 1)


def path_words(title: str, heading_path: Sequence[str]) -> list[list[str]]:
    """The words of the title and of each heading, as `closeness` and `named` take them."""
    return [words(title), *(words(heading) for heading in heading_path if heading != title)]
