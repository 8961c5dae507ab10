"""`add`, `sources`, `sync`, `search`: what the assistants know."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from freehold.cli.client import Client, connect, error_from
from freehold.cli.options import config_of
from freehold.cli.output import clean, count, line, note, place, say, say_json, say_table
from freehold.cli.progress import Bar
from freehold.errors import InvalidInput, NotFound

POLL_SECONDS = 0.2

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Assistant = Annotated[
    str, typer.Option(metavar="ID", help="Whose knowledge; `freehold assistant list` shows all.")
]
AnyAssistant = Annotated[
    str | None,
    typer.Option("--assistant", metavar="ID", help="Whose knowledge; without it `default`, then `demo`."),
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until its words can be searched.")]


def register(app: typer.Typer) -> None:
    app.command()(add)
    sources = typer.Typer(help="List what knowledge comes from, or remove some of it.", rich_markup_mode=None)
    sources.callback(invoke_without_command=True)(list_sources)
    sources.command()(remove)
    app.add_typer(sources, name="sources")
    app.command()(sync)
    app.command()(search)


def add(
    ctx: typer.Context,
    location: Annotated[
        str, typer.Argument(metavar="PATH|URL", help="A file, a folder, a page or a sitemap.")
    ],
    assistant: Assistant = "default",
    title: Annotated[str | None, typer.Option(help="What to call the source.")] = None,
    wait: Wait = True,
    vectors: Annotated[
        bool, typer.Option("--vectors", help="Wait for the vectors too, which takes longer.")
    ] = False,
    json: Json = False,
) -> None:
    """Read documents to answer from. Adding again reads only what changed."""
    body: dict[str, Any] = {"location": absolute(location), "assistant": assistant}
    if title is not None:
        body["title"] = title
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


def list_sources(
    ctx: typer.Context,
    assistant: Annotated[str | None, typer.Option(metavar="ID", help="Only this assistant's.")] = None,
    json: Json = False,
) -> None:
    if ctx.invoked_subcommand is not None:
        return
    with connect(config_of(ctx)) as client:
        found = items(client.get("/api/v1/sources", assistant=assistant), "sources")
    if json:
        say_json(found)
        return
    say_table(
        ("ID", "ASSISTANT", "STATE", "DOCUMENTS", "PASSAGES", "UNREAD", "LOCATION"),
        (
            (
                source["id"],
                source["assistant"],
                source["state"],
                source["documents"],
                source["passages"],
                source["failed"],
                source["location"],
            )
            for source in found
        ),
    )
    if not found:
        note("Nothing yet: `freehold add PATH` reads documents.")


def remove(
    ctx: typer.Context,
    source: Annotated[int, typer.Argument(metavar="ID", help="As `freehold sources` lists it.")],
) -> None:
    """Forget a source: its documents leave the store and every index."""
    with connect(config_of(ctx)) as client:
        client.delete(f"/api/v1/sources/{source}")
    say(f"source {source}: removed")


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
    if items(client.get("/api/v1/sources", assistant="default"), "sources"):
        return "default"
    if not any(each["id"] == "demo" for each in items(client.get("/api/v1/assistants"), "assistants")):
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


def items(value: Any, name: str) -> list[Any]:
    """The list in an answer, bare or under its name."""
    found: list[Any] = value[name] if isinstance(value, dict) else value
    return found


def must_wait(client: Client, wished: bool) -> bool:
    """A private server ends with the command, so there is nobody to go on without us."""
    if client.private and not wished:
        note("No server is running, so this command reads the documents itself and waits.")
    return wished or client.private


def follow(
    client: Client, jobs: Sequence[dict[str, Any]], sleep: Callable[[float], None] = time.sleep
) -> list[Any]:
    """Waits for jobs, one after the other, showing how far each is.

    Raises:
        FreeholdError: what a job failed with, once the others have ended.
    """
    try:
        ended = [ended_one(client, job, sleep) for job in jobs]
    except KeyboardInterrupt:
        goes_on = (
            "the next start goes on where it stopped" if client.private else "the server goes on reading"
        )
        note(f"Not waiting any more; {goes_on}.")
        raise
    for job in ended:
        if job["state"] == "failed":
            raise error_from({"error": job["error"]}, 500)
        if job["state"] == "cancelled":
            raise InvalidInput(
                "The job was cancelled.", hint="`freehold sync` starts again where it stopped."
            )
    return ended


def ended_one(client: Client, job: dict[str, Any], sleep: Callable[[float], None]) -> dict[str, Any]:
    """A job once it has ended, its progress shown until then."""
    with Bar("Reading") as bar:
        while job["state"] in ("queued", "running"):
            sleep(POLL_SECONDS)
            job = client.get(f"/api/v1/jobs/{job['id']}")
            progress = job["progress"]
            bar.update(progress.get("done", 0), progress.get("total", 0), progress.get("current") or "")
    return job


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
    if result["failed"]:
        parts.append(f"{count(len(result['failed']), 'document')} could not be read")
    return ", ".join(parts) or "nothing to read"


def report(jobs: Sequence[dict[str, Any]]) -> None:
    """Names each document that could not be read; the command fails when none could."""
    results = [job["result"] for job in jobs if job["result"]]
    failed = [failure for result in results for failure in result["failed"]]
    for failure in failed:
        note(f"not read: {line(failure['document'])}: {line(failure['reason'])}")
    if failed and not any(result[name] for result in results for name in ("added", "changed", "unchanged")):
        raise typer.Exit(1)
