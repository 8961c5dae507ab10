"""`rehearse`: past tickets replayed before a customer sees an answer.

The file is read and masked in this process; what goes to the server, and to any disk, is masked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freehold.cli.client import Client, connect
from freehold.cli.jobs import check, watch
from freehold.cli.options import Assistant, Json, config_of
from freehold.cli.output import count, line, note, say, say_fields, say_json, say_table, when
from freehold.cli.progress import Bar
from freehold.errors import InvalidInput

if TYPE_CHECKING:  # reading and masking take a moment to import, which --help does without
    from freehold.evaluation.tickets import Reading, Ticket

BODY_CHARS = 60_000
"""Characters of tickets sent at a time: with escapes a body stays under what the server takes."""
EXAMPLES_SHOWN = 3
FILES = {"report": "report.json", "page": "report.html"}
"""What `--out` writes, by the address it is fetched from."""


def register(app: typer.Typer) -> None:
    app.command()(rehearse)


def _column(role: str, what: str) -> Any:
    return typer.Option(
        f"--{role}", metavar="COLUMN", help=f"Column with {what}; otherwise found by its name."
    )


Column = str | None


def rehearse(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Tickets as CSV, TSV, JSON or JSON Lines.")
    ] = None,
    assistant: Assistant = "default",
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Answer with this model instead of the one in service; `none` quotes."
        ),
    ] = None,
    limit: Annotated[
        int,
        typer.Option(metavar="NUMBER", min=1, help="Draw so many tickets at random, always the same ones."),
    ] = 1000,
    everything: Annotated[bool, typer.Option("--all", help="Replay all tickets of the file.")] = False,
    turn: Annotated[
        str,
        typer.Option(
            metavar="first|last", help="Which question of a ticket: the one it opens with, or the last."
        ),
    ] = "first",
    preview: Annotated[
        bool, typer.Option("--preview", help="Show how the file is read and masked; replay nothing.")
    ] = False,
    question: Annotated[
        Column, _column("question", "the customer's question, where a row is a ticket")
    ] = None,
    reply: Annotated[Column, _column("reply", "the person's reply, where a row is a ticket")] = None,
    message: Annotated[Column, _column("message", "the text, where a row is a message")] = None,
    author: Annotated[Column, _column("author", "who wrote the message")] = None,
    thread: Annotated[Column, _column("thread", "the ticket's id")] = None,
    subject: Annotated[Column, _column("subject", "the subject")] = None,
    sent: Annotated[Column, _column("time", "when the message was written")] = None,
    private: Annotated[Column, _column("private", "whether the message is a note among colleagues")] = None,
    keep_suite: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep the masked tickets as a suite for `freehold evaluate`."),
    ] = None,
    export_examples: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the masked tickets as examples for training; needs --consent."
        ),
    ] = None,
    consent: Annotated[
        bool,
        typer.Option(
            "--consent", help="You have the right, and the customers' consent, to train on these tickets."
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write report.json and report.html there too.")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List the rehearsals there are.")] = False,
    json: Json = False,
) -> None:
    """Replay past tickets, and see what would have been answered, refused and got wrong.

    Personal data is masked before anything is stored. Answers stand beside what people replied; the report
    is kept in the data folder, under runs/. Cut off, the same command goes on where it stopped.
    """  # fmt: skip
    if listing:
        with connect(config_of(ctx)) as client:
            list_all(client.get("/api/v1/rehearsals")["rehearsals"], json)
        return
    if file is None:
        raise typer.BadParameter("Name a file of tickets, or --list.", param_hint="FILE")
    if turn not in ("first", "last"):
        raise typer.BadParameter("It is first or last.", param_hint="--turn")
    if export_examples is not None and not consent:
        raise InvalidInput(
            "Examples for training are only written with --consent.",
            hint="Give it when you may train on these tickets: masked words are still your customers' words.",
        )
    named = {
        "question": question,
        "reply": reply,
        "message": message,
        "author": author,
        "thread": thread,
        "subject": subject,
        "time": sent,
        "private": private,
    }
    read, reading = opened(file, named, None if everything else limit, turn)
    if preview:
        show_preview(file, read, reading, json)
        return
    from freehold.evaluation.ticket_copies import copies

    with contextlib.ExitStack() as stack:
        kept = stack.enter_context(copies(file.name, keep_suite, export_examples))
        client = stack.enter_context(connect(config_of(ctx)))
        found = replayed(client, file, {"assistant": assistant, "model": model}, read, reading, kept)
        report = client.get(f"/api/v1/rehearsals/{found['id']}/report")
        folder = Path(client.get("/api/v1/status")["home"]) / "runs" / found["id"]
        if out is not None:
            for address, name in FILES.items():
                client.save(f"/api/v1/rehearsals/{found['id']}/{address}", out / name)
            folder = out
    for place in filter(None, (keep_suite, export_examples)):
        note(f"Kept: {place}.")
    if json:
        say_json(report)
    else:
        show(report, folder / "report.html")


def opened(
    file: Path, named: dict[str, str | None], limit: int | None, turn: str
) -> tuple[Iterator[Ticket], Reading]:
    """The file's masked tickets, and what is counted while they are read."""
    from freehold.evaluation.columns import find_columns
    from freehold.evaluation.ticket_file import open_tickets
    from freehold.evaluation.tickets import Reading, holds_messages, tickets

    found = open_tickets(file)
    if holds_messages(found):
        given = [f"--{name}" for name, value in named.items() if value is not None]
        if given:
            raise InvalidInput(
                f"Tickets of {file.name} hold their messages themselves; {', '.join(given)} names a column.",
                hint="Leave it out.",
            )
        reading = Reading(None)
    else:
        reading = Reading(find_columns(found.columns, named))
    return tickets(found, reading, limit=limit, which="last" if turn == "last" else "first"), reading


