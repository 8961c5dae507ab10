"""How many answers are made at once, and how many may wait."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from types import TracebackType

from freehold.errors import Overloaded


class Gate:
    """Places for answers: so many worked on, so many waiting, the rest told to come back."""

    def __init__(self, at_once: int, waiting: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_once = at_once
        self._most = at_once + waiting
        self._turns = asyncio.Semaphore(at_once)
        self._clock = clock
        self._usual = 2.0
        self.inside = 0
        """Answers with a place, worked on or waiting."""

    @property
    def waiting(self) -> int:
        """Answers that have a place and wait for their turn."""
        return max(0, self.inside - self._at_once)

    def enter(self) -> Place:
        """Takes a place, which must be left again.

        Raises:
            Overloaded: all are taken; says when one is likely to be free.
        """
        if self.inside >= self._most:
            seconds = self._usual * (self.waiting + 1) / self._at_once
            raise Overloaded(
                "All places for answers are taken.",
                hint="Try again in a moment.",
                retry_after=min(60, max(1, math.ceil(seconds))),
            )
        self.inside += 1
        return Place(self)

    async def _turn(self) -> float:
        await self._turns.acquire()
        return self._clock()

    def _left(self, began: float | None) -> None:
        self.inside -= 1
        if began is not None:
            self._turns.release()
            self._usual += 0.1 * (self._clock() - began - self._usual)


class Place:
    """One place at the gate. As a context it waits for its turn; `leave` may be called more than once."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._began: float | None = None
        self._left = False

    async def __aenter__(self) -> Place:
        self._began = await self._gate._turn()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def leave(self) -> None:
        """Frees the place."""
        if not self._left:
            self._left = True
            self._gate._left(self._began)
