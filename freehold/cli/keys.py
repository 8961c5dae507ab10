"""`key …`: who may call the interfaces."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from freehold.cli.client import connect
from freehold.cli.options import Json, config_of
from freehold.cli.output import note, say, say_json, say_table, when


class Scope(StrEnum):
    admin = "admin"
    chat = "chat"


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Make and revoke API keys.", no_args_is_help=True, rich_markup_mode=None)
    group.command()(create)
    group.command("list")(list_keys)
    group.command()(revoke)
    app.add_typer(group, name="key")


def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is, to know it again by.")],
    scope: Annotated[
        Scope,
        typer.Option(metavar="chat|admin", help="`chat` may ask and search; `admin` may do everything."),
    ] = Scope.chat,
    json: Json = False,
) -> None:
    """Make a key. It is shown this once; only its hash is kept."""
    with connect(config_of(ctx)) as client:
        made = client.post("/api/v1/keys", {"name": name, "scope": scope.value})
    if json:
        say_json(made)
    else:
        say(made["key"])
        note(f"Key {made['id']} ({made['scope']}) for {name}. It is not shown again.")


def list_keys(ctx: typer.Context, json: Json = False) -> None:
    """List the keys, without the keys themselves."""
    with connect(config_of(ctx)) as client:
        found = client.get("/api/v1/keys")["keys"]
    if json:
        say_json(found)
        return
    say_table(
        ("ID", "NAME", "SCOPE", "MADE", "LAST USED"),
        (
            (key["id"], key["name"], key["scope"], when(key["created_at"]), when(key["last_used_at"]))
            for key in found
        ),
    )


def revoke(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(metavar="ID", help="As `freehold key list` shows it.")],
) -> None:
    """Make a key useless, at once."""
    with connect(config_of(ctx)) as client:
        client.delete(f"/api/v1/keys/{key}")
    say(f"key {key}: revoked")
