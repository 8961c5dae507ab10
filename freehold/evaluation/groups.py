"""Puts questions that ask for the same together, and names each group by its most typical question.

Average linkage on vectors of meaning, or on shared words where there are none. Knows nothing of why the
questions are looked at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freehold.engines.base import Embedder
from freehold.knowledge.words import words

MOST = 2_000
"""Questions that are grouped; of more the first so many, the others joined to the nearest group."""
NEAR, NEAR_BY_WORDS = 0.55, 0.34
"""Mean nearness within a group, by meaning and by words alone; chosen by looking at groups of `dstc11`."""

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that ask for the same."""

    members: tuple[int, ...]
    """Places of the questions, the most typical first."""


def group(questions: Sequence[str], embedder: Embedder | None) -> list[Group]:
    """All questions in groups, the largest first; groups of one too."""
    if not questions:
        return []
    vectors = _vectors(questions, embedder)
    near = NEAR if embedder is not None else NEAR_BY_WORDS
    labels = _linked(vectors[:MOST], near)
    centres = {label: vectors[:MOST][labels == label].sum(axis=0) for label in set(labels.tolist())}
    members: dict[int, list[int]] = {}
    for at, label in enumerate(labels.tolist()):
        members.setdefault(label, []).append(at)
    names = list(centres)
    matrix = np.stack([_unit(centres[name]) for name in names])
    for at in range(MOST, len(questions)):
        scores = matrix @ vectors[at]
        best = int(scores.argmax())
        members.setdefault(names[best] if scores[best] >= near else -at, []).append(at)
    groups = []
    for places in members.values():
        centre = _unit(vectors[places].sum(axis=0))
        order = sorted(places, key=lambda at: (-round(float(vectors[at] @ centre), 6), at))
        groups.append(Group(tuple(order)))
    return sorted(groups, key=lambda one: (-len(one.members), min(one.members)))


def _linked(vectors: Array, near: float) -> NDArray[np.int64]:
    """A label for each row: groups are joined while their mean nearness is at least `near`."""
    count = len(vectors)
    labels = np.arange(count)
    total = (vectors @ vectors.T).astype(np.float64)  # sums of nearness between groups
    sizes = np.ones(count)
    np.fill_diagonal(total, -np.inf)
    alive = np.ones(count, bool)
    mean = total.copy()
    best = mean.argmax(axis=1) if count > 1 else np.zeros(count, np.int64)
    while alive.sum() > 1:
        tops = np.where(alive, mean[np.arange(count), best], -np.inf)
        a = int(tops.argmax())
        if tops[a] < near:
            break
        b = int(best[a])
        total[a] += total[b]
        total[:, a] = total[a]
        total[a, a] = -np.inf
        sizes[a] += sizes[b]
        alive[b] = False
        labels[labels == b] = a
        mean[a] = np.where(alive, total[a] / (sizes[a] * sizes), -np.inf)
        mean[:, a] = mean[a]
        mean[b], mean[:, b] = -np.inf, -np.inf
        mean[a, a] = -np.inf
        stale = alive & ((best == a) | (best == b) | (mean[:, a] > mean[np.arange(count), best]))
        stale[a] = True
        best[stale] = mean[stale].argmax(axis=1)
    return labels


def _vectors(questions: Sequence[str], embedder: Embedder | None) -> Array:
    if embedder is not None:
        made = [embedder.embed([_bare(question)])[0] for question in questions]
        return np.stack(made).astype(np.float32)
    counts = Counter(word for question in questions for word in set(words(question)))
    shared = [word for word, count in counts.most_common(4_000) if count > 1]  # others join nothing
    places = {word: at for at, word in enumerate(shared)}
    rows = np.zeros((len(questions), max(1, len(places))), np.float32)
    for row, question in zip(rows, questions, strict=True):
        for word in set(words(question)):
            if word in places:
                row[places[word]] = np.log(1 + len(questions) / counts[word])
        row[:] = _unit(row)
    return rows


def _unit(row: Array) -> Array:
    length = float(np.linalg.norm(row))
    return row / length if length else row


def _bare(question: str) -> str:
    """The last of a long message: what it asks for stands there, the story before."""
    sentences = re.split(r"(?<=[.!?])\s+", question.strip())
    asking = [one for one in sentences if one.endswith("?")]
    return " ".join(asking[-2:] or sentences)[:600]
