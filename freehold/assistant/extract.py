"""The sentences that answer, quoted to the letter, and how surely they do.

Every piece of the passages found (a sentence, or a whole list, table or code block) is measured against
the question (evidence.py) and weighed (answerability.py); the best few are quoted. Knows nothing of how
passages were found or are shown, and writes no word of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from freehold.assistant.answerability import PIECE_NAMES, Mode, confidence, standing, weights
from freehold.assistant.evidence import Array, Asked, Rarities, Read, TokenEmbedder, Told, ask, measure, read
from freehold.assistant.procedures import first_steps, is_headed
from freehold.assistant.reading import Reader, by_reading
from freehold.assistant.recent import Recent
from freehold.assistant.subject import asides
from freehold.engines.base import Embedder
from freehold.types import Passage, Query, ScoredPassage

MOST_SPANS = 3
"""Sentences quoted at most; a list, table or code block counts as one."""
PASSAGES_KEPT = 64
"""Passages whose reading is kept for the next question (about 120 kB each)."""
ANSWERS_KEPT = 64
"""What the reader made of a question and a passage: it is asked amid the turns, afresh, and of one alone."""
READ_TOGETHER = 2
"""Passages that a reader reads before what it found is weighed."""
READ_MORE = 1
"""Passages that a reader may be given beside those that an answer is composed from."""
SURE, HOPELESS = 0.5, 0.01
"""Confidence from and under which no more are read; docs/benchmarks.md has what that saves and changes."""
OTHER_SUBJECT = 0.2
"""What a conversation names so much more or less than the best passage's place is not shown beside it."""
LEAST_BESIDE = 3
"""Words that a quote has at least beside one of another passage: "No." says nothing without its heading."""
_SENTENCE_BELOW, _BLOCK_BELOW = 5.0, 1.0
"""A sentence (or list, table, code block) this much less likely than the best, in log odds, is not shown."""


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
    """At most three spans, best first, and the calibrated chance that the first answers."""

    spans: tuple[Span, ...]
    confidence: float
    elsewhere_seconds: float = 0.0
    """Processor seconds that threads other than the caller's spent on it."""
    about: tuple[ScoredPassage, ...] = ()
    """The passages on the subject of the first span, of those that were given, in their order."""
    steps: bool = False
    """Whether the span is the first list of a procedure's steps; see stepwise.py for the others."""

    @property
    def text(self) -> str | None:
        """What the first span says; None where there is none."""
        return self.spans[0].text if self.spans else None

    def answers(self, refuse_below: float) -> bool:
        """Whether it is shown rather than refused."""
        return bool(self.spans) and self.confidence >= refuse_below


@dataclass(frozen=True, slots=True)
class Candidate:
    """A piece of a passage that could be quoted."""

    passage: ScoredPassage
    told: Told
    score: float
    aside: float

    @property
    def span(self) -> Span:
        return Span(self.passage, self.told.piece.start, self.told.piece.end)


@dataclass(frozen=True, slots=True)
class _Look:
    """A passage, what was read in it, and the evidence for each of its pieces."""

    passage: ScoredPassage
    reading: Read
    evidence: Array
    aside: float


