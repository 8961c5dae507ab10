"""`setup`: what Freehold needs beside its packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from freehold.cli.options import config_of
from freehold.cli.output import note, say

if TYPE_CHECKING:  # costs start-up time that --help does not need
    from pathlib import Path

    from freehold.models.pinned import Making


def register(app: typer.Typer) -> None:
    app.command()(setup)


def setup(ctx: typer.Context) -> None:
    """Get the embedding model and the reader, once.

    Downloaded, accepted only by their pinned SHA-256, and written as ONNX into the data folder. A model
    of your own, in a folder that the settings name, is left as it is. Without the reader answers are still
    given, only chosen less well.
    """
    config = config_of(ctx)
    from freehold.models import minilm, reader

    _get(minilm.making(), config.embedder_folder, own=config.embedding_model is not None)
    if config.reader != "off":
        _get(reader.making(), config.reader_folder, own=config.reader_model is not None)


def _get(making: Making, folder: Path, *, own: bool) -> None:
    """`own`: a setting names the folder, so what is there may be a model of somebody's own."""
    from freehold.models.pinned import ensure, holds_another

    if own and (folder / "model.onnx").is_file() and holds_another(folder, making.identity):
        note(f"{folder} holds another {making.what}, your own, which is left as it is.")
    else:
        ensure(making, folder, report=note)
    say(f"{making.what}: {folder}")
