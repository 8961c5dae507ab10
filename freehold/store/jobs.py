"""Background work that survives a restart.

A job is a row: queued, running, then done, failed or cancelled. Knows nothing of what jobs do, or of who
does them (`store/job_runner`).
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    literal_column,
    select,
    update,
)

from freehold.errors import Conflict, FreeholdError, NotFound
from freehold.store.database import Database, metadata

jobs = Table(
    "jobs",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("payload", Text, nullable=False),  # JSON
    Column("state", String, nullable=False),  # queued | running | done | failed | cancelled
    Column("progress", Text, nullable=False, server_default="{}"),  # JSON {done, total, current}
    Column("result", Text),  # JSON
    Column("error", Text),  # JSON {code, message, hint}
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Index(None, "state", "created_at"),
)

CRASHES = 10
"""Starts in a row, nothing saved in between, that may end with the process before a job is given up.

More than a few: a process that someone else kills again and again says nothing against its job."""

FINISHED = ("done", "failed", "cancelled")

KEPT_SECONDS = 30 * 86_400.0
"""How long a finished job can be looked up."""


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of background work as it stands."""

    id: str
    kind: str
    payload: dict[str, Any]
    state: str
    progress: dict[str, Any]
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    """`{code, message, hint}` of a job that failed."""
    attempts: int
    """Starts since something of it was last saved."""
    created_at: float
    updated_at: float

    @property
    def finished(self) -> bool:
        return self.state in FINISHED


