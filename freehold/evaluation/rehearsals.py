"""Rehearsals: past tickets received masked, replayed in the background, kept as files under `runs/`.

A rehearsal is a folder: `rehearsal.json` (what was wished, how it stands), `tickets.jsonl` (masked),
`records.jsonl` (what was answered), `judged/` (how that agrees with the people's replies), and once it is
done `report.json` and `report.html`. Answers go the production path; their traces stay in the records, apart
from those of customers.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from freehold.engines.base import Embedder
from freehold.errors import Conflict, InvalidInput, NoRoom
from freehold.evaluation.evaluations import Wish as Asked
from freehold.evaluation.shelf import Kept, Shelf, replace_file
from freehold.evaluation.tickets import MOST_QUESTION_CHARS, MOST_REPLY_CHARS, MOST_TURNS, Ticket
from freehold.redaction import Masker
from freehold.store.job_context import JobContext
from freehold.store.jobs import Job, Jobs
from freehold.types import Turn

KIND = "rehearse"
"""Of the jobs."""
RUN, TICKETS, REPORT, PAGE = "rehearsal.json", "tickets.jsonl", "report.json", "report.html"
JUDGED = "judged"
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,120}")
_WAITING_SECONDS = 86_400.0
"""How long tickets may be on their way before what came of them is thrown away."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be rehearsed."""

    file: str
    """Name of the file that the tickets are from, as it is shown."""
    assistant: str = "default"
    model: str | None = None
    """Id of a model; None quotes."""


@dataclass(frozen=True, slots=True)
class Rehearsal(Kept):
    """One rehearsal as it stands."""

    id: str
    wish: Wish
    state: str
    """receiving | queued | running | done | failed | stopped (cancelled: another can go on from it)"""
    created_at: float
    tickets: int = 0
    reading: Mapping[str, Any] = field(default_factory=dict)
    """What was read of the file: rows, tickets, what was left out and masked."""
    finished_at: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the answers depend on; empty until the first one."""
    key: str = ""
    """Equal for rehearsals that can go on from each other's records."""
    went_on_from: str | None = None
    error: Mapping[str, Any] | None = None


