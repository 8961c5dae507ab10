"""A tuned model asked what a message is about: greedily, in a few words, and not for long.

A model that fails, or takes longer than it may, is left alone for a while, so that what ails it delays one
message and not all of them. Knows nothing of who is asked instead.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Collection, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from freehold.engines.active import ActiveEngine
from freehold.engines.base import Engine, Finished, Generation
from freehold.errors import FreeholdError
from freehold.tasks import route as task
from freehold.tasks.route import Route
from freehold.tasks.route_choice import Tuned
from freehold.types import Usage

SECONDS = 2.0
"""How long a message waits for its label, the loading of the model included."""
PAUSE_SECONDS = 30.0
"""How long a model that failed is not asked."""
MAX_TOKENS = 32
"""Of a label; what is longer is none."""
SURE_FROM = 0.9
"""The chance from which a label may be acted on. Set by hand: unlike the linear router's limits it was not
measured."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking a model."""

    route: Route | None
    failure: str | None = None
    """Why there is no route."""
    usage: Usage = field(default_factory=Usage)


class ModelRouter:
    """Asks the model that has the task. May be called from any event loop: the engine is used in its own."""

    def __init__(
        self,
        engine: ActiveEngine,
        *,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._seconds = seconds
        self._clock = clock
        self._left_alone: tuple[str, float] = ("", 0.0)
        """The model that failed, and until when it is not asked."""

    @property
    def model_id(self) -> str | None:
        """Who would be asked; None while no model has the task."""
        model = self._engine.model
        return None if model is None else model.id

    def tuned(self) -> Tuned | None:
        """What is known of the model that has the task."""
        model = self._engine.model
        return None if model is None else Tuned.of(model.name, model.lineage)

    async def ask(self, message: str, labels: Collection[str]) -> Asked:
        """The label that the model gives a message, if it is one of `labels`. Never raises for the model."""
        engine, model, loop = self._engine(), self._engine.model, self._engine.loop
        if engine is None or model is None or loop is None or loop.is_closed():
            return Asked(None, "no model has the task route any more")
        failed, until = self._left_alone
        if failed == model.id and self._clock() < until:
            return Asked(None, f"{model.name} failed a moment ago and is left alone")
        logprobs = None if model.kind == "endpoint" else 0  # an endpoint need not have them
        try:
            async with asyncio.timeout(self._seconds):
                return await _within(loop, _label(engine, message, labels, logprobs))
        except TimeoutError:
            failure = f"{model.name} took longer than {self._seconds:g} s"
        except FreeholdError as error:
            failure = f"{model.name} failed: {error.message}"
        log.warning("A message was not routed by its model: %s.", failure.rstrip("."))
        self._left_alone = (model.id, self._clock() + PAUSE_SECONDS)
        return Asked(None, failure)


async def _label(engine: Engine, message: str, labels: Collection[str], logprobs: int | None) -> Asked:
    system, turns = task.compose(message)
    request = Generation(turns, system, max_tokens=MAX_TOKENS, logprobs=logprobs)
    written, score, usage = "", 0.0, Usage()
    async with aclosing(engine.generate(request)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Finished):
                usage = piece.usage
            else:
                written += piece.text
                score += sum(token.logprob for token in piece.logprobs)
    label = task.read(written, labels)
    if label is None:
        return Asked(None, f"it wrote no label that is known: {written.strip()[:80]!r}", usage)
    chance = math.exp(min(score, 0.0))
    return Asked(Route(label, chance, chance >= SURE_FROM), usage=usage)


async def _within(loop: asyncio.AbstractEventLoop, asking: Coroutine[Any, Any, Asked]) -> Asked:
    """Awaits it in the loop that it belongs to; cancelled, it is cancelled there."""
    if loop is asyncio.get_running_loop():
        return await asking
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asking, loop))
