"""Evaluations over HTTP: started, looked at, fetched."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import Field

from freehold.evaluation.evaluations import PAGE, RULE, SCORECARD, Evaluation, Wish
from freehold.evaluation.records import FILE
from freehold.web.dependencies import Admin, TheServices
from freehold.web.render import job_body
from freehold.web.schemas import Answer, AssistantId, Body, JobStarted, Short

router = APIRouter(prefix="/api/v1", tags=["evaluations"])

REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
"""What a report may do: show itself."""


class EvaluationWish(Body):
    suite: Annotated[str, Field(min_length=1, max_length=4096)]
    """Absolute path of a suite on the server's machine: a file of questions, or a folder."""
    assistant: AssistantId = "default"
    model: Short | None = None
    """A model's name or id; `none` quotes; null is the model in service."""
    rewrite: Short | None = None
    """Who puts follow-ups in full: a model's name or id; `none` leaves it to the rule; null is who does it in
    service."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Ask so many of the questions, always the same ones."""
    leave_out: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of the suite's own gold passages to take away: what they answered should be refused."""
    columns: dict[Short, Short] = Field(default={}, max_length=20)
    """Names of columns by what they hold, where they are not the usual ones."""
    fresh: bool = False
    """Ask every question, though an equal evaluation was cut off."""


class EvaluationBody(Answer):
    id: str
    state: str
    """queued, running, done, failed, or stopped: cancelled, to be gone on from by an equal one."""
    assistant: str
    suite: dict[str, Any]
    """path; and once it was read: name, version, licence, source, questions."""
    facts: dict[str, Any]
    """What the answers depend on."""
    limit: int | None
    went_on_from: str | None
    """The evaluation whose records this one took over."""
    error: dict[str, Any] | None
    created_at: float
    finished_at: float | None


class EvaluationList(Answer):
    evaluations: list[EvaluationBody]


class EvaluationStarted(JobStarted):
    evaluation: EvaluationBody


@router.get("/evaluations", summary="All evaluations")
def list_evaluations(services: TheServices, _admin: Admin) -> EvaluationList:
    """Newest first."""
    return EvaluationList(evaluations=[body(each) for each in services.evaluations.list()])


@router.post("/evaluations", status_code=202, summary="Evaluate answers on a suite")
def start_evaluation(services: TheServices, _admin: Admin, wish: EvaluationWish) -> EvaluationStarted:
    """In the background, beside what answers customers. Goes on from an equal one that was cut off."""
    services.assistants.get(wish.assistant)
    rewrite = wish.rewrite if wish.rewrite in (None, RULE) else services.registry.get(wish.rewrite).id
    values = wish.model_dump() | {"model": services.evaluated_model(wish.model), "rewrite": rewrite}
    evaluation, job = services.evaluations.start(Wish(**values))
    return EvaluationStarted(evaluation=body(evaluation), job=job_body(job))


@router.get("/evaluations/{evaluation_id}", summary="One evaluation")
def get_evaluation(services: TheServices, _admin: Admin, evaluation_id: str) -> EvaluationBody:
    """How it stands."""
    return body(services.evaluations.get(evaluation_id))


@router.get("/evaluations/{evaluation_id}/scorecard", summary="Its scorecard")
def get_scorecard(services: TheServices, _admin: Admin, evaluation_id: str) -> FileResponse:
    """Figures with intervals, the curve of refusals, the questions that went worst; once it is done."""
    return FileResponse(services.evaluations.file(evaluation_id, SCORECARD), media_type="application/json")


@router.get("/evaluations/{evaluation_id}/page", summary="Its report")
def get_page(services: TheServices, _admin: Admin, evaluation_id: str) -> FileResponse:
    """The scorecard as one HTML page that loads nothing; once it is done."""
    return FileResponse(
        services.evaluations.file(evaluation_id, PAGE),
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": REPORT_POLICY},
    )


@router.get("/evaluations/{evaluation_id}/records", summary="Its records")
def get_records(services: TheServices, _admin: Admin, evaluation_id: str) -> FileResponse:
    """One JSON object a line, one line a question; once it is done."""
    return FileResponse(services.evaluations.file(evaluation_id, FILE), media_type="application/x-ndjson")


@router.delete("/evaluations/{evaluation_id}", status_code=204, summary="Remove an evaluation")
def remove_evaluation(services: TheServices, _admin: Admin, evaluation_id: str) -> None:
    """With its records; not while it is being worked on."""
    services.evaluations.remove(evaluation_id)


def body(evaluation: Evaluation) -> EvaluationBody:
    values = asdict(evaluation)
    wish = values.pop("wish")
    values.pop("key")
    suite = {"path": wish["suite"], **values.pop("suite")}
    return EvaluationBody(assistant=wish["assistant"], limit=wish["limit"], suite=suite, **values)
