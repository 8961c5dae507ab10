"""Who routes: the better one by what was noted, and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from freehold.tasks.linear_route import LinearRoute
from freehold.tasks.route_choice import Tuned, choose


def linear(accuracy: float | None) -> LinearRoute:
    facts = {} if accuracy is None else {"accuracy": accuracy}
    return LinearRoute(
        np.zeros((1, 2), np.float32), np.zeros(1, np.float32), ("card",), 1.0, {"card": 0.5}, "fake", facts
    )


@pytest.mark.parametrize(
    ("rival", "tuned", "by", "why"),
    [
        (None, None, None, "no router is in service, and no model"),
        (linear(0.9), None, "linear", "no model has the task"),
        (None, Tuned("m"), None, "labels that m may write are not known"),
        (None, Tuned("m", ("a",)), "model", "no linear router is in service"),
        (linear(0.9), Tuned("m", ("a",)), "linear", "how often m is right was not noted"),
        (
            linear(None),
            Tuned("m", accuracy=0.5),
            "model",
            "how often the linear router is right was not noted",
        ),
        (linear(0.9), Tuned("m", accuracy=0.91), "model", "m had 91.0% right, the linear router 90.0%"),
        (linear(0.9), Tuned("m", accuracy=0.9), "linear", "m had 90.0% right, the linear router 90.0%"),
        (linear(0.9), Tuned("m", accuracy=0.5), "linear", "m had 50.0% right"),
    ],
)
def test_the_better_one_is_chosen_and_why_is_said(
    rival: LinearRoute | None, tuned: Tuned | None, by: str | None, why: str
) -> None:
    choice = choose(rival, tuned)
    assert choice.by == by
    assert why in choice.why


def test_a_models_own_labels_go_before_the_linear_routers() -> None:
    assert choose(linear(0.1), Tuned("m", ("a", "b"), 0.9)).labels == ("a", "b")
    assert choose(linear(0.1), Tuned("m", (), 0.9)).labels == ("card",)


@pytest.mark.parametrize(
    ("lineage", "labels", "accuracy"),
    [
        ({"metrics": {"accuracy": 0.93, "labels": ["card", "oos", "card"]}}, ("card", "out_of_scope"), 0.93),
        ({"metrics": {"accuracy": 1, "labels": []}}, (), 1.0),
        ({"metrics": {"accuracy": 93, "labels": "card"}}, (), None),
        ({"metrics": {"accuracy": "0.93", "labels": ["card", 7]}}, (), None),
        ({"metrics": {"accuracy": True}}, (), None),
        ({"metrics": [0.93]}, (), None),
        ({}, (), None),
    ],
)
def test_what_a_lineage_notes(
    lineage: dict[str, Any], labels: tuple[str, ...], accuracy: float | None
) -> None:
    assert Tuned.of("m", lineage) == Tuned("m", labels, accuracy)
