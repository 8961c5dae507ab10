"""Which of two rivals routes: the one that was right more often on messages that were held out.

A tuned model's figures are what its lineage notes under `metrics`: `accuracy`, and `labels`, the names that
it may write. Knows nothing of whether both were measured on the same messages: `linear_route.held_out` gives
the same ones to whoever measures on the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from freehold.tasks.linear_route import LinearRoute
from freehold.tasks.route import label_of


@dataclass(frozen=True, slots=True)
class Tuned:
    """A model that was tuned to route, as far as it can be judged."""

    name: str
    labels: tuple[str, ...] = ()
    """What it may write; empty where nobody noted that."""
    accuracy: float | None = None
    """The share of held-out messages that it was right for, where somebody noted it."""

    @classmethod
    def of(cls, name: str, lineage: Mapping[str, Any]) -> Tuned:
        """From a model's lineage; what is no figure, or no list of names, counts as not noted."""
        metrics = lineage.get("metrics")
        if not isinstance(metrics, Mapping):
            return cls(name)
        accuracy, labels = metrics.get("accuracy"), metrics.get("labels")
        if not isinstance(labels, list) or not all(isinstance(each, str) for each in labels):
            labels = []
        if not isinstance(accuracy, int | float) or isinstance(accuracy, bool) or not 0 <= accuracy <= 1:
            accuracy = None
        return cls(name, tuple(dict.fromkeys(map(label_of, labels))), accuracy)


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
    reached = linear.facts.get("accuracy")
    if tuned.accuracy is None:
        return Choice("linear", f"how often {tuned.name} is right was not noted")
    if not isinstance(reached, int | float):
        return Choice("model", "how often the linear router is right was not noted", labels)
    compared = (
        f"of held-out messages {tuned.name} had {tuned.accuracy:.1%} right, the linear router {reached:.1%}"
    )
    return Choice("model", compared, labels) if tuned.accuracy > reached else Choice("linear", compared)
