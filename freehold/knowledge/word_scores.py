"""How near passages are to one question by words: added up from words held in memory, or asked of tantivy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from freehold.knowledge.index_faults import faults, unreadable
from freehold.knowledge.postings import Postings, Scores
from freehold.knowledge.snapshot import top
from freehold.knowledge.wordings import Ids


class WordScores(Protocol):
    """The scores of one question; see reading.py for what they are."""

    def nearest(self, sources: frozenset[int], limit: int) -> tuple[Ids, Scores]:
        """The passages of `sources` that hold any of the words, best first, and their scores."""
        ...

    def of(self, ids: Ids) -> Scores:
        """The scores of given passages; 0 where none of the words is held."""
        ...


class Added:
    """Of a small index, from its words."""

    def __init__(self, postings: Postings, weights: Mapping[str, tuple[float, float, int]]) -> None:
        """`weights`: how much each word counts, its IDF, and how many passages tantivy has that hold it."""
        self._postings = postings
        self._scores = np.zeros(len(postings.wordings), dtype=np.float32)
        for word, (weight, rarity, holding) in weights.items():
            rows, worth = postings.of(word)
            idf = postings.statistics.idf(holding)
            self._scores[rows] += np.float32(weight * idf / 2) * worth + np.float32(weight * rarity / 2)

    def nearest(self, sources: frozenset[int], limit: int) -> tuple[Ids, Scores]:
        rows = np.flatnonzero(self._scores * self._postings.within(sources))
        best = rows[top(self._scores[rows], limit)]
        return self._postings.wordings.ids[best], self._scores[best]

    def of(self, ids: Ids) -> Scores:
        rows, here = self._postings.wordings.places(ids)
        scores = np.zeros(len(ids), dtype=np.float32)
        scores[here] = self._scores[rows[here]]
        return scores


class Asked:
    """Of a large index, by a query; what it found is remembered."""

    def __init__(
        self,
        schema: Any,
        searcher: Any,
        weights: Mapping[str, tuple[float, float, int]],
        are_all: Callable[[frozenset[int]], bool],
    ) -> None:
        """`are_all`: whether every passage belongs to these sources."""
        self._schema, self._searcher, self._weights, self._are_all = schema, searcher, weights, are_all
        self._found: dict[int, float] = {}

    def nearest(self, sources: frozenset[int], limit: int) -> tuple[Ids, Scores]:
        if self._are_all(sources):  # leaving the filter out takes a third of the time
            return self._ask(self._words(), limit)
        return self._ask(self._among("source_id", sorted(sources)), limit)

    def of(self, ids: Ids) -> Scores:
        wanted = ids.tolist()
        rest = [passage_id for passage_id in wanted if passage_id not in self._found]
        if rest:
            self._ask(self._among("passage_id", rest), len(rest))
        return np.array([self._found.get(passage_id, 0.0) for passage_id in wanted], dtype=np.float32)

    def _among(self, field: str, numbers: list[int]) -> Any:
        """The query for what has any of the words, in the field one of the numbers."""
        from tantivy import Occur, Query

        scope = Query.const_score_query(Query.term_set_query(self._schema, field, numbers), 0.0)
        return Query.boolean_query([(Occur.Must, scope), (Occur.Must, self._words())])

    def _words(self) -> Any:
        """The query for what has any of the words."""
        from tantivy import Occur, Query

        terms = []
        for word, (weight, rarity, _) in self._weights.items():
            term = Query.term_query(self._schema, "body", word, "freq")
            terms.append((Occur.Should, Query.boost_query(term, weight / 2)))
            terms.append((Occur.Should, Query.const_score_query(term, weight * rarity / 2)))
        return Query.boolean_query(terms)

    def _ask(self, query: Any, limit: int) -> tuple[Ids, Scores]:
        with unreadable(), faults():
            found = self._searcher.search(query, max(limit, 1), count=False).hits
            ids = self._searcher.fast_field_values("passage_id", [address for _, address in found])
        scores = [score for score, _ in found]
        self._found.update(zip(ids, scores, strict=True))
        return np.array(ids, dtype=np.int64), np.array(scores, dtype=np.float32)
