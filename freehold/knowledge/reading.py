"""What the index of words says at one moment.

Scores are the mean of BM25 and of the IDF of the words found, divided by the IDF of all the question's
words, so that 1 means about the same for every question. (BM25 alone prefers short passages that say one of
the words often.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from freehold.knowledge.index_faults import faults, unreadable
from freehold.knowledge.postings import Postings
from freehold.knowledge.word_scores import Added, Asked, WordScores

SMALL = 40_000
"""Passages up to which scores are added up from what is remembered of each word."""

MOST_RARITIES = 100_000
"""Words whose rarity is remembered before all are forgotten."""

MAX_WORDS = 64
"""Distinct words of a question that are searched for: the rarest."""

MOST_LOOKED_UP = 4_096
"""Distinct words whose rarity is looked up at once; a message may be a megabyte."""


class Reading:
    """One moment of the index. For any number of threads."""

    def __init__(self, schema: Any, searcher: Any) -> None:
        self._schema, self._searcher = schema, searcher
        self._count: int = searcher.num_docs
        self._rarities: dict[str, float] = {}

    def ask(self, texts: Sequence[tuple[Mapping[str, float], float]]) -> WordScores:
        """The scores for texts, each as its `rarities` with its weight: the weighted means of theirs.

        Raises:
            Unavailable: the index is damaged; so do the others, and what is given here.
        """
        weights: dict[str, tuple[float, float]] = {}
        total = sum(weight for _, weight in texts)
        for rarities, weight in texts:
            whole = sum(rarities.values())
            for word, rarity in rarities.items():
                before = weights.get(word, (0.0, rarity))[0]
                weights[word] = (before + weight / total / whole, rarity)
        if 0 < self._count <= SMALL:
            return Added(self._postings, weights)
        return Asked(self._schema, self._searcher, weights)

    @cached_property
    def _postings(self) -> Postings:
        return Postings(self._schema, self._searcher)

    def rarity(self, word: str) -> float:
        """A word's IDF."""
        rarity = self._rarities.get(word)
        if rarity is None:
            with unreadable(), faults():
                holding = self._searcher.doc_freq("body", word)
            holding = min(holding, self._count)  # deleted passages count until a merge
            rarity = math.log(1 + (self._count - holding + 0.5) / (holding + 0.5))
            if len(self._rarities) >= MOST_RARITIES:
                self._rarities = {}
            self._rarities[word] = rarity
        return rarity

    def rarities(self, found: Iterable[str]) -> dict[str, float]:
        """The IDF of the distinct words among `found`, in their order; of many, the MAX_WORDS rarest."""
        distinct = list(dict.fromkeys(found))[:MOST_LOOKED_UP]
        rarities = {word: self.rarity(word) for word in distinct}
        if len(rarities) > MAX_WORDS:
            kept = set(sorted(rarities, key=rarities.__getitem__, reverse=True)[:MAX_WORDS])
            rarities = {word: rarity for word, rarity in rarities.items() if word in kept}
        return rarities