class Jobs:
    """The jobs in the database."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: f"job_{secrets.token_hex(8)}",
    ) -> None:
        self._database = database
        self._clock = clock
        self._new_id = new_id
        self._cancelled: set[str] = set()
        self._owed: dict[str, FreeholdError] = {}
        self._awaited: list[threading.Event] = []

    def arrivals(self) -> threading.Event:
        """An event of the caller's own, set whenever there may be a queued job."""
        arrived = threading.Event()
        self._awaited.append(arrived)
        return arrived

    def _wake(self) -> None:
        for arrived in self._awaited:
            arrived.set()

    def enqueue(self, kind: str, payload: Mapping[str, Any] | None = None) -> Job:
        """Queues work; an equal job that waits already is returned instead of a second one."""
        body = json.dumps(dict(payload or {}), sort_keys=True)
        now = self._clock()
        with self._database.write() as connection:
            waiting = connection.execute(
                select(jobs).where(jobs.c.kind == kind, jobs.c.payload == body, jobs.c.state == "queued")
            ).first()
            if waiting is None:
                job_id = self._new_id()
                connection.execute(
                    insert(jobs).values(
                        id=job_id,
                        kind=kind,
                        payload=body,
                        state="queued",
                        progress=_progress(0, 0, ""),
                        created_at=now,
                        updated_at=now,
                    )
                )
                waiting = connection.execute(select(jobs).where(jobs.c.id == job_id)).one()
        self._wake()
        return _job(waiting)

    def get(self, job_id: str) -> Job:
        """
        Raises:
            NotFound: no such job.
        """
        with self._database.read() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
        if row is None:
            raise NotFound(f"There is no job {job_id}.", hint="`freehold status` lists the running ones.")
        job = _job(row)
        owed = self._owed.get(job_id)
        if owed is None or job.finished:
            return job
        return replace(job, state="failed", error=owed.as_json()["error"])

    def list(self, limit: int = 50) -> list[Job]:
        """Newest first."""
        newest = select(jobs).order_by(jobs.c.created_at.desc(), literal_column("rowid").desc()).limit(limit)
        with self._database.read() as connection:
            return [_job(row) for row in connection.execute(newest)]

    def active(self) -> tuple[Job, ...]:
        """Running and queued ones, in the order in which they are worked off."""
        with self._database.read() as connection:
            return tuple(
                _job(row)
                for row in connection.execute(
                    select(jobs)
                    .where(jobs.c.state.in_(("running", "queued")))
                    .order_by(jobs.c.state.desc(), jobs.c.created_at, literal_column("rowid"))
                )
            )

    def cancel(self, job_id: str) -> Job:
        """Ends a queued job now, and a running one as soon as its handler looks up.

        Raises:
            NotFound: no such job.
            Conflict: it has finished.
        """
        self.get(job_id)
        self._cancelled.add(job_id)
        with self._database.write() as connection:
            if not self._change(connection, job_id, ("queued", "running"), state="cancelled"):
                self._cancelled.discard(job_id)
                if self._state(connection, job_id) != "cancelled":
                    raise Conflict(f"Job {job_id} has finished already.")
        return self.get(job_id)

    def recover(self) -> None:
        """Queues again what ran when the process ended; to be called once, before the runner starts.

        What finished longer ago than `KEPT_SECONDS` is forgotten.
        """
        with self._database.write() as connection:
            connection.execute(
                delete(jobs).where(
                    jobs.c.state.in_(FINISHED), jobs.c.updated_at < self._clock() - KEPT_SECONDS
                )
            )
            for row in connection.execute(select(jobs).where(jobs.c.state == "running")).all():
                if row.attempts < CRASHES:
                    self._change(connection, row.id, ("running",), state="queued")
                    continue
                error = {
                    "code": "internal",
                    "message": f"The process ended {row.attempts} times in a row during this work.",
                    "hint": "Look at the log and at the machine's memory, then start the work again.",
                }
                self._change(connection, row.id, ("running",), state="failed", error=json.dumps(error))
        self._wake()

    def claim(self, only: Collection[str] | None = None, *, beside: Collection[str] = ()) -> Job | None:
        """The next queued job, from now on running; None when nothing waits.

        Of the kinds `only`, when given, and never of the kinds `beside`.
        """
        wanted = [jobs.c.state == "queued", jobs.c.kind.not_in(beside)]
        if only is not None:
            wanted.append(jobs.c.kind.in_(only))
        with self._database.read() as connection:
            if connection.execute(select(jobs.c.id).where(*wanted).limit(1)).first() is None:
                return None
        with self._database.write() as connection:
            row = connection.execute(
                select(jobs).where(*wanted).order_by(jobs.c.created_at, literal_column("rowid")).limit(1)
            ).first()
            if row is None:
                return None
            self._change(connection, row.id, ("queued",), state="running", attempts=row.attempts + 1)
            return _job(connection.execute(select(jobs).where(jobs.c.id == row.id)).one())

    def finish(self, job: Job, result: Mapping[str, Any]) -> None:
        """The handler is through."""
        self._settle(job, state="done", result=json.dumps(dict(result)), error=None)

    def fail(self, job: Job, error: FreeholdError) -> None:
        """The handler raised."""
        self._settle(job, state="failed", error=json.dumps(error.as_json()["error"]))

    def owe(self, job: Job, error: FreeholdError | None) -> None:
        """Shows in `get` that a job failed while the database cannot be told; None takes that back."""
        if error is None:
            self._owed.pop(job.id, None)
        else:
            self._owed[job.id] = error

    def put_back(self, job: Job) -> None:
        """The process stops before the job is through; that is no crash of the job's."""
        self._settle(job, state="queued", attempts=0)

    def save_progress(self, job: Job, done: int, total: int, current: str, *, saved: bool) -> None:
        """Shows how far a running job is; `saved` says that something of it is on disk since its start."""
        values: dict[str, Any] = {"progress": _progress(done, total, current)}
        if saved:
            values["attempts"] = 1
        self._settle(job, **values)

    def is_cancelled(self, job_id: str) -> bool:
        """Whether a job of this process was cancelled."""
        return job_id in self._cancelled

    def _settle(self, job: Job, **values: Any) -> None:
        with self._database.write() as connection:
            self._change(connection, job.id, ("running",), **values)

    def _change(self, connection: Connection, job_id: str, states: tuple[str, ...], **values: Any) -> bool:
        changed = connection.execute(
            update(jobs)
            .where(jobs.c.id == job_id, jobs.c.state.in_(states))
            .values(updated_at=self._clock(), **values)
        )
        return bool(changed.rowcount)

    @staticmethod
    def _state(connection: Connection, job_id: str) -> str:
        return str(connection.execute(select(jobs.c.state).where(jobs.c.id == job_id)).scalar_one())


def _progress(done: int, total: int, current: str) -> str:
    return json.dumps({"done": done, "total": total, "current": current})


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        kind=row.kind,
        payload=json.loads(row.payload),
        state=row.state,
        progress=json.loads(row.progress),
        result=None if row.result is None else json.loads(row.result),
        error=None if row.error is None else json.loads(row.error),
        attempts=row.attempts,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
