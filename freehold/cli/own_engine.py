"""An engine of the command's own for a model of the registry.

The server is asked only what the model is. What answers customers is neither held up nor changed, and the key
of an endpoint is taken from this environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from freehold.cli.client import Client

if TYPE_CHECKING:  # the settings take their time; --help does without
    from freehold.config import Config
    from freehold.engines.base import Engine
    from freehold.models.model import Model

Described = tuple[dict[str, Any], dict[str, Any] | None]
"""What the registry knows of a model; and of the base that it is put on, if it is an adapter."""


def described(client: Client, ref: str) -> Described:
    """Asks the server.

    Raises:
        NotFound, InvalidInput: no model is called so, or several.
    """
    found = client.get(f"/api/v1/models/{quote(ref, safe='')}")
    adapter = found["kind"] == "adapter"
    return found, client.get(f"/api/v1/models/{found['parent_id']}") if adapter else None


def model_of(body: dict[str, Any]) -> Model:
    """The model that the server described."""
    from freehold.models.model import Model

    same = ("id", "name", "format", "size", "facts", "created_at", "kind", "parent_id")
    return Model(**{name: body[name] for name in same})


def engine_of(config: Config, model: Described, *, context: int | None = None) -> Engine:
    """An engine that is not yet started; files of models never change, so that it reads them beside a server.

    `context` stands in place of the setting's.
    """
    from freehold.egress import Egress
    from freehold.engines.adapted import AdaptedEngine
    from freehold.engines.base import AdapterUse
    from freehold.engines.made import engine_for
    from freehold.models.files import ModelFiles

    files = ModelFiles(config.models)

    def path(model: Model) -> Path:
        return files.intact(model.id, model.size, model.name)

    wanted, base = model_of(model[0]), model[1]
    egress = Egress(config.allowed_egress, config.allowed_private)
    weights = wanted if base is None else model_of(base)
    engine = engine_for(weights, path, config, egress, context=context)
    return engine if base is None else AdaptedEngine(engine, AdapterUse(wanted.id, path(wanted)))