class Rehearsals(Shelf[Rehearsal]):
    """The rehearsals of one data folder."""

    NAME, COMMAND, RESULT, RUN = "rehearsal", "freehold rehearse", "report", RUN

    def __init__(
        self,
        folder: Path,
        jobs: Jobs,
        *,
        place: Callable[[Asked, Any, JobContext], AbstractContextManager[Any]],
        embedder: Embedder | None,
        clock: Callable[[], float] = time.time,
        mark: Callable[[], str] = lambda: secrets.token_hex(2),
    ) -> None:
        """`place` opens where questions are asked, as it does for evaluations."""
        super().__init__(folder, jobs)
        self._place = place
        self._embedder = embedder
        self._clock = clock
        self._mark = mark

    def begin(self, wish: Wish) -> Rehearsal:
        """Makes a rehearsal that waits for its tickets. Throws away those whose tickets never came whole."""
        now = self._clock()
        for old in self.list():
            if old.state == "receiving" and old.created_at < now - _WAITING_SECONDS:
                shutil.rmtree(self._folder / old.id, ignore_errors=True)
        name = (
            re.sub(r"[^a-z0-9]+", "-", Path(Masker().mask(wish.file)).stem.lower()).strip("-")[:40]
            or "tickets"
        )
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S")
        made = Rehearsal(f"{stamp}-{name}-{self._mark()}", wish, "receiving", now)
        self._write(made)
        return made

    def add(self, rehearsal_id: str, first: int, given: Sequence[Ticket]) -> int:
        """Takes the next tickets, `first` being the number of the first; gives how many there are.

        They were masked where they were read; they are masked here once more, before they are written.

        Raises:
            Conflict: it is not receiving any more, or others come next.
        """
        found = self._receiving(rehearsal_id)
        if first != found.tickets:
            raise Conflict(
                f"Ticket {found.tickets} comes next, not {first}.", hint="Send them in their order."
            )
        text = "".join(json.dumps(asdict(_masked(each)), ensure_ascii=False) + "\n" for each in given)
        path = self._folder / found.id / TICKETS
        size = path.stat().st_size if path.exists() else 0
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            with path.open("r+b") as file:
                file.truncate(size)
            raise NoRoom(f"The tickets cannot be kept: {error.strerror}.") from error
        return self._change(found, tickets=found.tickets + len(given)).tickets

    def start(self, rehearsal_id: str, reading: Mapping[str, Any]) -> tuple[Rehearsal, Job]:
        """Queues the replaying; an equal one at work is returned instead, and this one forgotten.

        Raises:
            Conflict: it was started before.
            InvalidInput: it has no tickets.
        """
        found = self._receiving(rehearsal_id)
        if not found.tickets:
            raise InvalidInput("There is no ticket to replay.", hint="--preview shows how the file was read.")
        digest = _digest(self._folder / found.id / TICKETS)
        for job in self._jobs.active():
            if job.kind == KIND and job.payload.get("tickets") == digest:
                going = self.get(job.payload["rehearsal"])
                if going.wish == found.wish:
                    shutil.rmtree(self._folder / found.id)
                    return going, job
        queued = self._change(found, state="queued", reading=dict(reading))
        return queued, self._jobs.enqueue(KIND, {"rehearsal": found.id, "tickets": digest})

    def _read(self, path: Path) -> Rehearsal:
        return read_rehearsal(path)

    def _work(self, run: Rehearsal, context: JobContext) -> Rehearsal:
        # here, not above: an idle server holds none of it in memory
        from freehold.evaluation.records import Records
        from freehold.evaluation.rehearsal_page import page
        from freehold.evaluation.rehearse import judged, report, suite_of
        from freehold.evaluation.run import run as ask_all

        folder = self._folder / run.id
        wish, total = run.wish, run.tickets
        rehearsal = self._change(run, state="running")
        digest = str(context.payload["tickets"])
        suite = suite_of(lambda: read_tickets(folder), wish.file, folder / TICKETS, digest, total)
        with self._place(Asked(str(folder), wish.assistant, wish.model), suite, context) as place:
            key = hashlib.sha256(
                json.dumps([digest, wish.assistant, wish.model, dict(place.facts)], sort_keys=True).encode()
            ).hexdigest()[:16]
            if rehearsal.key != key:  # what was answered under other circumstances does not count
                Records(folder).path.unlink(missing_ok=True)
                shutil.rmtree(folder / JUDGED, ignore_errors=True)
            rehearsal = self._go_on(self._change(rehearsal, facts=place.facts, key=key))
            records = Records(folder)

            def told(done: int, current: str) -> None:
                context.progress(done, 2 * total, current, saved=bool(current))

            asyncio.run(
                ask_all(suite.chosen(None), place, records, progress=told, stopping=lambda: context.stopping)
            )
        (folder / JUDGED).mkdir(exist_ok=True)
        verdicts = Records(folder / JUDGED)
        judged(
            lambda: read_tickets(folder),
            records,
            verdicts,
            self._embedder,
            progress=lambda done: context.progress(
                total + done, 2 * total, "comparing", saved=done % 50 == 0
            ),
            check=context.raise_if_cancelled,
        )
        finished = self._clock()
        made = report(
            asdict(rehearsal) | {"finished_at": finished},
            lambda: read_tickets(folder),
            records,
            verdicts,
            self._embedder,
        )
        replace_file(folder / REPORT, json.dumps(made, ensure_ascii=False, indent=1))
        replace_file(folder / PAGE, page(made))
        return self._change(rehearsal, state="done", finished_at=finished)

    def _go_on(self, rehearsal: Rehearsal) -> Rehearsal:
        """Takes over what the newest equal rehearsal had when it was cut off."""
        folder = self._folder / rehearsal.id
        for other in self.list():
            if other.key != rehearsal.key or other.state not in ("failed", "stopped"):
                continue
            left = self._folder / other.id
            if (left / "records.jsonl").is_file() and not (folder / "records.jsonl").exists():
                (left / "records.jsonl").rename(folder / "records.jsonl")
                if (left / JUDGED).is_dir():
                    shutil.rmtree(folder / JUDGED, ignore_errors=True)
                    (left / JUDGED).rename(folder / JUDGED)
                shutil.rmtree(left)
                return self._change(rehearsal, went_on_from=other.id)
        return rehearsal

    def _receiving(self, rehearsal_id: str) -> Rehearsal:
        found = self.get(rehearsal_id)
        if found.state != "receiving":
            raise Conflict(f"The rehearsal {found.id} has been started.", hint="Begin another.")
        return found


def read_tickets(folder: Path) -> Iterator[Ticket]:
    """The masked tickets of a rehearsal, in their order."""
    with (folder / TICKETS).open(encoding="utf-8") as file:
        for line in file:
            values = json.loads(line)
            values["history"] = tuple(Turn(**turn) for turn in values["history"])
            yield Ticket(**values)


def _masked(ticket: Ticket) -> Ticket:
    masker = Masker()
    return Ticket(
        ticket.id[:60] if not Masker().find(ticket.id) else f"line {ticket.line}",
        ticket.line,
        masker.mask(ticket.question[: MOST_QUESTION_CHARS + 2]),
        masker.mask(ticket.reply[: MOST_REPLY_CHARS + 2]),
        tuple(Turn(turn.role, masker.mask(turn.text)) for turn in ticket.history[-MOST_TURNS:]),
        ticket.messages,
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def read_rehearsal(path: Path) -> Rehearsal:
    """What a `rehearsal.json` says.

    Raises:
        Conflict: it is none.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Rehearsal(**(values | {"wish": Wish(**values["wish"])}))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise Conflict(f"{path} is damaged: {error}.", hint="Remove its folder.") from None
