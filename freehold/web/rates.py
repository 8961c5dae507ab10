"""How often a caller may do something: at most so many times in any minute, by visitor and by address.

In memory, for as long as the process lives; what nobody did for a minute takes no room.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from freehold.errors import RateLimited

MINUTE = 60.0


class Rates:
    """The limits of one server. Thread-safe."""

    def __init__(
        self, per_visitor: int, per_address: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._visitors = _Window(per_visitor, clock)
        self._addresses = _Window(per_address, clock)
        self._others = _Window(per_address, clock)

    def message(self, visitor_id: str, address: str) -> None:
        """Counts a message.

        Raises:
            RateLimited: the visitor, or the address, has sent too many.
        """
        self._visitors.count(visitor_id)
        self._addresses.count(address)

    def other(self, address: str) -> None:
        """Counts anything else that writes: a new conversation, a rating.

        Raises:
            RateLimited: the address does it too often.
        """
        self._others.count(address)


class _Window:
    """At most `most` in any minute, each."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {}
        self._swept = clock()

    def count(self, who: str) -> None:
        with self._lock:
            now = self._clock()
            if now - self._swept >= MINUTE:
                self._sweep(now)
            times = self._times.setdefault(who, deque())
            while times and times[0] <= now - MINUTE:
                times.popleft()
            if len(times) < self._most:
                times.append(now)
                return
            wait = max(1, math.ceil(times[0] + MINUTE - now))
        raise RateLimited(
            "Too many messages in a short time.", hint=f"Try again in {wait} s.", retry_after=wait
        )

    def _sweep(self, now: float) -> None:
        self._times = {who: times for who, times in self._times.items() if times[-1] > now - MINUTE}
        self._swept = now
