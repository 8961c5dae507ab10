"""Limits by the minute, on a clock of the test's own."""

from __future__ import annotations

import pytest

from freehold.errors import RateLimited
from freehold.testing import FakeClock
from freehold.web.rates import Rates


def test_so_many_in_any_minute() -> None:
    clock = FakeClock()
    rates = Rates(3, 100, clock=clock)
    for _ in range(3):
        rates.message("ann", "a")
        clock.advance(10)
    with pytest.raises(RateLimited) as refused:
        rates.message("ann", "a")
    assert refused.value.retry_after == 30
    rates.message("bob", "a")
    clock.advance(29.5)
    with pytest.raises(RateLimited) as refused:
        rates.message("ann", "a")
    assert refused.value.retry_after == 1
    clock.advance(0.5)
    rates.message("ann", "a")
    with pytest.raises(RateLimited):
        rates.message("ann", "a")


def test_addresses_count_all_their_visitors() -> None:
    rates = Rates(100, 2, clock=FakeClock())
    rates.message("ann", "a")
    rates.message("bob", "a")
    with pytest.raises(RateLimited):
        rates.message("cid", "a")
    rates.message("cid", "b")
    rates.other("a")


def test_who_is_gone_takes_no_room() -> None:
    clock = FakeClock()
    rates = Rates(3, 1000, clock=clock)
    for number in range(1000):
        rates.message(str(number), "a")
    clock.advance(61)
    rates.message("ann", "b")
    assert set(rates._visitors._times) == {"ann"}
    assert set(rates._addresses._times) == {"b"}
