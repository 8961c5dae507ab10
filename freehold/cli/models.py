"""`model …`: the generating models this organisation has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from freehold.cli import model_add
from freehold.cli.client import connect
from freehold.cli.jobs import follow
from freehold.cli.model_shown import family_tree, fields_of, terms
from freehold.cli.options import Json, config_of
from freehold.cli.output import note, say, say_fields, say_json, say_table, size, when
from freehold.cli.plan import plan

Ref = Annotated[str, typer.Argument(metavar="MODEL", help="Its name, or enough of its ID.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Keep and choose generating models.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command("add")(model_add.add)
    group.command("list")(list_models)
    group.command("show")(show)
    group.command("use")(use)
    group.command("plan")(plan)
    group.command("export")(export)
    group.command("remove")(remove)
    app.add_typer(group, name="model")


def list_models(ctx: typer.Context, json: Json = False) -> None:
    """List the models, the one in service marked by a star."""
    with connect(config_of(ctx)) as client:
        found = client.get("/api/v1/models")["models"]
    if json:
        say_json(found)
        return
    say_table(
        ("", "NAME", "ID", "KIND", "SIZE", "ADDED"),
        (
            (
                "*" if model["active"] else "",
                model["name"],
                model["id"][:12],
                model["kind"],
                size(model["size"]) if model["size"] else "",
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
        return
    say_fields(fields_of(found))
    for paragraph in (terms(found["licence"]), family_tree(found)):
        if paragraph:
            say()
        for text in paragraph:
            say(text)


def use(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL|none", help="`none` goes back to quoting.")],
    task: Annotated[
        str, typer.Option(metavar="TASK", help="What it is asked: answer, route or rewrite.")
    ] = "answer",
) -> None:
    """Answer with a model from now on, or give it another task."""
    with connect(config_of(ctx)) as client:
        path = f"/api/v1/models/{quote(model, safe='')}/use"
        client.request("POST", path, json={"task": task}, timeout=600.0)
    if task != "answer":
        say(f"{task}: {model}")
    else:
        say("answers are quoted from the documents" if model == "none" else f"in service: {model}")


def export(
    ctx: typer.Context,
    model: Ref,
    folder: Annotated[Path, typer.Argument(metavar="DEST", help="A folder that is not there yet.")],
    to: Annotated[
        str, typer.Option(metavar="FORMAT", help="gguf, hf (Hugging Face's layout) or ollama.")
    ] = "gguf",
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export that is there.")] = False,
    json: Json = False,
) -> None:
    """Write a model into a folder, with its card and the texts of its licences."""
    body = {"to": to, "folder": str(folder.expanduser().absolute()), "force": force}
    with connect(config_of(ctx)) as client:
        started = client.post(f"/api/v1/models/{quote(model, safe='')}/export", body)
        result = follow(client, [started["job"]], title="Exporting")[0]["result"]
    if json:
        say_json(result)
        return
    say(result["folder"])
    for name in result["files"]:
        say(f"  {name}")


def remove(ctx: typer.Context, model: Ref) -> None:
    """Delete a model that is not in service."""
    with connect(config_of(ctx)) as client:
        client.delete(f"/api/v1/models/{quote(model, safe='')}")
    say(f"removed: {model}")