def show_preview(file: Path, read: Iterator[Ticket], reading: Reading, json: bool) -> None:
    """What was understood: columns, counts, three masked examples."""
    examples: list[Ticket] = []
    with Bar("Reading") as bar:
        for ticket in read:
            if len(examples) < EXAMPLES_SHOWN:
                examples.append(ticket)
            bar.update(reading.usable, 0, "")
    columns = {} if reading.columns is None else asdict(reading.columns)
    if json:
        say_json(
            {
                "file": file.name,
                "columns": columns,
                **reading.counts(),
                "examples": [asdict(e) for e in examples],
            }
        )
        return
    fields: list[tuple[str, object]] = [("file", file.name)]
    if reading.columns is None:
        fields.append(("form", "each record holds its messages"))
    else:
        fields.append(("form", "a row is a message" if reading.columns.threaded else "a row is a ticket"))
        fields += [(f"column {role}", name) for role, name in columns.items() if name and role != "names"]
        if reading.columns.names:
            fields.append(("masked as names", ", ".join(reading.columns.names)))
    fields += [
        ("rows", f"{reading.rows:,}"),
        ("tickets", f"{reading.threads:,}"),
        ("drawn", f"{reading.drawn:,}"),
    ]
    fields.append(("can be replayed", f"{reading.usable:,}"))
    fields += [(f"left out: {why}", f"{number:,}") for why, number in reading.left_out.most_common()]
    fields.append(
        ("masked", ", ".join(f"{n:,} {kind}" for kind, n in reading.masked.most_common()) or "nothing")
    )
    say_fields(fields)
    for ticket in examples:
        say(f"\nticket {line(ticket.id)} (line {ticket.line})")
        for turn in ticket.history:
            say(f"  {'customer' if turn.role == 'user' else 'person  '}  {line(turn.text)[:300]}")
        say(f"  question  {line(ticket.question)[:600]}")
        say(f"  reply     {line(ticket.reply)[:600]}")


