"""The engine that a model of the registry wants, as the settings have it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from freehold.config import Config
from freehold.egress import Egress
from freehold.engines.base import Engine
from freehold.engines.local import LocalEngine
from freehold.engines.remote import RemoteEngine
from freehold.models.endpoint import Endpoint
from freehold.models.model import Model


def engine_for(
    model: Model,
    path: Callable[[Model], Path],
    config: Config,
    egress: Egress,
    *,
    context: int | None = None,
) -> Engine:
    """An engine of its own for a model that is no adapter, not yet started; `path` gives its file.

    `context` stands in place of the setting's, of a model on this machine.

    Raises:
        ModelRejected: its file is not a sound one.
        InvalidInput: its key would be sent unencrypted to a host that is not known to be private.
    """
    if model.kind == "endpoint":
        return RemoteEngine(Endpoint.from_json(model.facts), model.id, egress=egress)
    return LocalEngine(
        path(model),
        model.id,
        threads=config.engine_threads,
        context=context or config.engine_context,
        slots=config.engine_slots,
        queue=config.engine_queue,
        binding=config.engine_binding,
    )
