"""What a reader finds in a passage, as evidence for each of its pieces.

A piece's log odds are those of the best span within it against there being no answer in the passage at
all. Knows nothing of what they are worth: answerability.py weighs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from freehold.assistant.sentences import Piece
from freehold.engines.reader import Reading
from freehold.types import Passage

Array = NDArray[np.float32]

BY_READING = ("span", "span_sure", "span_share")
"""Log odds of the best span (tenths), the same as a probability, and its share of all that may be true."""

LONGEST_SPAN = 30
"""Tokens of an answer at most; a longer one still starts and ends somewhere near its heart."""
FARTHEST = 15.0
"""Log odds beyond which surer is not surer."""


class Reader(Protocol):
    """What reads a text for the answer to a question."""

    name: str

    def read(self, question: str, text: str) -> Reading: ...


def by_reading(reader: Reader, question: str, passage: Passage, found: Sequence[Piece]) -> Array:
    """The evidence for the pieces of one passage, shape (pieces, len(BY_READING)).

    What the reader's window does not reach counts as no answer.
    """
    prefix = f"{' > '.join(passage.above)}. " if passage.above else ""
    reading = reader.read(question, prefix + passage.text)
    places = reading.places - len(prefix)
    odds = np.full(len(found), -FARTHEST, np.float32)
    for at, piece in enumerate(found):
        rows = np.flatnonzero((places[:, 0] >= piece.start) & (places[:, 1] <= piece.end))
        if len(rows):
            best = best_span(reading.starts[rows], reading.ends[rows], LONGEST_SPAN)
            odds[at] = np.clip(best - reading.nothing, -FARTHEST, FARTHEST)
    sure = 1 / (1 + np.exp(-odds))
    weight = np.exp(odds)
    return np.stack([odds / 10, sure, weight / (1 + weight.sum())], axis=1).astype(np.float32)


def best_span(starts: Array, ends: Array, longest: int) -> float:
    """The most that a start and an end not before it, nor too far after it, have together."""
    padded = np.pad(ends, (0, longest - 1), constant_values=-np.inf)
    reach = np.lib.stride_tricks.sliding_window_view(padded, longest).max(axis=1)
    return float((starts + reach).max())
