"""Who may route in a data folder: the linear router that lies there, and the model that has the task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from freehold.cli.progress import Bar

if TYPE_CHECKING:  # numpy takes its time; --help does without
    from freehold.config import Config
    from freehold.engines.embedder import OnnxEmbedder
    from freehold.tasks.linear_route import LinearRoute
    from freehold.tasks.route_choice import Tuned

AT_ONCE = 64
"""Messages between two steps of the bar."""


def linear_in_service(config: Config) -> LinearRoute | None:
    """The linear router, if there is one.

    Raises:
        ModelRejected, InvalidInput: its file cannot be read.
    """
    from freehold.tasks.linear_route import read

    return read(config.router) if config.router.exists() else None


def tuned_model(config: Config) -> Tuned | None:
    """The model that has the task route, asked of the server; none where nothing was ever served here."""
    from freehold.cli.client import connect
    from freehold.tasks.route import TASK
    from freehold.tasks.route_choice import Tuned

    if not config.database.exists():
        return None
    with connect(config) as client:
        for model in client.get("/api/v1/models")["models"]:
            found = client.get(f"/api/v1/models/{model['id']}")
            if TASK in found["tasks"]:
                return Tuned.of(found["name"], found["lineage"])
    return None


def embedder_for(config: Config) -> OnnxEmbedder:
    """
    Raises:
        Unavailable: there is no embedding model.
    """
    from freehold.engines.embedder import OnnxEmbedder

    return OnnxEmbedder(config.embedder_folder, config.embedder_threads)


def embedded(embedder: OnnxEmbedder, messages: list[str]) -> Any:
    """Embeddings in the order of the messages, shape (messages, dimensions)."""
    import numpy as np

    from freehold.tasks.route import LONGEST_MESSAGE

    vectors = np.empty((len(messages), embedder.dimensions), dtype=np.float32)
    with Bar("Embedding") as shown:
        for start in range(0, len(messages), AT_ONCE):
            some = [message[:LONGEST_MESSAGE] for message in messages[start : start + AT_ONCE]]
            vectors[start : start + len(some)] = embedder.embed(some)
            shown.update(start + len(some), len(messages), "")
    return vectors


def same_embedder(router: LinearRoute, embedder: OnnxEmbedder) -> None:
    """
    Raises:
        Conflict: the router was learnt from another embedding model than the one that is here.
    """
    from freehold.errors import Conflict

    if router.embedder != embedder.name:
        raise Conflict(
            f"This router was learnt from the embedding model {router.embedder}; here is {embedder.name}.",
            hint="Train it anew with `freehold route train`.",
        )
