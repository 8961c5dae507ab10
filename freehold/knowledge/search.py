"""Finds the passages nearest to a question, by words and by vectors together.

Each side names its candidates; every candidate is then scored by both sides and the two scores are mixed
linearly, which ranks better than mixing ranks. Both sides look at the scope's sources only. A passage that
has no vector yet is given the cosine that passages of its words usually have.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from freehold.engines.base import Embedder
from freehold.knowledge.dense import DenseIndex
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.store import load_passages
from freehold.store.database import Database
from freehold.types import Query, ScoredPassage, SearchResult

WORDS_SHARE = 0.5
"""Share of the words' score in the fused one; the cosine has the rest."""

CONTEXT_WEIGHT = 0.5
"""Weight of the last two turns read together, beside 1 for the last turn alone."""

CANDIDATES = 100
"""Passages that each side names at least."""

USUAL_COSINE = (0.17, 0.36)
"""Cosine of a passage without a vector: the first, plus the second times its words' score."""


class Search:
    """The one search; every face and every measurement uses it. Blocks: call it in a thread."""

    def __init__(
        self,
        database: Database,
        lexical: LexicalIndex,
        dense: DenseIndex | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        self._database = database
        self._lexical = lexical
        self._dense = dense if embedder is not None else None
        self._embedder = embedder if dense is not None else None

    @property
    def mode(self) -> Literal["hybrid", "words"]:
        """`words` when there is no embedding model."""
        return "words" if self._embedder is None else "hybrid"

    def search(self, query: Query, *, sources: frozenset[int], limit: int) -> SearchResult:
        """At most `limit` passages of `sources`, best first; none when nothing is near at all.

        Raises:
            Unavailable: the index of words is not open or damaged.
        """
        wanted = max(CANDIDATES, 2 * limit)
        also = [(context, CONTEXT_WEIGHT)] if (context := last_two(query)) else []
        by_words = dict(self._lexical.search(query.text, sources=sources, limit=wanted, also=also))
        by_vector: dict[int, float] = {}
        if self._embedder is not None and self._dense is not None and len(self._dense):
            vector = self._vector(query.text, also)
            by_vector = dict(self._dense.search(vector, sources=sources, limit=wanted))
            by_vector |= self._dense.score(vector, by_words.keys() - by_vector.keys())
            by_words |= self._lexical.score(query.text, ids=by_vector.keys() - by_words.keys(), also=also)
        scores = {
            passage_id: self._fused(by_words.get(passage_id, 0.0), by_vector.get(passage_id))
            for passage_id in by_words.keys() | by_vector.keys()
        }
        ranked = sorted(scores, key=lambda passage_id: (-scores[passage_id], passage_id))
        with self._database.read() as connection:
            # The indexes may lag behind the store by an instant: what is gone there is not shown.
            found = load_passages(connection, ranked[: limit + 20])
        return SearchResult(
            tuple(
                ScoredPassage(
                    found[passage_id],
                    scores[passage_id],
                    by_words.get(passage_id, 0.0),
                    by_vector.get(passage_id),
                )
                for passage_id in ranked
                if passage_id in found
            )[:limit],
            self.mode,
        )

    def _vector(self, text: str, also: list[tuple[str, float]]) -> NDArray[np.float32]:
        """The weighted mean of the texts' vectors, not of unit length: its cosines are the mean of theirs."""
        assert self._embedder is not None
        texts = [(text, 1.0), *also]
        weights = np.array([weight for _, weight in texts], dtype=np.float32)
        rows = self._embedder.embed([text for text, _ in texts])
        mean: NDArray[np.float32] = (weights / weights.sum()) @ rows
        return mean

    def _fused(self, lexical: float, cosine: float | None) -> float:
        if self._embedder is None:
            return lexical
        if cosine is None:
            cosine = USUAL_COSINE[0] + USUAL_COSINE[1] * lexical
        return WORDS_SHARE * lexical + (1 - WORDS_SHARE) * cosine


def last_two(query: Query) -> str | None:
    """The last turn after the one before it, whoever said that; None when there is none before it."""
    if not query.history:
        return None
    return f"{query.history[-1].text}\n{query.text}"
