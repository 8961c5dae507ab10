"""Finds the passages nearest to a question, by words and by vectors together.

Each side names its candidates, looking at the scope's sources only; every candidate is scored by both and
the two are mixed linearly, which ranks better than mixing ranks. The best of them get a close look at how
they hold the words, and whether the conversation names the document. A passage that has no vector yet is
given the cosine that passages of its words usually have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.engines.base import Embedder
from freehold.knowledge.closeness import closeness, named
from freehold.knowledge.dense import DenseIndex
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.looks import Look, Looks
from freehold.knowledge.words import words
from freehold.store.database import Database
from freehold.types import Query, ScoredPassage, SearchResult

CONTEXT_WEIGHT = 0.5
"""Weight of the last two turns read together, beside 1 for the last turn alone."""

NAMING_TURNS = 20
"""Turns back to which the conversation may name the document it is about."""

CANDIDATES = 100
"""Passages that each side names at least."""

CLOSE_LOOKS = 40
"""Passages that get a close look at least."""

FIRST_LOOK = 0.4
"""Share of the words' score in what decides who gets a close look; the cosine has the rest."""

USUAL_COSINE = (0.25, 0.25)
"""Cosine of a passage without a vector: the first, plus the second times its words' score."""


class Traits(NamedTuple):
    """What is known of a passage for a question; also how much each counts (then they sum to 1)."""

    cosine: float
    part: float
    """Cosine of the nearest part."""
    lexical: float
    """The words' score, see lexical.py; `held`, `together` and `order` are closeness.py's."""
    held: float
    together: float
    order: float
    named: float
    """How far the question names the document or heading."""
    about: float
    """How far the question and the turns before it do; 0 when there are none before it."""

    def weighed(self, weights: Traits) -> float:
        return sum(trait * weight for trait, weight in zip(self, weights, strict=True))


