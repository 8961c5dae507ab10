"""Options that commands share: those before a command's name, with the settings that follow, and after it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # the settings take a quarter of a second to import; --help does without
    from freehold.config import Config


Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Assistant = Annotated[
    str, typer.Option(metavar="ID", help="Whose knowledge; `freehold assistant list` shows all.")
]
AnyAssistant = Annotated[
    str | None,
    typer.Option("--assistant", metavar="ID", help="Whose knowledge; without it `default`, then `demo`."),
]


@dataclass(frozen=True, slots=True)
class Options:
    """Options common to all commands."""

    home: Path | None = None


def config_of(context: typer.Context, **flags: Any) -> Config:
    """The settings, this command's flags winning.

    Raises:
        InvalidInput: a setting cannot be used; the message names it.
    """
    from freehold.config import load

    options: Options = context.obj
    return load(home=options.home, **flags)
