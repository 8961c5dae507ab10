"""`model add https://…`: a model that another machine runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from freehold.cli.client import connect
from freehold.cli.options import config_of
from freehold.cli.output import line, note, say, say_json
from freehold.errors import InvalidInput

SHOWN = 10


def add_endpoint(ctx: typer.Context, url: str, *, json: bool, **wish: Any) -> None:
    """Looks at the endpoint, keeps it as a model, and says what was found."""
    body = {"url": url, **{name: value for name, value in wish.items() if value is not None}}
    with connect(config_of(ctx)) as client:
        added = client.request("POST", "/api/v1/models/endpoints", json=body, timeout=60.0)
    if json:
        say_json(added)
        return
    model, facts = added["model"], added["model"]["facts"]
    names = added["models"]
    if names is None:
        note("It does not tell its models.")
    elif len(names) > 1:
        more = " …" if len(names) > SHOWN else ""
        note(f"It has {len(names)} models: {line(', '.join(names[:SHOWN]))}{more}")
    if not added["counts_tokens"]:
        note("It does not count tokens: they are estimated.")
    say(f"{model['name']}  {model['id'][:12]}  {line(facts['model'])}, {facts['context_length']:,} tokens")


def check_alone(source: Path | str, **options: Any) -> None:
    """
    Raises:
        InvalidInput: an option of endpoints was given with something else.
    """
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]
    if given:
        raise InvalidInput(
            f"{given[0]} is for an endpoint, and {source} is none.", hint="Endpoints begin with https://."
        )
