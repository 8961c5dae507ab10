"""What this process holds of the machine's memory, and giving back what it no longer needs."""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Callable

import psutil

_ARENA_MAX = -8
"""`M_ARENA_MAX` of glibc's malloc.h."""

LOOK_SECONDS = 5.0
"""Between two looks at whether there is something to give back."""

WORTH_BYTES = 8 * 2**20
"""Growth from which giving back is tried."""


def few_arenas() -> None:
    """Lets threads share two heaps: with one each, what a busy minute freed stays theirs for good.

    Does something on glibc only; elsewhere memory is the platform's affair.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


def give_back() -> None:
    """Returns freed memory to the system; worth its milliseconds after heavy work. glibc only."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def resident_bytes() -> int:
    """Resident memory of this process and its children."""
    me = psutil.Process()
    total = 0
    for process in (me, *me.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total


class Tidying:
    """A thread that gives back what work left behind, once nobody waits for an answer.

    Loading a model or running a long text through it takes tens of megabytes for a moment, and malloc keeps
    them for the next time. Giving back takes milliseconds, so it is done only where the process has grown.
    """

    def __init__(
        self,
        *,
        busy: Callable[[], bool] = lambda: False,
        held: Callable[[], int] = lambda: int(psutil.Process().memory_info().rss),
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """`busy`: whether somebody waits. `held`: the bytes that this process holds."""
        self._busy = busy
        self._held = held
        self._look_seconds = look_seconds
        self._least = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread."""
        self._thread = threading.Thread(target=self._work, name="tidying", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(5)

    def look(self) -> bool:
        """Gives back if this process has grown since it last did; says whether."""
        held = self._held()
        if self._busy() or held < self._least + WORTH_BYTES:
            self._least = min(self._least, held)
            return False
        give_back()
        self._least = self._held()
        return True

    def _work(self) -> None:
        while not self._stopping.wait(self._look_seconds):
            self.look()
