"""`sources`: what knowledge comes from, how fresh it is, and how often it is read."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from freehold.cli.client import connect
from freehold.cli.options import Json, config_of
from freehold.cli.output import note, say, say_json, say_table, when
from freehold.errors import InvalidInput

Every = Annotated[
    str | None,
    typer.Option(metavar="INTERVAL", help="Read it again by itself: 30m, 6h, 1d, 2w; `off`; or `default`."),
]
Pages = Annotated[
    int | None, typer.Option(metavar="NUMBER", help="Of a site: most pages asked for (10,000).")
]
Depth = Annotated[
    int | None, typer.Option(metavar="NUMBER", help="Of a site: most links from the start page (20).")
]
Delay = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="Of a site: pause between two requests (0.5).")
]
Id = Annotated[int, typer.Argument(metavar="ID", help="As `freehold sources` lists it.")]


def register(app: typer.Typer) -> None:
    sources = typer.Typer(
        help="List what knowledge comes from and how fresh it is; change or remove some of it.",
        rich_markup_mode=None,
    )
    sources.callback(invoke_without_command=True)(list_sources)
    sources.command("set")(change)
    sources.command()(remove)
    app.add_typer(sources, name="sources")


def list_sources(
    ctx: typer.Context,
    assistant: Annotated[str | None, typer.Option(metavar="ID", help="Only this assistant's.")] = None,
    json: Json = False,
) -> None:
    if ctx.invoked_subcommand is not None:
        return
    with connect(config_of(ctx)) as client:
        found = client.get("/api/v1/sources", assistant=assistant)["sources"]
    if json:
        say_json(found)
        return
    say_table(
        ("ID", "ASSISTANT", "STATE", "DOCUMENTS", "PASSAGES", "UNREAD", "LAST READ", "NEXT", "LOCATION"),
        (
            (
                source["id"],
                source["assistant"],
                f"{source['state']}, stale" if source["freshness"]["stale"] else source["state"],
                source["documents"],
                source["passages"],
                source["failed"],
                when(source["freshness"]["read_at"]),
                upcoming(source["freshness"]["due_at"]),
                source["location"],
            )
            for source in found
        ),
    )
    for source in found:
        if source["error"]:
            note(f"source {source['id']}: {source['error']}")
    if not found:
        note("Nothing yet: `freehold add PATH` reads documents.")


def change(
    ctx: typer.Context,
    source: Id,
    every: Every = None,
    pages: Pages = None,
    depth: Depth = None,
    delay: Delay = None,
    title: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    json: Json = False,
) -> None:
    """Change how often a source is read, how far and fast a site is crawled, or its title."""
    body: dict[str, Any] = {"every": every, "title": title, "site": limits(pages, depth, delay)}
    body = {name: value for name, value in body.items() if value is not None}
    if not body:
        raise InvalidInput(
            "Nothing to change.", hint="Say what: --every 6h, --pages 500, --depth 5, --delay 1 or --title."
        )
    with connect(config_of(ctx)) as client:
        changed = client.patch(f"/api/v1/sources/{source}", body)
    if json:
        say_json(changed)
        return
    fresh = changed["freshness"]
    by_itself = f"read every {fresh['every']}" if fresh["every"] not in ("off", "default") else None
    if by_itself is None:
        by_itself = "read by itself as the setting has it" if fresh["every_seconds"] else "not read by itself"
    say(f"source {source}: {by_itself}; next {upcoming(fresh['due_at'])}")


def remove(ctx: typer.Context, source: Id) -> None:
    """Forget a source: its documents leave the store and every index."""
    with connect(config_of(ctx)) as client:
        client.delete(f"/api/v1/sources/{source}")
    say(f"source {source}: removed")


def limits(pages: int | None, depth: int | None, delay: float | None) -> dict[str, Any] | None:
    """What was said of a site's limits; None when nothing was."""
    said = {"pages": pages, "depth": depth, "delay": delay}
    return {name: value for name, value in said.items() if value is not None} or None


def upcoming(due_at: float | None) -> str:
    """When something is due."""
    if due_at is None:
        return "by hand"
    return "soon" if due_at <= time.time() else when(due_at)
