"""How a step is filled: fairly, and by the clock."""

import random

import pytest

from freehold.engines.steps import ALONE_LEAST, WHOLE, Pace, shares


@pytest.mark.parametrize(
    ("unread", "budget", "given"),
    [
        ([1000], 64, [64]),
        ([1000, 1000], 64, [32, 32]),
        ([1000, 10], 64, [54, 10]),
        ([10, 1000, 1000], 64, [10, 27, 27]),
        ([5, 5], 64, [5, 5]),
        ([7, 7, 7], 2, [1, 1, 0]),
        ([], 64, []),
    ],
)
def test_prompts_share_a_step(unread: list[int], budget: int, given: list[int]) -> None:
    assert shares(unread, budget) == given


def test_a_budget_is_used_and_never_exceeded() -> None:
    pick = random.Random(1)
    for _ in range(500):
        unread = [pick.randint(1, 300) for _ in range(pick.randint(1, 12))]
        budget = pick.randint(1, 256)
        given = shares(unread, budget)
        assert sum(given) == min(budget, sum(unread))
        assert all(0 <= got <= wanted for got, wanted in zip(given, unread, strict=True))


def test_the_budget_follows_the_clock() -> None:
    pace = Pace(limit=512)
    assert pace.budget(1000, writing=0, alone=True) == ALONE_LEAST, "careful until something is known"
    for _ in range(20):
        pace.saw(48, 48 * 0.005)
    assert pace.budget(1000, writing=0, alone=True) == 400, "what two seconds allow"
    assert pace.budget(1000, writing=3, alone=False) == 48 - 3, "whole with those who write"
    for _ in range(30):
        pace.saw(48, 48 * 0.5)
    assert pace.budget(1000, writing=0, alone=True) == ALONE_LEAST
    assert pace.budget(1000, writing=3, alone=False) == WHOLE - 3
    pace.saw(1, 100.0)
    assert pace.budget(1000, writing=3, alone=False) == WHOLE - 3, "a single token tells nothing"
    assert pace.budget(1000, writing=40, alone=False) == 1
    assert pace.budget(1000, writing=255, alone=False) == 1


def test_no_small_rest_is_left_to_one_that_is_alone() -> None:
    pace = Pace(limit=64)
    pace.saw(64, 64 * 0.05)
    assert pace.budget(200, writing=0, alone=True) == ALONE_LEAST
    assert pace.budget(54, writing=0, alone=True) == 54
    assert pace.budget(65, writing=0, alone=True) == ALONE_LEAST
    assert pace.budget(54, writing=2, alone=False) == WHOLE - 2, "others wait"


def test_a_step_is_never_larger_than_it_may_be() -> None:
    for limit in (16, 64, 100):
        for seen in (0.0, 1e-6, 1.0):
            pace = Pace(limit)
            if seen:
                pace.saw(64, 64 * seen)
            for writing in range(limit):
                for alone in (False, True):
                    assert 1 <= pace.budget(1000, writing=writing, alone=alone) <= limit - writing
