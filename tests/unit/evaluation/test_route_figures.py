"""The figures of those who route, and of two on the same messages."""

from __future__ import annotations

import pytest

from freehold.evaluation.route_figures import figures, pair
from freehold.tasks.metrics import Scope

GOLD = ["card", "card", "fee", "fee", "out_of_scope", "out_of_scope"]


def test_figures_of_one() -> None:
    found = figures(["card", "fee", "fee", None, "out_of_scope", "card"], GOLD)
    assert (found.right, found.messages, found.accuracy, found.unlabelled) == (3, 6, 0.5, 1)
    assert found.interval == pytest.approx((0.1876, 0.8124), abs=1e-4)
    assert found.reserved == {"out_of_scope": Scope(0.5, 0.0)}
    assert found.confused == (("card", "fee", 1), ("out_of_scope", "card", 1))
    assert found.as_json()["out_of_scope"] == {"recall": 0.5, "false_alarms": 0.0}


def test_the_commonest_confusions_come_first() -> None:
    said = ["b"] * 3 + ["c"] + ["d"] * 2
    assert figures(said, ["a"] * 6).confused == (("a", "b", 3), ("a", "d", 2), ("a", "c", 1))


def test_two_are_told_apart_by_the_messages_that_only_one_is_right_for() -> None:
    gold = ["a"] * 20
    found = pair(["a"] * 18 + ["b"] * 2, ["a"] * 8 + [None] * 11 + ["a"], gold)
    assert (found.only_first, found.only_second) == (10, 1)
    assert found.p == pytest.approx(2 * 12 / 2**11)
    assert pair(gold, gold, gold).p == 1.0
