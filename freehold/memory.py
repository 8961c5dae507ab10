"""What this process holds of the machine's memory, and giving back what it no longer needs."""

from __future__ import annotations

import contextlib
import ctypes

import psutil

_ARENA_MAX = -8
"""`M_ARENA_MAX` of glibc's malloc.h."""


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