class Extractor:
    """Quotes answers out of passages. Thread-safe."""

    def __init__(
        self,
        embedder: Embedder | None,
        rarities: Rarities | None = None,
        *,
        reader: Reader | None = None,
        keep: int = PASSAGES_KEPT,
    ) -> None:
        """Without `rarities` (the index's `LexicalIndex.rarities`) every word counts the same.

        An embedder that does not give its tokens' vectors is not used, nor a reader without one that does.
        """
        self._embedder = embedder if isinstance(embedder, TokenEmbedder) else None
        self._reader = reader if self._embedder is not None else None
        self._rarities = rarities
        self._readings = Recent(lambda passage: read(passage, self._embedder), keep)
        self._told = lru_cache(ANSWERS_KEPT)(self._by_reading)

    @property
    def mode(self) -> Mode:
        """`words` when there are no token vectors, `reader` when they and a reader are there."""
        if self._embedder is None:
            return "words"
        return "hybrid" if self._reader is None else "reader"

    @property
    def more(self) -> int:
        """Passages to give it beside those that an answer is composed from."""
        return READ_MORE if self.mode == "reader" else 0

    @property
    def refuse_below(self) -> float:
        """The confidence under which to refuse.

        Under it are 5% of the answerable questions of SQuAD's half `a`, with the reader 1.5%;
        docs/benchmarks.md has the curves on half `b`.
        """
        return weights(self.mode).refuse_below

    def extract(self, query: Query, passages: Sequence[ScoredPassage], *, sure: float = SURE) -> Extract:
        """The best of `passages`, given best first; with nothing to quote or to ask for, confidence 0.

        A reader, which takes most of an answer's time, reads a few at a time, and no more of them than it
        takes to be `sure` or hopeless.
        """
        asked = ask(query, self._rarities, self._embedder)
        extract = Extract((), 0.0)
        if not asked.mass or not asked.words:
            return extract
        together = READ_TOGETHER if self.mode == "reader" else max(1, len(passages))
        beside = asides(query, [scored.passage for scored in passages], self._rarities)
        later = [not is_headed(asked, scored.passage) for scored in passages]
        ranks = sorted(range(len(passages)), key=lambda at: (beside[at], later[at]))
        looked: list[_Look] = []
        seconds = 0.0
        for start in range(0, len(passages), together):
            some = [(rank, passages[rank], float(beside[rank])) for rank in ranks[start : start + together]]
            more, spent = self._looked(asked, some)
            looked += (look for look in more if look.reading.told)
            seconds += spent
            extract = self._weighed(asked, looked, seconds)
            hopeless = bool(looked) and extract.confidence < HOPELESS and not beside.any()
            steps_left = not all(later[rank] for rank in ranks[start + together :])
            if not steps_left and (extract.confidence >= sure or hopeless):
                break
        if not extract.spans:
            return extract
        apart = abs(beside - beside[passages.index(extract.spans[0].passage)])
        return replace(
            extract, about=tuple(passages[int(at)] for at in np.flatnonzero(apart <= OTHER_SUBJECT))
        )

    def _weighed(self, asked: Asked, looked: Sequence[_Look], seconds: float) -> Extract:
        """What is best in the passages looked at so far."""
        if not looked:
            return Extract((), 0.0, seconds)
        used = weights(self.mode)
        measured = [look.evidence for look in looked]
        candidates = [
            Candidate(look.passage, one, float(score), look.aside)
            for look in looked
            for one, score in zip(look.reading.told, look.evidence @ used.piece, strict=True)
        ]
        order = np.argsort([-candidate.score for candidate in candidates], kind="stable")
        stands = standing(asked, [look.reading for look in looked], measured, used.piece)
        ranked = [candidates[int(at)] for at in order]
        steps = first_steps(asked, [one for one in ranked if one.aside - ranked[0].aside <= OTHER_SUBJECT])
        spans = _chosen(ranked) if steps is None else (steps.span,)
        return Extract(spans, confidence(used, stands), seconds, steps=steps is not None)

    def _looked(
        self, asked: Asked, found: Sequence[tuple[int, ScoredPassage, float]]
    ) -> tuple[list[_Look], float]:
        """A look at passages, each with its rank and how far aside it is, and the processor seconds of other
        threads: where models read, passages are read at the same time."""

        def look(one: tuple[int, ScoredPassage, float]) -> _Look:
            rank, scored, aside = one
            reading = self.read(scored.passage)
            evidence = self.measured(asked, scored.passage, reading, rank, aside)
            return _Look(scored, reading, evidence, aside)

        def timed(one: tuple[int, ScoredPassage, float]) -> tuple[_Look, float]:
            began = time.thread_time()
            return look(one), time.thread_time() - began

        if self._embedder is None or len(found) < 2 or not (pool := _pool()):
            return [look(one) for one in found], 0.0
        done = list(pool.map(timed, found))
        return [one for one, _ in done], sum(seconds for _, seconds in done)

    def measured(self, asked: Asked, passage: Passage, reading: Read, rank: int, aside: float = 0.0) -> Array:
        """The evidence for each piece of a passage found at `rank`, in the order of `PIECE_NAMES[mode]`."""
        if not reading.told:
            return np.zeros((0, len(PIECE_NAMES[self.mode])), np.float32)
        if self._reader is None:
            return measure(asked, reading, rank, aside=aside)
        return measure(asked, reading, rank, self._told(asked.text, passage), aside=aside)

    def _by_reading(self, question: str, passage: Passage) -> Array:
        """What the reader makes of the passage's pieces: the slowest part of all."""
        assert self._reader is not None
        found = [one.piece for one in self.read(passage).told]
        return by_reading(self._reader, question, passage, found)

    def read(self, passage: Passage) -> Read:
        """The passage read, from what is kept when its words are still the same."""
        return self._readings.of(passage)


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor | None:
    """The threads that read passages, for all extractors; None where there is one processor."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return ThreadPoolExecutor(cores, thread_name_prefix="passages") if cores > 1 else None


def _chosen(ranked: Sequence[Candidate]) -> tuple[Span, ...]:
    """The first few, the same words only once, none far below the best, of another subject or too short."""
    spans: list[Span] = []
    said: list[str] = []
    for candidate in ranked:
        piece = candidate.told.piece
        reach = _SENTENCE_BELOW if piece.kind == "sentence" else _BLOCK_BELOW
        apart = abs(candidate.aside - ranked[0].aside)
        if candidate.score < ranked[0].score - reach or apart > OTHER_SUBJECT:
            continue
        if spans and candidate.told.length < LEAST_BESIDE and candidate.passage is not spans[0].passage:
            continue
        key = " ".join(candidate.told.text.lower().split())
        if not any(key in other or other in key for other in said):
            said.append(key)
            spans.append(candidate.span)
        if len(spans) == MOST_SPANS:
            break
    return tuple(spans)
