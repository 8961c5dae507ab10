"""`model …`: the generating models this organisation has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from freehold.cli.client import connect
from freehold.cli.endpoints import add_endpoint, check_alone
from freehold.cli.knowledge import Json, items
from freehold.cli.options import config_of
from freehold.cli.output import note, say, say_fields, say_json, say_table, size, when
from freehold.errors import NotFound
from freehold.models.endpoint import is_address

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
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE.gguf|URL",
            help="A GGUF file, any that llama.cpp reads; or an endpoint's address, like https://host/v1.",
        ),
    ],
    name: Annotated[str | None, typer.Option(help="What to call it; otherwise the file's name.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="ID", help="Endpoint: what the model is called there.")
    ] = None,
    key_variable: Annotated[
        str | None,
        typer.Option(metavar="VAR", help="Endpoint: the server's environment variable with the key."),
    ] = None,
    context: Annotated[
        int | None, typer.Option(metavar="TOKENS", min=1, help="Endpoint: the context, if it does not tell.")
    ] = None,
    price_in: Annotated[
        float | None, typer.Option(metavar="DOLLARS", min=0, help="Endpoint: for a million tokens read.")
    ] = None,
    price_out: Annotated[
        float | None, typer.Option(metavar="DOLLARS", min=0, help="Endpoint: for a million tokens written.")
    ] = None,
    json: Json = False,
) -> None:
    """Check a model file and keep a copy of it; or keep where a remote model is.

    `freehold model use` puts it into service.
    """
    remote = {"model": model, "key_variable": key_variable, "price_in": price_in, "price_out": price_out}
    if is_address(file):
        add_endpoint(ctx, file, json=json, name=name, context_length=context, **remote)
        return
    check_alone(file, context=context, **remote)
    path = Path(file).expanduser().absolute()
    if not path.is_file():
        raise NotFound(f"There is no file {file}.")
    body = {"path": str(path.resolve()), **({"name": name} if name is not None else {})}
    with connect(config_of(ctx)) as client:
        added = client.request("POST", "/api/v1/models", json=body, timeout=600.0)
    if json:
        say_json(added)
    else:
        say(f"{added['name']}  {added['id'][:12]}  {size(added['size'])}")


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
