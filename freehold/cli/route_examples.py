"""`route examples`: labelled messages as the training data of a model that is to route."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from freehold.cli.labelled import rows_of
from freehold.cli.options import Json
from freehold.cli.output import count, note, say_fields, say_json
from freehold.cli.written import writing
from freehold.errors import InvalidInput


def examples(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Messages with labels: CSV, TSV or JSON Lines.")
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE.jsonl", help="What to train on: four fifths of each label.")
    ],
    held_out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", help="Where the last fifth goes, as the recipe's `evaluation`."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="WHAT=NAME", help="Where a column has no usual name: label=Thema."),
    ] = None,
    json: Json = False,
) -> None:
    """Write training data for a model that is to route (`train run`, objective `supervised`).

    The fifth that the linear router is measured on is kept apart, so that `route measure FILE` has messages
    that neither learnt from.
    """
    from freehold.tasks import examples as lines
    from freehold.tasks import linear_route, route

    rows = rows_of(file, column or [])
    if not rows:
        raise InvalidInput(f"There are no messages in {file}.")
    apart = linear_route.held_out(rows)
    told: dict[str, str | int] = {}
    for name, path, wanted in (("train", out, False), ("held_out", held_out, True)):
        part = [row for row, out_ in zip(rows, apart, strict=True) if out_ == wanted]
        if path is not None:
            with writing(path):
                lines.write(path, route.examples(part))
            told[f"{name}_file"] = str(path)
        told[name] = len(part)
    if json:
        say_json(told)
    else:
        say_fields((key.replace("_", " "), value) for key, value in told.items())
    if not apart.any():
        note(f"No label has five messages: {count(len(rows), 'message')}, none kept apart to measure on.")
