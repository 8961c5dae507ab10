"""`assistant …`: the bots, their names, greetings and allowed origins."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from freehold.cli.client import connect
from freehold.cli.options import Json, config_of
from freehold.cli.output import note, say, say_fields, say_json, say_table, when
from freehold.errors import InvalidInput

Id = Annotated[str, typer.Argument(metavar="ID", help="Letters, digits and dashes, as in `default`.")]
Name = Annotated[str | None, typer.Option(help="The name visitors see.")]
Greeting = Annotated[str | None, typer.Option(help="The first words visitors see.")]
Instructions = Annotated[str | None, typer.Option(help="What a generating model is told about its manner.")]
Origin = Annotated[
    list[str] | None,
    typer.Option(
        "--origin",
        metavar="ORIGIN",
        help="A site that may show the widget, as in https://example.com; may be repeated.",
    ),
]
Accent = Annotated[str | None, typer.Option(metavar="COLOUR", help="The widget's colour, as in #0b57d0.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Make and change assistants.", no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(list_assistants)
    group.command()(show)
    group.command()(create)
    group.command("set")(change)
    group.command("new-token")(new_token)
    group.command()(remove)
    app.add_typer(group, name="assistant")


def list_assistants(ctx: typer.Context, json: Json = False) -> None:
    """List the assistants."""
    with connect(config_of(ctx)) as client:
        found = client.get("/api/v1/assistants")["assistants"]
    if json:
        say_json(found)
        return
    say_table(
        ("ID", "NAME", "ORIGINS", "MADE"),
        (
            (each["id"], each["name"], ", ".join(each["allowed_origins"]), when(each["created_at"]))
            for each in found
        ),
    )


def show(ctx: typer.Context, assistant: Id, json: Json = False) -> None:
    """Show an assistant, and the tag that puts its widget on a page."""
    config = config_of(ctx)
    with connect(config) as client:
        show_one(client.get(f"/api/v1/assistants/{quote(assistant, safe='')}"), client.url, json)


def create(
    ctx: typer.Context,
    assistant: Id,
    name: Name = None,
    greeting: Greeting = None,
    instructions: Instructions = None,
    origin: Origin = None,
    accent: Accent = None,
    json: Json = False,
) -> None:
    """Make an assistant; it knows nothing until `freehold add --assistant ID` gives it documents."""
    values = given(name or assistant, greeting, instructions, origin, accent)
    with connect(config_of(ctx)) as client:
        show_one(client.post("/api/v1/assistants", {"id": assistant, **values}), client.url, json)


def change(
    ctx: typer.Context,
    assistant: Id,
    name: Name = None,
    greeting: Greeting = None,
    instructions: Instructions = None,
    origin: Origin = None,
    accent: Accent = None,
    json: Json = False,
) -> None:
    """Change an assistant; what is not named stays. `--origin ''` allows no site."""
    values = given(name, greeting, instructions, origin, accent)
    if not values:
        raise InvalidInput(
            "Nothing to change was named.", hint="`freehold assistant set --help` lists what can be."
        )
    with connect(config_of(ctx)) as client:
        show_one(client.patch(f"/api/v1/assistants/{quote(assistant, safe='')}", values), client.url, json)


def new_token(ctx: typer.Context, assistant: Id, json: Json = False) -> None:
    """Replace the public token: the tag pasted before opens nothing from now on."""
    with connect(config_of(ctx)) as client:
        show_one(client.post(f"/api/v1/assistants/{quote(assistant, safe='')}/token"), client.url, json)


def remove(ctx: typer.Context, assistant: Id) -> None:
    """Delete an assistant with its sources and conversations."""
    with connect(config_of(ctx)) as client:
        client.delete(f"/api/v1/assistants/{quote(assistant, safe='')}")
    say(f"assistant {assistant}: removed")


def given(
    name: str | None,
    greeting: str | None,
    instructions: str | None,
    origins: list[str] | None,
    accent: str | None,
) -> dict[str, Any]:
    """The fields that were named."""
    fields = {
        "name": name,
        "greeting": greeting,
        "instructions": instructions,
        "allowed_origins": [origin for origin in origins if origin] if origins else None,
        "accent": accent,
    }
    return {field: value for field, value in fields.items() if value is not None}


def show_one(assistant: dict[str, Any], url: str, json: bool) -> None:
    """One assistant, for people or for programs."""
    if json:
        say_json(assistant)
        return
    say_fields(
        [
            ("id", assistant["id"]),
            ("name", assistant["name"]),
            ("greeting", assistant["greeting"]),
            ("instructions", assistant["instructions"]),
            ("origins", ", ".join(assistant["allowed_origins"]) or "none: the widget shows on no other site"),
            ("accent", assistant["accent"] or "the default"),
            (
                "tag",
                f'<script src="{url}/widget.js" data-assistant="{assistant["public_token"]}" defer></script>',
            ),
        ]
    )
    if "127.0.0.1" in url:
        note("Visitors need an address they can reach in the tag; docs/guides/operations.md says how.")
