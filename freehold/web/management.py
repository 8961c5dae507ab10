"""Assistants, keys, traces, status: what administrators look after."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter

from freehold import __version__
from freehold.errors import InvalidInput
from freehold.knowledge.store import counts
from freehold.web.dependencies import Admin, TheServices
from freehold.web.knowledge import forget
from freehold.web.management_schemas import (
    ActiveModel,
    AssistantBody,
    AssistantChanges,
    AssistantCounts,
    AssistantList,
    Done,
    KeyBody,
    KeyList,
    NewAssistant,
    NewKeyBody,
    NewKeyWish,
    StatusBody,
    TraceList,
)
from freehold.web.render import assistant_body, job_body
from freehold.web.schemas import Limit
from freehold.web.services import Services

router = APIRouter(prefix="/api/v1")

_TASK: Literal["answer"] = "answer"


@router.get("/status", tags=["status"], summary="How the server stands")
def status(services: TheServices, _admin: Admin) -> StatusBody:
    """What it holds, what it is doing, what it runs on."""
    done, total = services.vectors()
    model = services.registry.active(_TASK)
    assistants = [_counted(services, each.id, each.name) for each in services.assistants.list()]
    return StatusBody(
        version=__version__,
        home=str(services.config.home),
        address=services.address,
        started_at=services.started_at,
        assistants=assistants,
        passages=sum(each.passages for each in assistants),
        vectors=Done(done=done, total=total),
        search_mode="words" if services.embedder is None else "hybrid",
        jobs=[job_body(job) for job in services.jobs.active()],
        model=None if model is None else ActiveModel(id=model.id, name=model.name),
        memory_bytes=services.memory_bytes(),
    )


@router.post("/stop", status_code=202, tags=["status"], summary="Stop the server")
async def stop(services: TheServices, _admin: Admin) -> dict[str, bool]:
    """It ends in good order: answers being given have a moment to finish."""
    services.stop()
    return {"stopping": True}


@router.get("/assistants", tags=["assistants"], summary="All assistants")
def list_assistants(services: TheServices, _admin: Admin) -> AssistantList:
    """Oldest first."""
    return AssistantList(assistants=[assistant_body(each) for each in services.assistants.list()])


@router.post("/assistants", status_code=201, tags=["assistants"], summary="Make an assistant")
def create_assistant(services: TheServices, _admin: Admin, wish: NewAssistant) -> AssistantBody:
    """With a public token of its own, and no knowledge yet."""
    values = wish.model_dump()
    return assistant_body(services.assistants.create(values.pop("id"), **values))


@router.get("/assistants/{assistant_id}", tags=["assistants"], summary="One assistant")
def get_assistant(services: TheServices, _admin: Admin, assistant_id: str) -> AssistantBody:
    """How it is set up."""
    return assistant_body(services.assistants.get(assistant_id))


@router.patch("/assistants/{assistant_id}", tags=["assistants"], summary="Change an assistant")
def change_assistant(
    services: TheServices, _admin: Admin, assistant_id: str, wish: AssistantChanges
) -> AssistantBody:
    """Only the fields that are sent."""
    changes = wish.model_dump(exclude_unset=True)
    if any(value is None for name, value in changes.items() if name != "accent"):
        raise InvalidInput("Only accent can be null.", hint="Leave out what should stay.")
    return assistant_body(services.assistants.update(assistant_id, changes))


@router.delete(
    "/assistants/{assistant_id}", status_code=204, tags=["assistants"], summary="Remove an assistant"
)
def remove_assistant(services: TheServices, _admin: Admin, assistant_id: str) -> None:
    """With its sources and conversations; `default` and `demo` stay."""
    services.assistants.check_removable(assistant_id)
    for source in services.sources.list(assistant_id):
        forget(services, source.id)
    services.assistants.remove(assistant_id)


@router.post("/assistants/{assistant_id}/token", tags=["assistants"], summary="Make a new public token")
def rotate_token(services: TheServices, _admin: Admin, assistant_id: str) -> AssistantBody:
    """The one before opens nothing from now on: paste the widget's tag anew."""
    return assistant_body(services.assistants.rotate_token(assistant_id))


@router.get("/keys", tags=["keys"], summary="All keys")
def list_keys(services: TheServices, _admin: Admin) -> KeyList:
    """Without the keys themselves, which are not kept."""
    return KeyList(keys=[KeyBody(**asdict(key)) for key in services.keys.list()])


@router.post("/keys", status_code=201, tags=["keys"], summary="Make a key")
def create_key(services: TheServices, _admin: Admin, wish: NewKeyWish) -> NewKeyBody:
    """The only answer that holds the key."""
    return NewKeyBody(**asdict(services.keys.create(wish.name, wish.scope)))


@router.delete("/keys/{key_id}", status_code=204, tags=["keys"], summary="Revoke a key")
def revoke_key(services: TheServices, _admin: Admin, key_id: str) -> None:
    """It opens nothing from now on."""
    services.keys.revoke(key_id)


@router.get("/traces", tags=["traces"], summary="The latest traces")
def list_traces(services: TheServices, _admin: Admin, limit: Limit = 20) -> TraceList:
    """Newest first, without their bodies."""
    return TraceList(traces=list(services.traces.latest(limit)))


@router.get("/traces/{trace_id}", tags=["traces"], summary="Why an answer is what it is")
def get_trace(services: TheServices, _admin: Admin, trace_id: str) -> dict[str, Any]:
    """Passages and scores, prompt, checks, outcome, timings."""
    return services.traces.get(trace_id)


def _counted(services: Services, assistant_id: str, name: str) -> AssistantCounts:
    with services.database.read() as connection:
        found = counts(connection, assistant_id=assistant_id)
    return AssistantCounts(
        id=assistant_id,
        name=name,
        sources=found.sources,
        documents=found.documents,
        passages=found.passages,
        vectors=found.vectors,
    )
