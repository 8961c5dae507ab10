"""`setup`: what Freehold needs beside its packages."""

from __future__ import annotations

import typer

from freehold.cli.options import config_of
from freehold.cli.output import note, say


def register(app: typer.Typer) -> None:
    app.command()(setup)


def setup(ctx: typer.Context) -> None:
    """Get the embedding model, once.

    Downloaded, accepted only by its pinned SHA-256, and written as ONNX into the data folder.
    """
    config = config_of(ctx)
    from freehold.models.minilm import ensure

    ensure(config.embedder_folder, report=note)
    say(f"embedding model: {config.embedder_folder}")
