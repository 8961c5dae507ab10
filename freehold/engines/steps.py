"""Which tokens go into the next step: those who write get one each, those who read share what time is left.

Knows numbers only. A step is as long as its tokens, and nobody else is served while it runs; so its size is
measured in time: long when one conversation is alone, short when others wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

ALONE_SECONDS: Final = 2.0
"""What a newcomer waits at most for one that was alone; a 1B model reads 64 tokens in it."""
SHARED_SECONDS: Final = 0.25
WHOLE: Final = 16
"""A step's tokens come in multiples of it where they can: llama.cpp multiplies several rows at once, and the
ones left over one by one. On one core of a 1B model 8 tokens are read at 63% of the speed of 64 and more, 16
at 90%, 32 at 93%, 48 at 97%."""
ALONE_LEAST: Final = 2 * WHOLE


class Pace:
    """How long reading takes here, by what it took lately."""

    def __init__(self, limit: int) -> None:
        """`limit` is the most tokens that a step may have."""
        self._limit = limit
        self._per_token = 0.0

    def saw(self, tokens: int, seconds: float) -> None:
        """Takes note of a step that read `tokens`; small ones tell too little."""
        if tokens >= WHOLE:
            each = seconds / tokens
            self._per_token = each if not self._per_token else 0.7 * self._per_token + 0.3 * each

    def budget(self, unread: int, *, writing: int, alone: bool) -> int:
        """Tokens of `unread` that the next step may read beside `writing` others.

        One that is alone reads the rest of its prompt rather than leave less than another part of it.
        """
        seconds, least = (ALONE_SECONDS, ALONE_LEAST) if alone else (SHARED_SECONDS, WHOLE)
        tokens = max(least, int(seconds / self._per_token)) if self._per_token else ALONE_LEAST
        tokens = min(self._limit, max(tokens, writing + 1))
        whole = max(1, tokens // WHOLE * WHOLE - writing)
        return unread if alone and unread <= min(2 * whole, self._limit - writing) else whole


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
