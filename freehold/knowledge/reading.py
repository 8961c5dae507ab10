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
from freehold.knowledge.postings import Postings, counted
from freehold.knowledge.word_scores import Added, Asked, WordScores
from freehold.knowledge.wordings import MARK, Wordings

MOST_RARITIES = 100_000
"""Words whose rarity is remembered before all are forgotten."""

MAX_WORDS = 64
"""Distinct words of a question that are searched for: the rarest."""

MOST_SCOPES = 1_000
"""Sets of sources of which is remembered whether they are all there are."""

MOST_LOOKED_UP = 4_096
"""Distinct words whose rarity is looked up at once; a message may be a megabyte."""


class Reading:
    """One moment of the index. For any number of threads."""

    def __init__(self, schema: Any, searcher: Any, wordings: Wordings | None = None) -> None:
        """`wordings`: the words of all passages, where they are held."""
        self.wordings = wordings
        self._schema, self._searcher = schema, searcher
        self._count: int = searcher.num_docs
        self._holding: dict[str, int] = {}
        self._rarities: dict[str, float] = {}
        self._scopes: dict[frozenset[int], bool] = {}

    def ask(self, texts: Sequence[tuple[Mapping[str, float], float]]) -> WordScores:
        """The scores for texts, each as its `rarities` with its weight: the weighted means of theirs.

        Raises:
            Unavailable: the index is damaged; so do the others, and what is given here.
        """
        weights: dict[str, tuple[float, float, int]] = {}
        total = sum(weight for _, weight in texts)
        for rarities, weight in texts:
            whole = sum(rarities.values())
            for word, rarity in rarities.items():
                before = weights[word][0] if word in weights else 0.0
                weights[word] = (before + weight / total / whole, rarity, self._held(word))
        if self.postings is not None:
            return Added(self.postings, weights)
        return Asked(self._schema, self._searcher, weights, self._are_all)

    @cached_property
    def postings(self) -> Postings | None:
        """Of the words that are held; made when first asked for."""
        if self.wordings is None:
            return None
        held = self.wordings.words[self.wordings.words != MARK]
        if not len(held):
            return None
        some = self.wordings.numbers.spelled[held[0]]
        statistics = counted(self._schema, self._searcher, some)
        return None if statistics is None else Postings(self.wordings, statistics)

    def _are_all(self, sources: frozenset[int]) -> bool:
        """Whether every passage belongs to these sources."""
        known = self._scopes.get(sources)
        if known is None:
            from tantivy import Occur, Query

            its = Query.term_set_query(self._schema, "source_id", sorted(sources))
            others = Query.boolean_query([(Occur.Must, Query.all_query()), (Occur.MustNot, its)])
            with unreadable(), faults():
                known = not self._searcher.search(others, 1, count=False).hits
            if len(self._scopes) >= MOST_SCOPES:
                self._scopes = {}
            self._scopes[sources] = known
        return known

    def _held(self, word: str) -> int:
        """How many passages tantivy has that hold a word; deleted ones count until it merges its files."""
        holding = self._holding.get(word)
        if holding is None:
            with unreadable(), faults():
                holding = self._searcher.doc_freq("body", word)
            if len(self._holding) >= MOST_RARITIES:
                self._holding = {}
            self._holding[word] = holding
        return holding

    def rarity(self, word: str) -> float:
        """A word's IDF."""
        rarity = self._rarities.get(word)
        if rarity is None:
            holding = min(self._held(word), self._count)
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
