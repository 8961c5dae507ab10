"""Why an answer is what it is: passages, scores, prompt, checks, outcome, timings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from sqlalchemy import Column, Float, Index, String, Table, Text, insert, select

from freehold.errors import NotFound
from freehold.store.database import Database, metadata
from freehold.tasks.route import Route
from freehold.types import Citation, Claim, ScoredPassage, Turn, Usage

traces = Table(
    "traces",
    metadata,
    Column("id", String, primary_key=True),
    Column("assistant_id", String, nullable=False),
    Column("model_id", String),  # None: extractive
    Column("question", Text, nullable=False),
    Column("outcome", String, nullable=False),
    Column("body", Text, nullable=False),  # JSON, see Trace
    Column("created_at", Float, nullable=False),
    Index(None, "created_at"),
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A sentence that a model wrote, and what the check made of it."""

    text: str
    cited: tuple[int, ...]
    supported: bool
    reasons: tuple[str, ...]
    """What speaks against it, shown or not."""
    score: float = 0.0
    """The chance that its passage supports it, as measured; 0 when something rules it out."""


@dataclass(slots=True)
class Trace:
    """Grows while an answer is made; recorded once, whatever its end."""

    id: str
    assistant_id: str
    question: str
    history: tuple[Turn, ...]
    created_at: float
    questions: list[str] = field(default_factory=list)
    """What was searched for: the questions of the message, each as it was understood."""
    model_id: str | None = None
    mode: str = "words"
    """How search ran: hybrid, or words."""
    passages: tuple[ScoredPassage, ...] = ()
    confidence: float | None = None
    """That the passages answer at all; None where search was not needed."""
    threshold: float | None = None
    prompt: dict[str, Any] | None = None
    """What a generating model was sent."""
    written: str = ""
    """What it wrote, unchecked."""
    checks: list[Checked] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    outcome: str = "cancelled"
    """answered | refused | handoff, or cancelled (the caller went away), or failed."""
    error: dict[str, Any] | None = None
    route: Route | None = None
    """What the message is about, where a router is in service."""
    route_by: str | None = None
    """Who said so: `linear`, or the id of a model."""
    route_failure: str | None = None
    """Why the model that should have said so did not."""
    rewritten_by: str | None = None
    """The id of the model that put the question in full; None where a rule did, or nobody."""
    rewrite_failure: str | None = None
    """Why the model that should have done so did not."""
    choices: list[str] = field(default_factory=list)
    """What the visitor was asked to choose from."""
    reused: list[dict[str, Any]] = field(default_factory=list)
    """Answers given again: the trace and question each comes from, and how alike the questions are."""
    usage: Usage = field(default_factory=Usage)
    timings: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Everything, ready for `json.dumps`."""
        return asdict(self)


class Recorder(Protocol):
    """What keeps traces: `Traces`, or an evaluation that has its own place for them. Called in a thread."""

    def record(self, trace: Trace) -> None:
        """Keeps a finished trace."""
        ...


class Traces:
    """Traces in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, trace: Trace) -> None:
        """Writes a finished trace; on disk when it returns."""
        with self._database.write() as connection:
            connection.execute(
                insert(traces).values(
                    id=trace.id,
                    assistant_id=trace.assistant_id,
                    model_id=trace.model_id,
                    question=trace.question,
                    outcome=trace.outcome,
                    body=json.dumps(trace.as_json(), ensure_ascii=False),
                    created_at=trace.created_at,
                )
            )

    def get(self, trace_id: str) -> dict[str, Any]:
        """One trace as JSON.

        Raises:
            NotFound: no trace has this id.
        """
        with self._database.read() as connection:
            body = connection.execute(select(traces.c.body).where(traces.c.id == trace_id)).scalar()
        if body is None:
            raise NotFound(
                f"There is no trace {trace_id!r}.", hint="`freehold trace` lists the latest traces."
            )
        loaded: dict[str, Any] = json.loads(body)
        return loaded

    def latest(self, limit: int = 20) -> Sequence[dict[str, Any]]:
        """The newest traces, without their bodies."""
        columns = (traces.c.id, traces.c.assistant_id, traces.c.model_id, traces.c.question)
        query = select(*columns, traces.c.outcome, traces.c.created_at)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(traces.c.created_at.desc()).limit(limit)).mappings()
            return [dict(row) for row in rows]
