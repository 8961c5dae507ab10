"""Rehearsals over HTTP: begun, given their tickets, started, looked at, fetched."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import Field

from freehold.evaluation.rehearsals import PAGE, REPORT, Rehearsal, Wish
from freehold.evaluation.tickets import MOST_QUESTION_CHARS, MOST_REPLY_CHARS, Ticket
from freehold.types import Turn
from freehold.web.dependencies import Admin, TheServices
from freehold.web.evaluations import REPORT_POLICY
from freehold.web.render import job_body
from freehold.web.schemas import Answer, AssistantId, Body, JobStarted, Short

router = APIRouter(prefix="/api/v1", tags=["rehearsals"])

_Question = Annotated[str, Field(max_length=MOST_QUESTION_CHARS + 2)]


class RehearsalWish(Body):
    file: Annotated[str, Field(min_length=1, max_length=255)]
    """Name of the file that the tickets are from."""
    assistant: AssistantId = "default"
    model: Short | None = None
    """A model's name or id; `none` quotes; null is the model in service."""


class PastTurn(Body):
    role: Literal["user", "assistant"]
    text: _Question


class PastTicket(Body):
    id: Annotated[str, Field(min_length=1, max_length=60)]
    line: Annotated[int, Field(ge=0)]
    question: Annotated[str, Field(min_length=1, max_length=MOST_QUESTION_CHARS + 2)]
    reply: Annotated[str, Field(min_length=1, max_length=MOST_REPLY_CHARS + 2)]
    history: Annotated[tuple[PastTurn, ...], Field(max_length=10)] = ()
    messages: Annotated[int, Field(ge=0)] = 2


class PastTickets(Body):
    first: Annotated[int, Field(ge=0)]
    """Number of the first of these, from 0."""
    tickets: Annotated[list[PastTicket], Field(min_length=1, max_length=500)]
    """In their order; masked by whoever read them, and once more here."""


class TicketsTaken(Answer):
    tickets: int
    """How many there are now."""


class RehearsalStart(Body):
    reading: dict[Short, Any] = Field(default={}, max_length=20)
    """What was read of the file: counts of rows, threads, drawn, usable, left_out, masked."""


class RehearsalBody(Answer):
    id: str
    state: str
    """receiving, queued, running, done, failed, or stopped: cancelled, to be gone on from by an equal one."""
    assistant: str
    file: str
    tickets: int
    reading: dict[str, Any]
    facts: dict[str, Any]
    """What the answers depend on."""
    went_on_from: str | None
    """The rehearsal whose answers this one took over."""
    error: dict[str, Any] | None
    created_at: float
    finished_at: float | None


class RehearsalList(Answer):
    rehearsals: list[RehearsalBody]


class RehearsalStarted(JobStarted):
    rehearsal: RehearsalBody


@router.get("/rehearsals", summary="All rehearsals")
def list_rehearsals(services: TheServices, _admin: Admin) -> RehearsalList:
    """Newest first."""
    return RehearsalList(rehearsals=[body(each) for each in services.rehearsals.list()])


@router.post("/rehearsals", status_code=201, summary="Begin a rehearsal")
def begin_rehearsal(services: TheServices, _admin: Admin, wish: RehearsalWish) -> RehearsalBody:
    """It waits for its tickets."""
    services.assistants.get(wish.assistant)
    model = services.evaluated_model(wish.model)
    return body(services.rehearsals.begin(Wish(wish.file, wish.assistant, model)))


@router.post("/rehearsals/{rehearsal_id}/tickets", summary="Give it tickets")
def add_tickets(services: TheServices, _admin: Admin, rehearsal_id: str, given: PastTickets) -> TicketsTaken:
    """The next ones. Personal data is masked before they are written, also where the sender forgot."""
    tickets = [
        Ticket(
            each.id,
            each.line,
            each.question,
            each.reply,
            tuple(Turn(turn.role, turn.text) for turn in each.history),
            each.messages,
        )
        for each in given.tickets
    ]
    return TicketsTaken(tickets=services.rehearsals.add(rehearsal_id, given.first, tickets))


@router.post("/rehearsals/{rehearsal_id}/start", status_code=202, summary="Replay its tickets")
def start_rehearsal(
    services: TheServices, _admin: Admin, rehearsal_id: str, wish: RehearsalStart
) -> RehearsalStarted:
    """In the background. Goes on from an equal one that was cut off; an equal one at work is returned."""
    rehearsal, job = services.rehearsals.start(rehearsal_id, wish.reading)
    return RehearsalStarted(rehearsal=body(rehearsal), job=job_body(job))


@router.get("/rehearsals/{rehearsal_id}", summary="One rehearsal")
def get_rehearsal(services: TheServices, _admin: Admin, rehearsal_id: str) -> RehearsalBody:
    """How it stands."""
    return body(services.rehearsals.get(rehearsal_id))


@router.get("/rehearsals/{rehearsal_id}/report", summary="Its report as JSON")
def get_report(services: TheServices, _admin: Admin, rehearsal_id: str) -> FileResponse:
    """Outcomes, agreement, gaps in the documents, the share that would resolve; once it is done."""
    return FileResponse(services.rehearsals.file(rehearsal_id, REPORT), media_type="application/json")


@router.get("/rehearsals/{rehearsal_id}/page", summary="Its report as a page")
def get_rehearsal_page(services: TheServices, _admin: Admin, rehearsal_id: str) -> FileResponse:
    """One HTML page that loads nothing; once it is done."""
    return FileResponse(
        services.rehearsals.file(rehearsal_id, PAGE),
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": REPORT_POLICY},
    )


@router.delete("/rehearsals/{rehearsal_id}", status_code=204, summary="Remove a rehearsal")
def remove_rehearsal(services: TheServices, _admin: Admin, rehearsal_id: str) -> None:
    """With its tickets and answers; not while it is being worked on."""
    services.rehearsals.remove(rehearsal_id)


def body(rehearsal: Rehearsal) -> RehearsalBody:
    values = asdict(rehearsal)
    wish = values.pop("wish")
    values.pop("key")
    return RehearsalBody(assistant=wish["assistant"], file=wish["file"], **values)
