"""The terminal. Commands are thin: they parse, ask the server over HTTP and print.

Data goes to stdout, progress and errors to stderr. Exit status: 0 done, 1 failed (the reason is on
stderr), 2 wrong usage, 3 `ask` was answered by "the documents don't say", 4 `evaluate` fell short of a bar,
130 stopped by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from freehold.cli import (
    assistants,
    chat,
    corpus,
    evaluate,
    keys,
    knowledge,
    models,
    rehearse,
    route,
    serve,
    setup,
    trace,
    train,
)
from freehold.cli.options import Options
from freehold.cli.output import fail
from freehold.errors import FreeholdError


def make() -> typer.Typer:
    """The command tree, in the order in which people meet it."""
    app = typer.Typer(
        name="freehold",
        help="A customer-support assistant that answers from your documents, on your machine.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(common)
    for group in (
        serve,
        knowledge,
        chat,
        models,
        route,
        evaluate,
        rehearse,
        assistants,
        keys,
        trace,
        corpus,
        train,
        setup,
    ):
        group.register(app)
    return app


def show_version(wanted: bool) -> None:
    if wanted:
        from freehold import __version__

        typer.echo(f"freehold {__version__}")
        raise typer.Exit


def common(
    ctx: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option("--home", metavar="FOLDER", help="The data folder; otherwise FREEHOLD_HOME says where."),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and end.", is_eager=True, callback=show_version),
    ] = False,
) -> None:
    ctx.obj = Options(home=home)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and ends the process with its exit status."""
    # read by numpy when it comes in: its products are small, and answers have threads of their own
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        make()(args=arguments, prog_name="freehold")
    except FreeholdError as error:
        sys.exit(fail(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:
        sys.exit(fail(error))
