"""The engine that has a task now, and how one takes the place of another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from freehold.engines.adapted import assembled
from freehold.engines.base import Engine
from freehold.errors import FreeholdError
from freehold.models.registry import Model, Registry

log = logging.getLogger(__name__)


class ActiveEngine:
    """Called, it gives the engine that has the task now; None while none has: answers are quoted then. Of one
    event loop."""

    def __init__(
        self,
        registry: Registry,
        make: Callable[[Model], Engine],
        fixed: Engine | None = None,
        *,
        task: str = "answer",
    ) -> None:
        """`make` gives an engine for a model that is no adapter, not yet started; it is called in a thread.
        `fixed` has the task in place of any model."""
        self.model: Model | None = None
        """What the registry knows of the model that has the task."""
        self.loop: asyncio.AbstractEventLoop | None = None
        """The event loop that its engine belongs to."""
        self._registry = registry
        self._make = make
        self._task = task
        self._engine: Engine | None = fixed
        self._base: Engine | None = fixed
        """What runs the weights: the engine itself, or the one that its adapter is put on."""
        self._changing = asyncio.Lock()

    def __call__(self) -> Engine | None:
        return self._engine

    async def resume(self) -> None:
        """Takes up the model that was active when the last process ended; its first question loads it."""
        async with self._changing:
            self.loop = asyncio.get_running_loop()
            model = await asyncio.to_thread(self._registry.active, self._task)
            if model is None or self._engine is not None:
                return
            try:
                self._engine, self._base = await self._assembled(model)
                self.model = model
            except FreeholdError as error:
                log.error(
                    "%s, active for the task %s, cannot be used: %s", model.name, self._task, error.message
                )

    async def use(self, ref: str | None) -> Model | None:
        """Loads a model, then gives it the task, then stops the one before; None leaves the task to none.

        Where the weights run already, as of an adapter whose base answers now, nothing is loaded anew.

        Raises:
            NotFound: there is no such model.
            ModelRejected: it cannot be loaded; the one before keeps the task.
        """
        async with self._changing:
            self.loop = asyncio.get_running_loop()
            if ref is None:
                await asyncio.to_thread(self._registry.unuse, self._task)
                await self._put(None, None, None)
                return None
            model = await asyncio.to_thread(self._registry.get, ref)
            engine, base = await self._assembled(model)
            try:
                await engine.start()
                used = await asyncio.to_thread(self._registry.use, model.id, self._task)
            except BaseException:
                if base is not self._base:
                    await base.close()
                raise
            await self._put(used, engine, base)
            return used

    def know(self, model: Model) -> None:
        """Takes what the registry knows by now of the model that has the task, if it is that one."""
        if self.model is not None and self.model.id == model.id:
            self.model = model

    async def close(self) -> None:
        """Stops what runs the model."""
        async with self._changing:
            await self._put(None, None, None)

    async def _assembled(self, model: Model) -> tuple[Engine, Engine]:
        return await asyncio.to_thread(assembled, self._registry, self._make, model, self._base)

    async def _put(self, model: Model | None, engine: Engine | None, base: Engine | None) -> None:
        before = self._base
        self.model = model
        self._engine, self._base = engine, base
        if before is not None and before is not base:
            await before.close()
