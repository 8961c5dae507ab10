"""Which passages of a small index hold a word, remembered.

tantivy is asked for each word once, for each set of sources once; everything after that is numpy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.knowledge.index_faults import faults, unreadable

MOST_POSTINGS = 2_000_000
"""Passages remembered, counted for every word they hold, before all are forgotten: 16 MB."""

MOST_SCOPES = 64
"""Sets of sources remembered before all are forgotten."""

Ids = NDArray[np.int64]
Rows = NDArray[np.intp]
Scores = NDArray[np.float32]


def hits(searcher: Any, query: Any, limit: int) -> tuple[Ids, Scores]:
    """The passages that a query finds and their scores, best first.

    Raises:
        Unavailable: the index is damaged.
    """
    with unreadable(), faults():
        found = searcher.search(query, max(limit, 1), count=False).hits
        ids = searcher.fast_field_values("passage_id", [address for _, address in found])
    return np.array(ids, dtype=np.int64), np.array([score for score, _ in found], dtype=np.float32)


class Postings:
    """Of an index at one moment. For any number of threads."""

    def __init__(self, schema: Any, searcher: Any) -> None:
        from tantivy import Query

        self._schema, self._searcher = schema, searcher
        self.ids = np.sort(hits(searcher, Query.all_query(), searcher.num_docs)[0])
        """int64[passages], ascending."""
        self._words: dict[str, tuple[NDArray[np.int32], Scores]] = {}
        self._size = 0
        self._scopes: dict[frozenset[int], NDArray[np.bool_]] = {}

    def places(self, ids: Ids) -> tuple[Rows, NDArray[np.bool_]]:
        """Where given ids are among `ids`, and which of them are; there must be some."""
        rows = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return rows, self.ids[rows] == ids

    def of(self, word: str, rarity: float) -> tuple[NDArray[np.int32], Scores]:
        """Where a word of this IDF is held among `ids`, and the mean of its IDF and of its BM25 there."""
        kept = self._words.get(word)
        if kept is not None:
            return kept
        asked = self._ask(word, rarity)
        if self._size + len(asked[0]) > MOST_POSTINGS:
            self._words, self._size = {}, 0
        self._words[word] = asked
        self._size += len(asked[0])
        return asked

    def _ask(self, word: str, rarity: float) -> tuple[NDArray[np.int32], Scores]:
        from tantivy import Query

        query = Query.term_query(self._schema, "body", word, "freq")
        with unreadable(), faults():
            most = self._searcher.doc_freq("body", word)
        ids, scores = hits(self._searcher, query, most)
        means = ((scores + rarity) / 2).astype(np.float32)
        return self.places(ids)[0].astype(np.int32), means

    def within(self, sources: frozenset[int]) -> NDArray[np.bool_]:
        """bool[passages]: which of `ids` belong to these sources."""
        from tantivy import Query

        kept = self._scopes.get(sources)
        if kept is None:
            query = Query.term_set_query(self._schema, "source_id", sorted(sources))
            kept = np.isin(self.ids, hits(self._searcher, query, len(self.ids))[0])
            if len(self._scopes) >= MOST_SCOPES:
                self._scopes = {}
            self._scopes[sources] = kept
        return kept
