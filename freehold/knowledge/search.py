"""Finds the passages nearest to a question, by words and by vectors together.

Each side names its candidates, looking at the scope's sources only; every candidate is scored by both and
the two are mixed linearly, which ranks better than mixing ranks. The best of them get a close look at how
they hold the words, and whether the conversation names the document. A passage that has no vector yet is
given the cosine that passages of its words usually have.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freehold.engines.base import Embedder
from freehold.knowledge.closeness import closeness, named
from freehold.knowledge.dense import DenseIndex
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.looks import Looks
from freehold.knowledge.reading import Reading
from freehold.knowledge.snapshot import Float32
from freehold.knowledge.store import fetch_passages
from freehold.knowledge.vector_scores import VectorScores
from freehold.knowledge.word_scores import WordScores
from freehold.knowledge.wordings import Ids, Path
from freehold.knowledge.words import words
from freehold.store.database import Database
from freehold.types import Passage, Query, ScoredPassage, SearchResult

Floats = NDArray[np.float64]

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


@dataclass(frozen=True, slots=True)
class _Seen:
    """The passages that got a close look, in no order."""

    ids: Ids
    traits: Floats
    """float64[passages, traits]."""
    scores: Floats
    lexical: Floats
    cosines: Floats
    """Not a number where there is no vector."""

    def order(self) -> list[int]:
        """The rows by their scores, highest first; of equals the lower id."""
        rows: list[int] = np.lexsort((self.ids, -self.scores)).tolist()
        return rows

    def scored(self, row: int, passage: Passage) -> ScoredPassage:
        cosine = float(self.cosines[row])
        return ScoredPassage(
            passage,
            float(self.scores[row]),
            float(self.lexical[row]),
            None if math.isnan(cosine) else cosine,
        )


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
        self._looks = Looks(database)
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
        seen = self._see(query, sources, limit)
        shown: list[ScoredPassage] = []
        rest = seen.order()
        # The indexes may lag behind the store by an instant: what is gone there is not shown.
        while rest and len(shown) < limit:
            some, rest = rest[: limit - len(shown)], rest[limit - len(shown) :]
            shown += [each for each, _ in self._read(seen, some)]
        return SearchResult(tuple(shown), self.mode)

    def rarities(self, found: Iterable[str]) -> dict[str, float]:
        """The IDF of the distinct words among `found`; of many, of the rarest.

        Raises:
            Unavailable: the index of words is not open or damaged.
        """
        return self._lexical.rarities(found)

    def look(
        self, query: Query, *, sources: frozenset[int], limit: int
    ) -> list[tuple[ScoredPassage, Traits]]:
        """What `search` chooses from, best first: some more than `limit`, with what scores are made of."""
        seen = self._see(query, sources, limit)
        return [(each, Traits(*seen.traits[row].tolist())) for each, row in self._read(seen, seen.order())]

    def _read(self, seen: _Seen, rows: list[int]) -> Iterator[tuple[ScoredPassage, int]]:
        """The passages of these rows that the store still has."""
        ids = seen.ids[rows].tolist()
        found = fetch_passages(self._database, ids)
        for row, passage_id in zip(rows, ids, strict=True):
            if passage_id in found:
                yield seen.scored(row, found[passage_id]), row

    def _see(self, query: Query, sources: frozenset[int], limit: int) -> _Seen:
        asked = _asked(query)
        reading = self._lexical.reading()
        texts = [(reading.rarities(words(text)), weight) for text, weight in asked.texts]
        by_words = reading.ask(texts)
        vector = self._vector(asked)
        by_vector = None if self._dense is None or vector is None else self._dense.ask(vector)
        ids = _candidates(by_words, by_vector, sources, max(CANDIDATES, 2 * limit))
        lexical = by_words.of(ids).astype(np.float64)
        cosines = np.full(len(ids), np.nan) if by_vector is None else by_vector.of(ids).astype(np.float64)
        near = self._near(lexical, cosines)
        first = FIRST_LOOK * lexical + (1 - FIRST_LOOK) * near
        best = np.argsort(-first, kind="stable")[: max(CLOSE_LOOKS, limit + 10)]
        laid = (reading.wordings or self._looks).lay(ids[best])
        best = best[laid.here]
        ids, lexical, cosines, near = ids[best], lexical[best], cosines[best], near[best]
        close = closeness(texts, laid)
        parts = np.full(len(ids), np.nan) if by_vector is None else by_vector.of_parts(ids)
        # in the order of Traits
        columns = [
            near,
            np.where(np.isnan(parts), near, parts),
            lexical,
            close.held,
            close.together,
            close.order,
            *_named(reading, asked, laid.paths),
        ]
        traits = np.stack(columns, axis=1)
        return _Seen(ids, traits, traits @ np.array(self._weights), lexical, cosines)

    def _vector(self, asked: _Asked) -> Float32 | None:
        """The weighted mean of the texts' vectors, not of unit length: its cosines are the mean of theirs.

        None when there is nothing to compare it to.
        """
        if self._embedder is None or self._dense is None or not len(self._dense):
            return None
        weights = np.array([weight for _, weight in asked.texts], dtype=np.float32)
        mean: Float32 = weights @ self._embedder.embed([text for text, _ in asked.texts])
        return mean

    def _near(self, lexical: Floats, cosines: Floats) -> Floats:
        """The cosines, where there is none what is usual."""
        if self._embedder is None:
            return np.zeros(len(cosines))
        usual = USUAL_COSINE[0] + USUAL_COSINE[1] * lexical
        return np.where(np.isnan(cosines), usual, cosines)


def _candidates(
    by_words: WordScores, by_vector: VectorScores | None, sources: frozenset[int], count: int
) -> Ids:
    """All passages that either side names, ascending."""
    ids = by_words.nearest(sources, count)[0]
    if by_vector is not None:
        ids = np.concatenate([ids, by_vector.nearest(sources, count)[0]])
    ids = np.sort(ids)
    return ids[np.diff(ids, prepend=-1) > 0]


def _named(reading: Reading, asked: _Asked, paths: Sequence[Path]) -> Iterator[Floats]:
    """`named` and `about`."""
    distinct = set(paths)
    for said in (asked.texts[0][0], asked.conversation if len(asked.texts) > 1 else ""):
        its = frozenset(words(said))
        shares = {path: named(path, its, reading.rarity) for path in distinct}
        yield np.array([shares[path] for path in paths], dtype=np.float64)


def _asked(query: Query) -> _Asked:
    """The last turn, and the last two read together with CONTEXT_WEIGHT."""
    if not query.history:
        return _Asked(((query.text, 1.0),), query.text)
    both = f"{query.history[-1].text}\n{query.text}"
    whole = 1 + CONTEXT_WEIGHT
    turns: Sequence[str] = [turn.text for turn in query.history[-NAMING_TURNS:]]
    return _Asked(((query.text, 1 / whole), (both, CONTEXT_WEIGHT / whole)), "\n".join([*turns, query.text]))
