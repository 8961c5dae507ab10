"""`setup`: what Freehold needs beside its packages."""

from __future__ import annotations

import typer

from freehold.cli.options import config_of
from freehold.cli.output import note, say


def register(app: typer.Typer) -> None:
    app.command()(setup)


def setup(ctx: typer.Context) -> None:
    """Get the embedding model and the reader, once.

    Downloaded, accepted only by their pinned SHA-256, and written as ONNX into the data folder. Without the
    reader answers are still given, only chosen less well.
    """
    config = config_of(ctx)
    from freehold.models import minilm, reader
    from freehold.models.pinned import ensure

    ensure(minilm.making(), config.embedder_folder, report=note)
    say(f"embedding model: {config.embedder_folder}")
    if config.reader == "off":
        return
    ensure(reader.making(), config.reader_folder, report=note)
    say(f"reader: {config.reader_folder}")
