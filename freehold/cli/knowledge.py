"""`add`, `sources`, `sync`, `search`: what the assistants know."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from freehold.cli import sources
from freehold.cli.client import Client, connect
from freehold.cli.jobs import POLL_SECONDS, follow
from freehold.cli.options import AnyAssistant, Assistant, Json, config_of
from freehold.cli.output import clean, count, line, note, place, say, say_json
from freehold.cli.progress import Bar
from freehold.errors import InvalidInput, NotFound

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until its words can be searched.")]


def register(app: typer.Typer) -> None:
    app.command()(add)
    sources.register(app)
    app.command()(sync)
    app.command()(search)


def add(
    ctx: typer.Context,
    location: Annotated[
        str, typer.Argument(metavar="PATH|URL", help="A file, a folder, a page, a sitemap or a site's start.")
    ],
    assistant: Assistant = "default",
    title: Annotated[str | None, typer.Option(help="What to call the source.")] = None,
    site: Annotated[
        bool, typer.Option("--site", help="Follow the links of a page, and read the whole site below it.")
    ] = False,
    every: sources.Every = None,
    pages: sources.Pages = None,
    depth: sources.Depth = None,
    delay: sources.Delay = None,
    wait: Wait = True,
    vectors: Annotated[
        bool, typer.Option("--vectors", help="Wait for the vectors too, which takes longer.")
    ] = False,
    json: Json = False,
) -> None:
    """Read documents to answer from. Adding again reads only what changed."""
    body: dict[str, Any] = {"location": absolute(location), "assistant": assistant}
    limits = sources.limits(pages, depth, delay)
    if limits is not None and not site:
        raise InvalidInput("--pages, --depth and --delay are a site's.", hint="Add --site to follow links.")
    if title is not None:
        body["title"] = title
    if site:
        body["site"] = limits or {}
    if every is not None:
        body["every"] = every
    with connect(config_of(ctx)) as client:
        answer = client.post("/api/v1/sources", body)
        source = answer["source"]
        wait = must_wait(client, wait)
        jobs = follow(client, [answer["job"]]) if wait else [answer["job"]]
        if vectors and wait:
            await_vectors(client)
        if json:
            say_json({"source": source, "job": jobs[0]})
        elif wait:
            say(f"source {source['id']}: {summary(jobs[0]['result'])}")
        else:
            say(f"source {source['id']}: reading; `freehold status` says how far")
    if wait:
        report(jobs)


def sync(
    ctx: typer.Context,
    source: Annotated[
        int | None, typer.Argument(metavar="[SOURCE]", help="Its ID; otherwise all of them.")
    ] = None,
    assistant: Annotated[
        str | None, typer.Option(metavar="ID", help="Only this assistant's sources.")
    ] = None,
    wait: Wait = True,
    json: Json = False,
) -> None:
    """Take in what is new or changed, forget what was deleted."""
    with connect(config_of(ctx)) as client:
        if source is not None:
            jobs = [client.post(f"/api/v1/sources/{source}/sync")["job"]]
        else:
            jobs = client.post("/api/v1/sync", {"assistant": assistant} if assistant else {})["jobs"]
        wait = must_wait(client, wait)
        if wait:
            jobs = follow(client, jobs)
    if json:
        say_json(jobs)
    elif not jobs:
        note("There are no sources: `freehold add PATH` reads documents.")
    else:
        for job in jobs:
            say(f"job {job['id']}: {summary(job['result']) if wait else job['state']}")
    if wait:
        report(jobs)


def search(
    ctx: typer.Context,
    query: Annotated[list[str], typer.Argument(metavar="QUERY", help="Words or a question.")],
    assistant: AnyAssistant = None,
    limit: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, max=100, help="At most this many passages.")
    ] = 5,
    json: Json = False,
) -> None:
    """Show the passages nearest to a query, best first."""
    with connect(config_of(ctx)) as client:
        body = {"query": " ".join(query), "assistant": who(client, assistant), "limit": limit}
        found = client.post("/api/v1/search", body)
    if json:
        say_json(found)
        return
    for number, passage in enumerate(found["passages"], 1):
        if number > 1:
            say()
        say(f"{number}. {place(passage)}  ({passage['score']:.3f})")
        for text in clean(passage["text"]).strip().splitlines():
            say(f"   {text}")
    if not found["passages"]:
        note("No passage has any of these words.")
    if found["mode"] == "words":
        note("Searched by words alone: there is no embedding model. `freehold setup` gets it.")


def who(client: Client, assistant: str | None) -> str:
    """The assistant that was named, else the one the page shows: `demo` while `default` has no documents."""
    if assistant is not None:
        return assistant
    if client.get("/api/v1/sources", assistant="default")["sources"]:
        return "default"
    if not any(each["id"] == "demo" for each in client.get("/api/v1/assistants")["assistants"]):
        return "default"
    note(
        "No documents have been added yet, so the assistant demo answers, from Freehold's own documentation."
    )
    return "demo"


def absolute(location: str) -> str:
    """A path as the server, which stands elsewhere, finds it; URLs stay.

    Raises:
        NotFound: there is no such file or folder.
    """
    if "://" in location:
        return location
    if not location.strip():
        raise InvalidInput("The path is empty.", hint="Name a file, a folder or a URL.")
    path = Path(location).expanduser().absolute()
    if not path.exists():
        raise NotFound(
            f"There is no file or folder {location}.", hint="A web address begins with https:// or http://."
        )
    return str(path.resolve())


def must_wait(client: Client, wished: bool) -> bool:
    """A private server ends with the command, so there is nobody to go on without us."""
    if client.private and not wished:
        note("No server is running, so this command reads the documents itself and waits.")
    return wished or client.private


def await_vectors(client: Client, sleep: Callable[[float], None] = time.sleep) -> None:
    """Waits until every passage has its vector; returns at once when nothing computes them."""
    with Bar("Vectors") as bar:
        while True:
            status = client.get("/api/v1/status")
            done, total = status["vectors"]["done"], status["vectors"]["total"]
            bar.update(done, total, "")
            if done >= total:
                return
            if status["search_mode"] == "words":
                note("There is no embedding model, so there are no vectors. `freehold setup` gets it.")
                return
            sleep(POLL_SECONDS)


def summary(result: dict[str, Any] | None) -> str:
    """What a sync did, in one line."""
    if not result:
        return "done"
    parts = [
        f"{result[name]:,} {name}" for name in ("added", "changed", "removed", "unchanged") if result[name]
    ]
    if left_out := sum(each["count"] for each in pages_left_out(result).values()):
        parts.append(f"{count(left_out, 'page')} left out")
    if result["failed"]:
        parts.append(f"{count(len(result['failed']), 'document')} could not be read")
    return ", ".join(parts) or "nothing to read"


def pages_left_out(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Of a crawl: why pages were left out, and how many; links to other hosts are no pages."""
    return {reason: each for reason, each in (result.get("left_out") or {}).items() if reason != "links"}


def report(jobs: Sequence[dict[str, Any]]) -> None:
    """Names what was left out or could not be read; the command fails when nothing could."""
    results = [job["result"] for job in jobs if job["result"]]
    for result in results:
        for each in pages_left_out(result).values():
            example = line(each["examples"][0])
            note(f"left out: {count(each['count'], 'page')}: {each['why']}, such as {example}")
    failed = [failure for result in results for failure in result["failed"]]
    for failure in failed:
        note(f"not read: {line(failure['document'])}: {line(failure['reason'])}")
    if failed and not any(result[name] for result in results for name in ("added", "changed", "unchanged")):
        raise typer.Exit(1)
