"""`model …`: the generating models this organisation has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from freehold.cli.client import connect
from freehold.cli.knowledge import Json, items
from freehold.cli.options import config_of
from freehold.cli.output import note, say, say_fields, say_json, say_table, size, when
from freehold.errors import NotFound

Ref = Annotated[str, typer.Argument(metavar="MODEL", help="Its name, or enough of its ID.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Keep and choose generating models.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command("add")(add)
    group.command("list")(list_models)
    group.command("show")(show)
    group.command("use")(use)
    group.command("remove")(remove)
    app.add_typer(group, name="model")


def add(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.gguf", help="A GGUF file, any that llama.cpp reads.")],
    name: Annotated[str | None, typer.Option(help="What to call it; otherwise the file's name.")] = None,
    json: Json = False,
) -> None:
    """Check a model file and keep a copy of it. `freehold model use` puts it into service."""
    path = file.expanduser().absolute()
    if not path.is_file():
        raise NotFound(f"There is no file {file}.")
    body = {"path": str(path.resolve()), **({"name": name} if name is not None else {})}
    with connect(config_of(ctx)) as client:
        model = client.request("POST", "/api/v1/models", json=body, timeout=600.0)
    if json:
        say_json(model)
    else:
        say(f"{model['name']}  {model['id'][:12]}  {size(model['size'])}")


def list_models(ctx: typer.Context, json: Json = False) -> None:
    """List the models, the one in service marked by a star."""
    with connect(config_of(ctx)) as client:
        found = items(client.get("/api/v1/models"), "models")
    if json:
        say_json(found)
        return
    say_table(
        ("", "NAME", "ID", "FORMAT", "SIZE", "ADDED"),
        (
            (
                "*" if model["active"] else "",
                model["name"],
                model["id"][:12],
                model["format"],
                size(model["size"]),
                when(model["created_at"]),
            )
            for model in found
        ),
    )
    if not any(model["active"] for model in found):
        note("No model generates: answers are quoted from the documents.")


def show(ctx: typer.Context, model: Ref, json: Json = False) -> None:
    """Show what is known of a model."""
    with connect(config_of(ctx)) as client:
        found = client.get(f"/api/v1/models/{quote(model, safe='')}")
    if json:
        say_json(found)
    else:
        say_fields(fields_of(found))


def use(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL|none", help="`none` goes back to quoting.")],
) -> None:
    """Answer with a model from now on."""
    with connect(config_of(ctx)) as client:
        client.request("POST", f"/api/v1/models/{quote(model, safe='')}/use", json={}, timeout=600.0)
    say("answers are quoted from the documents" if model == "none" else f"in service: {model}")


def remove(ctx: typer.Context, model: Ref) -> None:
    """Delete a model that is not in service."""
    with connect(config_of(ctx)) as client:
        client.delete(f"/api/v1/models/{quote(model, safe='')}")
    say(f"removed: {model}")


def fields_of(model: dict[str, Any]) -> list[tuple[str, object]]:
    """A model's JSON as names and values."""
    facts = [(name.replace("_", " "), value) for name, value in model["facts"].items()]
    return [
        ("name", model["name"]),
        ("id", model["id"]),
        ("format", model["format"]),
        ("size", size(model["size"])),
        ("in service", "yes" if model["active"] else "no"),
        ("added", when(model["created_at"])),
        *facts,
    ]
