"""One model's engine, whoever has the task: for measuring a model before it serves anybody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from freehold.engines.base import Engine
from freehold.models.model import Model


@dataclass(frozen=True, slots=True)
class ChosenEngine:
    """Stands where `ActiveEngine` does. Whoever made the engine starts and closes it."""

    engine: Engine
    model: Model

    def __call__(self) -> Engine:
        return self.engine

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that asks."""
        return asyncio.get_running_loop()
