"""What a message is about, told by the better of two: a linear router, or a model that was tuned to it.

Which one is better is decided anew for each message from what was noted with each (`tasks/route_choice.py`),
so that either can be exchanged without a restart. What the model cannot say, the linear router says where
there is one; else the message goes its usual way.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from anyio import to_thread

from freehold.assistant.linear_router import LinearRouter
from freehold.assistant.model_router import ModelRouter
from freehold.tasks.route import Route
from freehold.tasks.route_choice import choose
from freehold.types import Usage

LINEAR = "linear"


@dataclass(frozen=True, slots=True)
class Routed:
    """Where a message goes, and who said so."""

    route: Route | None = None
    by: str | None = None
    """`linear`, or the id of a model; None where nobody said anything."""
    failure: str | None = None
    """Why the model that should have said it did not."""
    usage: Usage = field(default_factory=Usage)


class Router:
    """Routes messages."""

    def __init__(self, linear: LinearRouter, model: ModelRouter) -> None:
        self._linear = linear
        self._model = model

    async def __call__(self, message: str) -> Routed:
        """Where a message goes; nowhere while there is no router. Never raises for a model that fails."""
        model_id = self._model.model_id
        if model_id is None:
            return await to_thread.run_sync(self._linearly, message)
        linear = await to_thread.run_sync(self._linear.current)
        choice = choose(linear, self._model.tuned())
        if choice.by != "model":
            return await to_thread.run_sync(self._linearly, message)
        asked = await self._model.ask(message, choice.labels)
        if asked.route is not None:
            return Routed(asked.route, model_id, usage=asked.usage)
        instead = await to_thread.run_sync(self._linearly, message)
        return Routed(instead.route, instead.by, asked.failure, asked.usage + instead.usage)

    def _linearly(self, message: str) -> Routed:
        """In a thread: what the linear router says."""
        began = time.thread_time()
        route = self._linear(message)
        if route is None:
            return Routed()
        return Routed(route, LINEAR, usage=Usage(cpu_seconds=time.thread_time() - began))
