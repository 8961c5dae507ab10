"""Whether a reader finds what is claimed in the words quoted for it, as evidence beside the words themselves.

The reader points at what answers a question or, as it was tuned to, at what says the same as a claim; its log
odds are those of the best span against there being none. Knows nothing of what they are worth: soundness.py
weighs them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from freehold.assistant.evidence import Array
from freehold.assistant.reading import FARTHEST, Reader, best_span
from freehold.engines.reader import MAX_QUESTION_CHARS

NAMES = ("read", "read_missing")
"""Log odds that the quote says it (tenths), and the share of words that the passage does not have, times the
chance that it is said all the same."""

LONGEST_CLAIM = MAX_QUESTION_CHARS
"""Characters of a claim that the reader sees to its end; about a longer one it is not asked."""
LONGEST_SPAN = 60
"""Tokens of what says the same at most: a sentence, where an answer is a few words."""
READINGS_KEPT = 1_024
"""A sentence that is remembered with its answer is checked again whenever that answer is given again."""


class Entailment:
    """Asks a reader about claims; remembers what it said. Thread-safe."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.odds = lru_cache(READINGS_KEPT)(self._odds)

    def measure(self, claim: str, quote: str, missing: float) -> Array:
        """The evidence, shape (NAMES,); `missing` is the share of the claim's words not in the passage."""
        if len(claim) > LONGEST_CLAIM:
            return np.zeros(len(NAMES), np.float32)
        odds = self.odds(claim, quote)
        return np.array([odds / 10, missing / (1 + np.exp(-odds))], np.float32)

    def _odds(self, claim: str, quote: str) -> float:
        reading = self._reader.read(claim, quote)
        if not len(reading.starts):
            return -FARTHEST
        best = best_span(reading.starts, reading.ends, LONGEST_SPAN)
        return float(np.clip(best - reading.nothing, -FARTHEST, FARTHEST))
