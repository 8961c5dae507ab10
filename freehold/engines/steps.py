"""Which tokens go into the next step: those who write get one each, those who read share what time is left.

Knows numbers only. A step is as long as its tokens, and nobody else is served while it runs; so its size is
measured in time: long when one conversation is alone, short when others wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

ALONE_SECONDS: Final = 1.0
SHARED_SECONDS: Final = 0.25
LEAST_TOKENS: Final = 8
"""Fewer are read hardly faster: the weights have to come from memory all the same."""


class Pace:
    """How long reading takes here, by what it took lately."""

    def __init__(self, limit: int) -> None:
        """`limit` is the most tokens that a step may have."""
        self._limit = limit
        self._per_token = 0.0

    def saw(self, tokens: int, seconds: float) -> None:
        """Takes note of a step that read `tokens`; small ones tell too little."""
        if tokens >= LEAST_TOKENS:
            each = seconds / tokens
            self._per_token = each if not self._per_token else 0.7 * self._per_token + 0.3 * each

    def budget(self, *, writing: int, alone: bool) -> int:
        """Tokens of prompts that the next step may read beside `writing` others."""
        room = max(1, self._limit - writing)
        if not self._per_token:
            return min(room, 4 * LEAST_TOKENS)
        seconds = ALONE_SECONDS if alone else SHARED_SECONDS
        return max(1, min(room, max(LEAST_TOKENS, int(seconds / self._per_token))))


def shares(unread: Sequence[int], budget: int) -> list[int]:
    """`budget` split evenly among prompts with so many unread tokens; what one does not need others get.

    A short prompt is therefore read within a few steps, however long the others are.
    """
    given = [0] * len(unread)
    left = budget
    for done, index in enumerate(sorted(range(len(unread)), key=lambda at: unread[at])):
        fair = -(-left // (len(unread) - done))
        given[index] = min(unread[index], fair, left)
        left -= given[index]
    return given
