"""The model of a small task, asked for a few words: greedily, and not for long.

A model that fails, or takes longer than it may, is left alone for a while, so that what ails it delays one
message and not all of them. Knows nothing of what the words are for, or of who is asked instead.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol

from freehold.engines.base import Engine, Finished, Generation
from freehold.errors import FreeholdError
from freehold.models.model import Model
from freehold.types import Turn, Usage

CONTEXT = 2048
"""Tokens that a message, with turns before it, and its label or rewriting may have together."""
SECONDS = 2.0
"""How long a message waits for the words, the loading of the model included."""
PAUSE_SECONDS = 30.0
"""How long a model that failed is not asked."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """What came of asking."""

    text: str = ""
    chance: float = 1.0
    """The product of its tokens' chances; 1 where they are not told."""
    failure: str | None = None
    """Why there is no text."""
    usage: Usage = field(default_factory=Usage)


class TaskEngine(Protocol):
    """Who runs the model: `ActiveEngine`, or the `ChosenEngine` of a model that is measured."""

    @property
    def model(self) -> Model | None: ...

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that its engine belongs to."""
        ...

    def __call__(self) -> Engine | None: ...


class BriefModel:
    """Asks the model that has a task. May be called from any event loop: the engine is used in its own."""

    def __init__(
        self,
        engine: TaskEngine,
        *,
        seconds: float | None = None,
        pause: float = PAUSE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._seconds = SECONDS if seconds is None else seconds
        self._pause = pause
        self._clock = clock
        self._left_alone: tuple[str, float] = ("", 0.0)
        """The model that failed, and until when it is not asked."""

    @property
    def model(self) -> Model | None:
        """Who would be asked; None while no model has the task."""
        return self._engine.model

    async def write(self, system: str, turns: tuple[Turn, ...], *, max_tokens: int) -> Written:
        """What the model writes. That it failed is said in the outcome, and in the log; nothing is raised."""
        engine, model, loop = self._engine(), self._engine.model, self._engine.loop
        if engine is None or model is None or loop is None or loop.is_closed():
            return Written(failure="no model has the task any more")
        failed, until = self._left_alone
        if failed == model.id and self._clock() < until:
            return Written(failure=f"{model.name} failed a moment ago and is left alone")
        logprobs = None if model.kind == "endpoint" else 0  # an endpoint need not have them
        request = Generation(turns, system, max_tokens=max_tokens, logprobs=logprobs)
        try:
            async with asyncio.timeout(self._seconds):
                return await _within(loop, _written(engine, request))
        except TimeoutError:
            failure = f"{model.name} took longer than {self._seconds:g} s"
        except FreeholdError as error:
            failure = f"{model.name} failed: {error.message}"
        log.warning("A message goes on without its model: %s.", failure.rstrip("."))
        self._left_alone = (model.id, self._clock() + self._pause)
        return Written(failure=failure)


async def _written(engine: Engine, request: Generation) -> Written:
    text, score, usage = "", 0.0, Usage()
    async with aclosing(engine.generate(request)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Finished):
                usage = piece.usage
            else:
                text += piece.text
                score += sum(token.logprob for token in piece.logprobs)
    return Written(text, math.exp(min(score, 0.0)), usage=usage)


async def _within(loop: asyncio.AbstractEventLoop, asking: Coroutine[Any, Any, Written]) -> Written:
    """Awaits it in the loop that it belongs to; cancelled, it is cancelled there."""
    if loop is asyncio.get_running_loop():
        return await asking
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asking, loop))
