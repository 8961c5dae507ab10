"""What the reader makes of a question and a passage, piece by piece.

Knows nothing of which sentences are shown, nor of what the figures mean for an answer: answerability.py
weighs them.
"""

from __future__ import annotations

import numpy as np

from freehold.assistant.evidence import Array, Asked, Read
from freehold.assistant.reader import Reader, Seen

BY_READING = ("settles", "settled", "span", "said")
"""The passage's log odds of settling the question, the same as a chance; the log chance of the best span in
this piece, given that the passage does; the log chance of both."""

LONGEST_SPAN = 40
"""Tokens that an answer's span has at most."""
MOST_TOKENS = 600
"""Tokens of a passage that are read; it was tuned on up to 320."""
_NONE = -20.0


def by_reading(reader: Reader, asked: Asked, passage: Read) -> Array:
    """Shape (pieces, BY_READING)."""
    found = np.full((len(passage.told), len(BY_READING)), _NONE, np.float32)
    read = _read(reader, _seen(asked), passage)
    if read is None:
        found[:, :2] = (-12.0, 0.0)
        return found
    odds, ends = read
    chances = ends - _log_sum(ends)
    odds = float(np.clip(odds, -12, 12))
    settled, sure = 1 / (1 + np.exp(-odds)), -np.log1p(np.exp(-odds))
    for at, one in enumerate(passage.told):
        rows = one.tokens[one.tokens < len(chances)]
        span = _best_span(chances[rows, 0], chances[rows, 1]) if len(rows) else _NONE
        found[at] = (odds, settled, span, span + sure)
    return found


def _read(reader: Reader, text: Seen | None, passage: Read) -> tuple[float, Array] | None:
    if text is None or passage.vectors is None or passage.above is None or not len(passage.vectors):
        return None
    return reader.read(
        text, passage.above.astype(np.float32), passage.vectors[:MOST_TOKENS].astype(np.float32)
    )


def _seen(asked: Asked) -> Seen | None:
    if asked.vectors is None:
        return None
    return Seen(asked.vectors, asked.weights / (float(asked.weights.max()) or 1.0), asked.wh)


def _best_span(start: Array, end: Array) -> float:
    """The highest sum of a start and of an end at or after it, within LONGEST_SPAN."""
    padded = np.concatenate([end, np.full(LONGEST_SPAN, -1e3, np.float32)])
    reach = np.lib.stride_tricks.sliding_window_view(padded, LONGEST_SPAN)[: len(end)]
    return max(float((start + reach.max(axis=1)).max()), _NONE)


def _log_sum(values: Array) -> Array:
    top = values.max(axis=0)
    whole: Array = top + np.log(np.exp(values - top).sum(axis=0))
    return whole