def replayed(
    client: Client,
    file: Path,
    wish: dict[str, Any],
    read: Iterator[Ticket],
    reading: Reading,
    kept: Sequence[Any],
) -> dict[str, Any]:
    """Sends the masked tickets, starts the rehearsal, waits for it; gives it as it stands then."""
    begun = client.post("/api/v1/rehearsals", {"file": file.name, **wish})
    try:
        with Bar("Reading") as bar:
            sent = 0
            for some in parts(read):
                for keep in kept:
                    keep(some)
                body = {"first": sent, "tickets": [asdict(ticket) for ticket in some]}
                sent = client.post(f"/api/v1/rehearsals/{begun['id']}/tickets", body)["tickets"]
                bar.update(sent, 0, "")
        started = client.post(f"/api/v1/rehearsals/{begun['id']}/start", {"reading": reading.counts()})
    except BaseException:
        with contextlib.suppress(Exception):
            client.delete(f"/api/v1/rehearsals/{begun['id']}")
        raise
    found: dict[str, Any] = started["rehearsal"]
    if found["id"] != begun["id"]:
        note(f"The same rehearsal is at work already: {found['id']}.")
    wait(client, started["job"], found)
    done: dict[str, Any] = client.get(f"/api/v1/rehearsals/{found['id']}")
    if done["went_on_from"]:
        note(f"Went on from {done['went_on_from']}, which was cut off.")
    return done


def parts(read: Iterator[Ticket]) -> Iterator[list[Ticket]]:
    """The tickets in lots that one request can carry."""
    lot: list[Ticket] = []
    size = 0
    for ticket in read:
        length = (
            200 + len(ticket.question) + len(ticket.reply) + sum(len(turn.text) for turn in ticket.history)
        )
        if lot and (size + length > BODY_CHARS or len(lot) >= 200):
            yield lot
            lot, size = [], 0
        lot.append(ticket)
        size += length
    if lot:
        yield lot


def wait(client: Client, job: dict[str, Any], found: dict[str, Any]) -> None:
    """Until the job has ended, showing how far it is.

    Raises:
        FreeholdError: what it failed with.
    """
    try:
        job = watch(client, job, title="Replaying")
    except KeyboardInterrupt:
        how = "the same command goes on where it stopped" if client.private else "the server goes on with it"
        note(f"Not waiting any more; {how}. It is {found['id']}.")
        raise
    check(job, "rehearsal")


def show(report: dict[str, Any], page: Path) -> None:
    """The report in short."""
    outcomes, verdicts, share = report["outcomes"], report["verdicts"], report["resolved"]
    total = sum(outcomes.values())
    cost = report["cost"]
    fields: list[tuple[str, object]] = [
        ("tickets", f"{total:,}"),
        ("answered", f"{outcomes['answered']:,} ({percent(outcomes['answered'], total)})"),
        *((f"  {name}", f"{number:,}") for name, number in verdicts.items() if number),
        ("refused", f"{outcomes['refused']:,} ({percent(outcomes['refused'], total)})"),
        ("handed off", f"{outcomes['handoff']:,}"),
        *([("failed", f"{outcomes['failed']:,}")] if outcomes["failed"] else []),
        (
            "would resolve without a person",
            f"{share['value']:.0%}, with 95% certainty {share['low']:.0%} to {share['high']:.0%}",
        ),
    ]
    if cost["answers"]:
        fields.append(("processor time an answer", f"{cost['cpu_seconds_each']:.3f} s"))
        fields.append(
            ("milliseconds an answer", f"{cost['total_ms'][0]:.0f} (median), {cost['total_ms'][1]:.0f} (p95)")
        )
    say_fields(fields)
    if report["gaps"]:
        say("\nwhat the documents don't answer, most asked first")
        for gap in islice(report["gaps"], 5):
            say(f"  {gap['count']:>5,}  {line(gap['question'])[:100]}")
    note(f"The report: {page}")


def percent(number: int, total: int) -> str:
    return f"{number / total:.0%}" if total else "–"


def list_all(found: list[dict[str, Any]], json: bool) -> None:
    """The rehearsals there are, newest first."""
    if json:
        say_json(found)
        return
    say_table(
        ("ID", "BEGUN", "STATE", "ASSISTANT", "TICKETS", "FILE"),
        (
            (
                each["id"],
                when(each["created_at"]),
                each["state"],
                each["assistant"],
                each["tickets"],
                each["file"],
            )
            for each in found
        ),
    )
    if not found:
        note(f"There are none: `freehold rehearse FILE` makes one of {count(1000, 'ticket')}.")
