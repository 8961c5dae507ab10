"""The sentences that answer, quoted to the letter, and how surely they do.

Every piece of the passages found (a sentence, or a whole list, table or code block) is scored against
the question: shared words weighted by how rare they are, nearness of meaning when an embedding model
is there, and the passage's own score. Knows nothing of how passages were found or are shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from freehold.assistant.sentences import Piece, pieces, stems
from freehold.engines.base import Embedder
from freehold.types import Query, ScoredPassage

REFUSE_BELOW = 0.30
"""Confidence under which an answer is refused; provisional."""
REFUSE_BELOW_WORDS = 0.30
"""The same without an embedding model; provisional."""

MOST_SPANS = 3


@dataclass(frozen=True, slots=True)
class Span:
    """A quote: `passage.passage.text[start:end]`."""

    passage: ScoredPassage
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.passage.passage.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Extract:
    """At most three spans, best first, and the calibrated chance that they answer."""

    spans: tuple[Span, ...]
    confidence: float


class Extractor:
    """Quotes answers out of passages. Thread-safe."""

    def __init__(self, embedder: Embedder | None, rarity: Callable[[str], float] | None = None) -> None:
        self._embedder = embedder
        self._rarity = rarity or (lambda stem: 1.0)

    @property
    def refuse_below(self) -> float:
        """The shipped threshold for this extractor: words alone are calibrated apart."""
        return REFUSE_BELOW if self._embedder else REFUSE_BELOW_WORDS

    def extract(self, query: Query, passages: Sequence[ScoredPassage]) -> Extract:
        """The best of `passages` for `query`; without any (or any words in the question), confidence 0."""
        asked = {stem: self._rarity(stem) for stem in stems(query.text)}
        mass = sum(asked.values())
        found = [
            (scored, piece)
            for scored in passages
            for piece in pieces(scored.passage.text)
            if piece.kind != "heading"
        ]
        if not found or not mass:
            return Extract((), 0.0)
        texts = [scored.passage.text[piece.start : piece.end] for scored, piece in found]
        covered = np.array([sum(asked.get(stem, 0.0) for stem in set(stems(text))) / mass for text in texts])
        scores = covered
        if self._embedder:
            vectors = self._embedder.embed([query.text, *texts])
            scores = 0.5 * covered + 0.5 * (vectors[1:] @ vectors[0])
        scores = scores + 0.7 * np.array([scored.score for scored, _ in found])
        order = [int(index) for index in np.argsort(-scores, kind="stable")]
        return Extract(_distinct(found, texts, order), self._confidence(float(scores[order[0]])))

    def _confidence(self, best: float) -> float:
        return 1 / (1 + math.exp(-6 * (best - 0.65)))


def _distinct(
    found: Sequence[tuple[ScoredPassage, Piece]], texts: Sequence[str], order: Sequence[int]
) -> tuple[Span, ...]:
    """The first few in `order`, the same words only once."""
    spans: list[Span] = []
    said: set[str] = set()
    for index in order:
        scored, piece = found[index]
        key = " ".join(texts[index].lower().split())
        if key not in said:
            said.add(key)
            spans.append(Span(scored, piece.start, piece.end))
        if len(spans) == MOST_SPANS:
            break
    return tuple(spans)
