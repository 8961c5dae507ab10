"""What the options before the command's name said, and the settings that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:  # the settings take a quarter of a second to import; --help does without
    from freehold.config import Config


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