HYBRID = Traits(
    cosine=0.24, part=0.24, lexical=0.0, held=0.16, together=0.08, order=0.08, named=0.04, about=0.16
)
WORDS = Traits(
    cosine=0.0, part=0.0, lexical=0.24, held=0.18, together=0.18, order=0.12, named=0.06, about=0.22
)
"""Weights with and without vectors, chosen by benchmarks/search.py. More of `about` would suit questions that
lean on the turns before; it is held back for those that change the subject (docs/benchmarks.md)."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """The question's texts with their weights (which sum to 1), the question itself first."""

    texts: tuple[tuple[str, float], ...]
    conversation: str

    @property
    def also(self) -> tuple[tuple[str, float], ...]:
        return tuple((text, weight / self.texts[0][1]) for text, weight in self.texts[1:])


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
        self._looks = Looks(database, None if self._dense is None else self._dense.parts)
        self._weights = WORDS if self._embedder is None else HYBRID

    @property
    def mode(self) -> Literal["hybrid", "words"]:
        """`words` when there is no embedding model."""
        return "words" if self._embedder is None else "hybrid"

    def search(self, query: Query, *, sources: frozenset[int], limit: int) -> SearchResult:
        """At most `limit` passages of `sources`, best first; none when nothing is near at all.

        Raises:
            Unavailable: the index of words is not open or damaged.
        """
        scored = [each for each, _ in self.look(query, sources=sources, limit=limit)]
        scored.sort(key=lambda each: (-each.score, each.passage.id))
        return SearchResult(tuple(scored[: max(0, limit)]), self.mode)

    def look(
        self, query: Query, *, sources: frozenset[int], limit: int
    ) -> list[tuple[ScoredPassage, Traits]]:
        """What `search` chooses from, in no order: some more than `limit`, with what scores are made of."""
        asked = _asked(query)
        vector = self._vector(asked)
        by_words, by_vector = self._candidates(asked, vector, sources, max(CANDIDATES, 2 * limit))
        first = {
            passage_id: FIRST_LOOK * by_words.get(passage_id, 0.0)
            + (1 - FIRST_LOOK) * self._cosine(by_words.get(passage_id, 0.0), by_vector.get(passage_id))
            for passage_id in by_words.keys() | by_vector.keys()
        }
        best = sorted(first, key=lambda passage_id: (-first[passage_id], passage_id))
        # The indexes may lag behind the store by an instant: what is gone there is not shown.
        found = self._looks.get(best[: max(CLOSE_LOOKS, limit + 10)])
        parts = {} if vector is None else _nearest_parts(vector, found)
        return self._looked_at(asked, found, by_words, by_vector, parts)

    def _candidates(
        self, asked: _Asked, vector: NDArray[np.float32] | None, sources: frozenset[int], count: int
    ) -> tuple[dict[int, float], dict[int, float]]:
        """The words' score and the cosine of all passages that either side names."""
        text = asked.texts[0][0]
        by_words = dict(self._lexical.search(text, sources=sources, limit=count, also=asked.also))
        if self._dense is None or vector is None:
            return by_words, {}
        by_vector = dict(self._dense.search(vector, sources=sources, limit=count))
        by_vector |= self._dense.score(vector, by_words.keys() - by_vector.keys())
        by_words |= self._lexical.score(text, ids=by_vector.keys() - by_words.keys(), also=asked.also)
        return by_words, by_vector

    def _vector(self, asked: _Asked) -> NDArray[np.float32] | None:
        """The weighted mean of the texts' vectors, not of unit length: its cosines are the mean of theirs.

        None when there is nothing to compare it to.
        """
        if self._embedder is None or self._dense is None or not len(self._dense):
            return None
        weights = np.array([weight for _, weight in asked.texts], dtype=np.float32)
        mean: NDArray[np.float32] = weights @ self._embedder.embed([text for text, _ in asked.texts])
        return mean

    def _cosine(self, lexical: float, cosine: float | None) -> float:
        if self._embedder is None:
            return 0.0
        return USUAL_COSINE[0] + USUAL_COSINE[1] * lexical if cosine is None else cosine

    def _looked_at(
        self,
        asked: _Asked,
        found: Mapping[int, Look],
        by_words: Mapping[int, float],
        by_vector: Mapping[int, float],
        by_part: Mapping[int, float],
    ) -> list[tuple[ScoredPassage, Traits]]:
        texts = [(self._lexical.rarities(words(text)), weight) for text, weight in asked.texts]
        question, said = set(words(asked.texts[0][0])), set(words(asked.conversation))
        rarity = self._lexical.rarities(
            (word for look in found.values() for part in look.path for word in part), at_most=None
        )
        looked = []
        for passage_id, look in found.items():
            flat = [word for part in look.path for word in part]
            close = [(closeness(wanted, flat, look.body), weight) for wanted, weight in texts]
            lexical, cosine = by_words.get(passage_id, 0.0), by_vector.get(passage_id)
            near = self._cosine(lexical, cosine)
            traits = Traits(
                cosine=near,
                part=by_part.get(passage_id, near),
                lexical=lexical,
                held=sum(each.held * weight for each, weight in close),
                together=sum(each.together * weight for each, weight in close),
                order=sum(each.order * weight for each, weight in close),
                named=named(look.path, question, rarity),
                about=named(look.path, said, rarity) if len(asked.texts) > 1 else 0.0,
            )
            score = traits.weighed(self._weights)
            looked.append((ScoredPassage(look.passage, score, lexical, cosine), traits))
        return looked


def _nearest_parts(vector: NDArray[np.float32], looks: Mapping[int, Look]) -> dict[int, float]:
    """The cosine of each passage's nearest part; those without a vector are left out."""
    held = [(passage_id, look.parts) for passage_id, look in looks.items() if look.parts is not None]
    if not held:
        return {}
    cosines = np.concatenate([matrix for _, (matrix, _) in held]).astype(np.float32) @ vector
    starts = np.cumsum([0, *(len(matrix) for _, (matrix, _) in held[:-1])])
    nearest = np.maximum.reduceat(cosines, starts) * np.array([scale for _, (_, scale) in held])
    return dict(zip((passage_id for passage_id, _ in held), nearest.tolist(), strict=True))


def _asked(query: Query) -> _Asked:
    """The last turn, and the last two read together with CONTEXT_WEIGHT."""
    if not query.history:
        return _Asked(((query.text, 1.0),), query.text)
    both = f"{query.history[-1].text}\n{query.text}"
    whole = 1 + CONTEXT_WEIGHT
    turns: Sequence[str] = [turn.text for turn in query.history[-NAMING_TURNS:]]
    return _Asked(((query.text, 1 / whole), (both, CONTEXT_WEIGHT / whole)), "\n".join([*turns, query.text]))
