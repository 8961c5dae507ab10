"""How near passages are to one question by words: added up from what is remembered of each word, or asked of
the whole index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from freehold.knowledge.postings import Ids, Postings, Scores, hits
from freehold.knowledge.snapshot import top

Weights = Mapping[str, tuple[float, float]]
"""How much each word of a question counts, and its IDF."""


class WordScores(Protocol):
    """The scores of one question; see reading.py for what they are."""

    def nearest(self, sources: frozenset[int], limit: int) -> tuple[Ids, Scores]:
        """The passages of `sources` that hold any of the words, best first, and their scores."""
        ...

    def of(self, ids: Ids) -> Scores:
        """The scores of given passages; 0 where none of the words is held."""
        ...


class Added:
    """Of a small index, by what is remembered of each word."""

    def __init__(self, postings: Postings, weights: Weights) -> None:
        self._postings = postings
        self._scores = np.zeros(len(postings.ids), dtype=np.float32)
        for word, (weight, rarity) in weights.items():
            rows, scores = postings.of(word, rarity)
            self._scores[rows] += np.float32(weight) * scores

    def nearest(self, sources: frozenset[int], limit: int) -> tuple[Ids, Scores]:
        rows = np.flatnonzero(self._scores * self._postings.within(sources))
        best = rows[top(self._scores[rows], limit)]
        return self._postings.ids[best], self._scores[best]

    def of(self, ids: Ids) -> Scores:
        rows, here = self._postings.places(ids)
        return np.where(here, self._scores[rows], np.float32(0))


class Asked:
    """Of a large index, by a query; what it found is remembered."""

    def __init__(self, schema: Any, searcher: Any, weights: Weights) -> None:
        self._schema, self._searcher, self._weights = schema, searcher, weights
        self._found: dict[int, float] = {}

    def nearest(self, sources: frozenset[int], limit: int) -> tuple[Ids, Scores]:
        return self._ask("source_id", sorted(sources), limit)

    def of(self, ids: Ids) -> Scores:
        wanted = ids.tolist()
        rest = [passage_id for passage_id in wanted if passage_id not in self._found]
        if rest:
            self._ask("passage_id", rest, len(rest))
        return np.array([self._found.get(passage_id, 0.0) for passage_id in wanted], dtype=np.float32)

    def _ask(self, field: str, among: list[int], limit: int) -> tuple[Ids, Scores]:
        from tantivy import Occur, Query

        terms = []
        for word, (weight, rarity) in self._weights.items():
            term = Query.term_query(self._schema, "body", word, "freq")
            terms.append((Occur.Should, Query.boost_query(term, weight / 2)))
            terms.append((Occur.Should, Query.const_score_query(term, weight * rarity / 2)))
        scope = Query.const_score_query(Query.term_set_query(self._schema, field, among), 0.0)
        query = Query.boolean_query([(Occur.Must, scope), (Occur.Must, Query.boolean_query(terms))])
        ids, scores = hits(self._searcher, query, limit)
        self._found.update(zip(ids.tolist(), scores.tolist(), strict=True))
        return ids, scores
