"""Who routes: the better one by what was noted, and why."""

from __future__ import annotations

import numpy as np
import pytest

from freehold.tasks.linear_route import LinearRoute
from freehold.tasks.route_choice import Beside, Tuned, choose


def linear(dataset: str = "same") -> LinearRoute:
    facts = {"dataset": dataset, "accuracy": 0.99}
    return LinearRoute(
        np.zeros((1, 2), np.float32), np.zeros(1, np.float32), ("card",), 1.0, {"card": 0.5}, "fake", facts
    )


def tuned(accuracy: float, beside: float, p: float = 0.01, labels: tuple[str, ...] = ()) -> Tuned:
    return Tuned("m", labels, accuracy, Beside("same", beside, p))


@pytest.mark.parametrize(
    ("rival", "model", "by", "why"),
    [
        (None, None, None, "no router is in service, and no model"),
        (linear(), None, "linear", "no model has the task"),
        (None, Tuned("m"), None, "labels that m may write are not known"),
        (None, Tuned("m", ("a",)), "model", "no linear router is in service"),
        (linear(), Tuned("m", ("a",)), "linear", "how often m is right was not measured"),
        (linear(), Tuned("m", accuracy=1.0), "linear", "was not measured on the same messages"),
        (linear("another"), tuned(0.9, 0.1), "linear", "was not measured on the same messages"),
        (linear(), tuned(0.91, 0.9), "model", "m had 91.0% right, the linear router 90.0%"),
        (
            linear(),
            tuned(0.91, 0.9, p=0.05),
            "linear",
            "router 90.0%, which may be chance (p 0.05)",
        ),
        (linear(), tuned(0.9, 0.9), "linear", "m had 90.0% right, the linear router 90.0%"),
        (linear(), tuned(0.5, 0.9), "linear", "m had 50.0% right"),
    ],
)
def test_the_better_one_is_chosen_and_why_is_said(
    rival: LinearRoute | None, model: Tuned | None, by: str | None, why: str
) -> None:
    choice = choose(rival, model)
    assert choice.by == by
    assert why in choice.why


def test_a_models_own_labels_go_before_the_linear_routers() -> None:
    assert choose(linear(), tuned(0.9, 0.1, labels=("a", "b"))).labels == ("a", "b")
    assert choose(linear(), tuned(0.9, 0.1)).labels == ("card",)


LINEAR = {"dataset": "same", "accuracy": 0.9, "p": 0.01}


@pytest.mark.parametrize(
    ("metrics", "labels", "accuracy", "beside"),
    [
        ({"accuracy": 0.93, "labels": ["card", "oos", "card"]}, ("card", "out_of_scope"), 0.93, None),
        ({"accuracy": 1, "labels": [], "linear": LINEAR}, (), 1.0, Beside("same", 0.9, 0.01)),
        ({"linear": LINEAR | {"p": "0.01"}}, (), None, None),
        ({"linear": LINEAR | {"dataset": None}}, (), None, None),
        ({"linear": LINEAR | {"accuracy": 90}}, (), None, None),
        ({"accuracy": 93, "labels": "card"}, (), None, None),
        ({"accuracy": "0.93", "labels": ["card", 7]}, (), None, None),
        ({"accuracy": True, "linear": 3}, (), None, None),
        ([0.93], (), None, None),
        (None, (), None, None),
    ],
)
def test_what_a_lineage_notes(
    metrics: object, labels: tuple[str, ...], accuracy: float | None, beside: Beside | None
) -> None:
    assert Tuned.of("m", {"metrics": {"route": metrics}}) == Tuned("m", labels, accuracy, beside)
    assert Tuned.of("m", {"metrics": metrics}) == Tuned.of("m", {}) == Tuned("m")
