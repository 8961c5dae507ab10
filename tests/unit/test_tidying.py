"""What a process no longer needs goes back to the system, and only when nobody waits."""

import ctypes

import numpy as np
import psutil
import pytest

from freehold.memory import WORTH_BYTES, Tidying, give_back


def test_what_has_grown_is_looked_at_once() -> None:
    held = 100 * WORTH_BYTES
    tidying = Tidying(held=lambda: held)
    assert tidying.look()  # whatever the start left behind
    assert not tidying.look()
    held += WORTH_BYTES - 1
    assert not tidying.look()
    held += 1
    assert tidying.look()
    assert not tidying.look()


def test_what_shrank_may_grow_again() -> None:
    held = 100 * WORTH_BYTES
    tidying = Tidying(held=lambda: held)
    assert tidying.look()
    held -= 10 * WORTH_BYTES
    assert not tidying.look()
    held += WORTH_BYTES
    assert tidying.look()


def test_nothing_is_done_while_somebody_waits() -> None:
    waits = True
    tidying = Tidying(busy=lambda: waits)
    assert not tidying.look()
    waits = False
    assert tidying.look()


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc's malloc only")
def test_freed_memory_goes_back() -> None:
    pieces = [np.ones(60_000, dtype=np.uint8) for _ in range(1_000)]  # too small for maps of their own
    last = np.ones(60_000, dtype=np.uint8)  # keeps the heap's end, so that freeing alone gives nothing back
    del pieces
    before = psutil.Process().memory_info().rss
    give_back()
    assert psutil.Process().memory_info().rss < before - 40_000_000
    assert last.all()
