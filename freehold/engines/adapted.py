"""An adapter's engine: its base model's, with the adapter on every request."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from freehold.engines.base import AdapterUse, Engine, Finished, Generation, TextDelta
from freehold.models.registry import Model, Registry
from freehold.types import Turn


class AdaptedEngine:
    """Implements `Engine`. The base's engine may serve others at the same time."""

    def __init__(self, base: Engine, use: AdapterUse) -> None:
        self.model_id = use.id
        self.context_length = base.context_length
        self._base = base
        self._use = use

    async def start(self) -> None:
        """Loads the base, and writes a word with the adapter.

        Raises:
            ModelRejected: the base cannot be loaded, or the adapter not put on it.
        """
        await self._base.start()
        async with aclosing(self.generate(Generation((Turn("user", "Hello"),), max_tokens=1))) as stream:
            async for _ in stream:
                pass

    async def generate(self, request: Generation) -> AsyncGenerator[TextDelta | Finished, None]:
        """See `Engine.generate`; a request that names an adapter keeps its own."""
        adapted = request if request.adapter is not None else replace(request, adapter=self._use)
        async with aclosing(self._base.generate(adapted)) as stream:
            async for event in stream:
                yield event

    async def count_tokens(self, text: str) -> int:
        """See `Engine.count_tokens`."""
        return await self._base.count_tokens(text)

    async def close(self) -> None:
        """Closes the base's engine."""
        await self._base.close()


def assembled(
    registry: Registry, make: Callable[[Model], Engine], model: Model, running: Engine | None = None
) -> tuple[Engine, Engine]:
    """An engine for a model or adapter of the registry, and the one that runs its weights.

    `make` gives an engine for a model that is no adapter, not yet started. `running` is taken instead where
    it runs those weights already.
    """
    weights = registry.get(model.parent_id) if model.kind == "adapter" and model.parent_id else model
    base = running if running is not None and running.model_id == weights.id else make(weights)
    if weights is model:
        return base, base
    return AdaptedEngine(base, AdapterUse(model.id, registry.path(model))), base
