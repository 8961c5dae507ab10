"""Which of two rivals routes: a tuned model where it was right more often, and more than chance would have
it, than the linear router on the same messages.

A model's figures are what its lineage notes under `metrics.route` (`freehold route measure` writes it):

    accuracy  the share of messages that it was right for
    labels    the names that it may write
    linear    {dataset, accuracy, p}: the linear router on the same messages; which one it was, by what it
              learnt from; and how easily chance makes as much of a difference (McNemar)

Figures of different messages are not compared: which of two files is harder decides more than which rival is
better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from freehold.tasks.linear_route import LinearRoute
from freehold.tasks.route import TASK, label_of

CHANCE = 0.05
"""Above this p a difference counts as none, and the rival that costs milliseconds routes."""


@dataclass(frozen=True, slots=True)
class Beside:
    """The linear router on the messages that a model was measured on."""

    dataset: str
    """What it had learnt from."""
    accuracy: float
    p: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """A model that was tuned to route, as far as it can be judged."""

    name: str
    labels: tuple[str, ...] = ()
    """What it may write; empty where nobody noted that."""
    accuracy: float | None = None
    """The share of messages that it was right for, where that was measured."""
    beside: Beside | None = None

    @classmethod
    def of(cls, name: str, lineage: Mapping[str, Any]) -> Tuned:
        """From a model's lineage; what is no figure, or no list of names, counts as not noted."""
        metrics = _mapping(_mapping(lineage.get("metrics")).get(TASK))
        labels = metrics.get("labels")
        if not isinstance(labels, list) or not all(isinstance(each, str) for each in labels):
            labels = []
        linear = _mapping(metrics.get("linear"))
        dataset, reached, p = linear.get("dataset"), _share(linear.get("accuracy")), _share(linear.get("p"))
        beside = None
        if isinstance(dataset, str) and reached is not None and p is not None:
            beside = Beside(dataset, reached, p)
        return cls(name, tuple(dict.fromkeys(map(label_of, labels))), _share(metrics.get("accuracy")), beside)


@dataclass(frozen=True, slots=True)
class Choice:
    """Who routes, and why."""

    by: Literal["linear", "model"] | None
    why: str
    labels: tuple[str, ...] = ()
    """Where the model routes: the names that it may write."""


def choose(linear: LinearRoute | None, tuned: Tuned | None) -> Choice:
    """The better of those that are there. On equal terms the linear one: it costs milliseconds."""
    if tuned is None:
        if linear is None:
            return Choice(None, "no router is in service, and no model has the task route")
        return Choice("linear", "no model has the task route")
    labels = tuned.labels or (() if linear is None else linear.labels)
    if not labels:
        return Choice(None, f"the labels that {tuned.name} may write are not known")
    if linear is None:
        return Choice("model", "no linear router is in service", labels)
    if tuned.accuracy is None:
        return Choice("linear", f"how often {tuned.name} is right was not measured")
    if tuned.beside is None or tuned.beside.dataset != linear.facts.get("dataset"):
        return Choice("linear", f"{tuned.name} was not measured on the same messages as this linear router")
    compared = (
        f"of the same messages {tuned.name} had {tuned.accuracy:.1%} right, the linear router"
        f" {tuned.beside.accuracy:.1%}"
    )
    if tuned.accuracy <= tuned.beside.accuracy:
        return Choice("linear", compared)
    if tuned.beside.p >= CHANCE:
        return Choice("linear", f"{compared}, which may be chance (p {tuned.beside.p:.2g})")
    return Choice("model", compared, labels)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _share(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        return None
    return float(value)
