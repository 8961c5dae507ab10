"""Places at the model: how many may run at once, and how much context they may fill together."""

from __future__ import annotations

import asyncio
from collections import deque


class Places:
    """First come, first served. A place is a slot and the tokens that its prompt and answer may reach.

    llama.cpp keeps all slots in one context and fails every running request when it is full; so nobody starts
    before there is room for all that he may need.
    """

    def __init__(self, slots: int, tokens: int) -> None:
        self.slots = slots
        self.tokens = tokens
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, tokens: int) -> None:
        """Waits for a place with `tokens`, which must not be more than there are in all."""
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((tokens, granted))
        self._grant()
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self.give(tokens)
            else:
                self._waiting.remove((tokens, granted))
                self._grant()
            raise

    def give(self, tokens: int) -> None:
        """Gives a place back."""
        self.slots += 1
        self.tokens += tokens
        self._grant()

    def _grant(self) -> None:
        while self._waiting and self.slots and self._waiting[0][0] <= self.tokens:
            tokens, granted = self._waiting.popleft()
            self.slots -= 1
            self.tokens -= tokens
            granted.set_result(None)
