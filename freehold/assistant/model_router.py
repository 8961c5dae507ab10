"""A tuned model asked what a message is about. Knows nothing of who is asked instead."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from freehold.assistant.brief_model import BriefModel
from freehold.tasks import route as task
from freehold.tasks.route import Route
from freehold.tasks.route_choice import Tuned
from freehold.types import Usage

MAX_TOKENS = 32
"""Of a label; what is longer is none."""
SURE_FROM = 0.9
"""The chance from which a label may be acted on. Set by hand: unlike the linear router's limits it was not
measured."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking a model."""

    route: Route | None
    failure: str | None = None
    """Why there is no route."""
    written: str | None = None
    """What the model wrote; None where it failed."""
    usage: Usage = field(default_factory=Usage)


class ModelRouter:
    """Asks the model that has the task `route`."""

    def __init__(self, model: BriefModel) -> None:
        self._model = model

    @property
    def model_id(self) -> str | None:
        """Who would be asked; None while no model has the task."""
        return None if self._model.model is None else self._model.model.id

    def tuned(self) -> Tuned | None:
        """What is known of the model that has the task."""
        model = self._model.model
        return None if model is None else Tuned.of(model.name, model.lineage)

    async def ask(self, message: str, labels: Collection[str]) -> Asked:
        """The label that the model gives a message, if it is one of `labels`. Never raises for the model."""
        system, turns = task.compose(message)
        written = await self._model.write(system, turns, max_tokens=MAX_TOKENS)
        if written.failure is not None:
            return Asked(None, written.failure)
        label = task.read(written.text, labels)
        if label is None:
            said = f"it wrote no label that is known: {written.text.strip()[:80]!r}"
            return Asked(None, said, written.text, written.usage)
        route = Route(label, written.chance, written.chance >= SURE_FROM)
        return Asked(route, None, written.text, written.usage)
