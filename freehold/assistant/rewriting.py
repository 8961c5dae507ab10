"""A question that leans on the turns before it, put in full by the model that has the task `rewrite`.

Its rival is the rule of `history.py`, which is asked where the model fails, or leaves the question as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from freehold.assistant.brief_model import BriefModel
from freehold.models.model import Model
from freehold.tasks import rewrite as task
from freehold.types import Query, Usage

MAX_TOKENS = 128
"""Of a question; what is longer is cut off and searched for as it stands."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What came of asking a model."""

    question: str | None = None
    """In full; None where the rule is to be asked."""
    by: str | None = None
    """The id of the model that wrote it."""
    failure: str | None = None
    """Why the model that should have written it did not."""
    usage: Usage = field(default_factory=Usage)


class Rewriter:
    """Puts questions in full while a model has the task."""

    def __init__(self, model: BriefModel) -> None:
        self._model = model

    @property
    def model(self) -> Model | None:
        """Who is asked; None while no model has the task."""
        return self._model.model

    async def __call__(self, query: Query) -> Rewritten:
        """The question as it is meant. Never raises for a model that fails."""
        model = self._model.model
        if model is None:
            return Rewritten()
        system, turns = task.compose(query)
        written = await self._model.write(system, turns, max_tokens=MAX_TOKENS)
        if written.failure is not None:
            return Rewritten(failure=written.failure)
        question = task.read(written.text, query)
        if question == query.text:
            return Rewritten(usage=written.usage)
        return Rewritten(question, model.id, usage=written.usage)
