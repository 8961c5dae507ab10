"""When the next request to a site may be made."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """A pause between the beginnings of two requests. Safe to use from several threads."""

    def __init__(self, delay_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._delay_seconds = delay_seconds
        self._monotonic = monotonic
        self._next = 0.0
        self._changing = threading.Lock()

    def slow_down(self, delay_seconds: float) -> None:
        """A longer pause from now on; never a shorter one."""
        self._delay_seconds = max(self._delay_seconds, delay_seconds)

    def rest(self, seconds: float) -> None:
        """No request for so long."""
        with self._changing:
            self._next = max(self._next, self._monotonic() + seconds)

    def wait_seconds(self) -> float:
        """How long until a request may be made; 0 when it may be made now."""
        return max(0.0, self._next - self._monotonic())

    def take(self) -> float:
        """Takes the next moment at which a request may be made, and says how far off it is."""
        with self._changing:
            now = self._monotonic()
            at = max(self._next, now)
            self._next = at + self._delay_seconds
            return at - now
