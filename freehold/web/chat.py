"""What visitors' pages speak to: an assistant's public endpoints, behind its public token."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from anyio import CancelScope, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response

from freehold.assistant.assistants import Assistant
from freehold.errors import Conflict, FreeholdError, InvalidInput
from freehold.types import CitationFound, MessageDelta, MessageStart, Query
from freehold.web.answers import Shown, answer, check_length, end_json
from freehold.web.dependencies import Desk, PublicAssistant, TheDesk, TheServices, TheVisitor, VisitorToken
from freehold.web.gate import Place
from freehold.web.render import assistant_card
from freehold.web.schemas import ErrorBody
from freehold.web.services import Services
from freehold.web.stream import EventStream, event, stopping
from freehold.web.visitor_schemas import (
    ConversationBody,
    ConversationStarted,
    MessageBody,
    NewFeedback,
    NewMessage,
    PublicAssistantBody,
)

router = APIRouter(prefix="/api/v1/public/{token}", tags=["visitors"])

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "message_start, then citation and message_delta, then message_end or error; ping.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    409: {"model": ErrorBody, "description": "The answer before is still being given."},
    429: {"model": ErrorBody, "description": "Too many messages; see Retry-After."},
    503: {"model": ErrorBody, "description": "All places are taken; see Retry-After."},
}

BROKE_OFF = "The answer broke off before it was complete."
FAILED = "The answer broke off: {message}"


@router.get("", summary="The assistant behind a public token")
def describe(services: TheServices, assistant: PublicAssistant, token: str) -> PublicAssistantBody:
    """Its name and greeting, first questions to offer, and whether it can answer yet."""
    return PublicAssistantBody(
        assistant=assistant_card(assistant),
        suggestions=list(services.suggestions.of(assistant.id)),
        ready=services.unready() is None,
        mode="extractive" if services.registry.active("answer") is None else "generative",
    )


@router.post("/conversations", status_code=201, summary="Start a conversation")
def start(
    request: Request,
    services: TheServices,
    desk: TheDesk,
    assistant: PublicAssistant,
    visitor_token: VisitorToken,
    token: str,
) -> ConversationStarted:
    """With a known visitor's token it is that visitor's next one; else a new visitor gets a token."""
    desk.rates.other(desk.callers.bucket(request.scope))
    started = services.conversations.start(assistant.id, visitor_token)
    return ConversationStarted(**asdict(started))


@router.get("/conversations/{conversation_id}", summary="A conversation so far")
def read(services: TheServices, visitor: TheVisitor, token: str, conversation_id: str) -> ConversationBody:
    """The visitor's own; anybody else's is not found."""
    found = services.conversations.get(conversation_id, visitor)
    return ConversationBody(
        conversation_id=found.id,
        status=found.status,
        messages=[MessageBody(**asdict(message)) for message in found.messages],
    )


@router.post(
    "/conversations/{conversation_id}/messages",
    response_class=Response,
    responses=_STREAM,
    summary="Say something, and stream the answer",
)
async def say(
    request: Request,
    services: TheServices,
    desk: TheDesk,
    assistant: PublicAssistant,
    visitor: TheVisitor,
    token: str,
    conversation_id: str,
    message: NewMessage,
) -> Response:
    """The message is stored before the stream begins, the answer before the stream ends."""
    if not message.text.strip():
        raise InvalidInput("text: it is empty.", hint="Ask something.")
    check_length(services, message.text)
    desk.rates.message(visitor.id, desk.callers.bucket(request.scope))
    talk = (visitor.id, conversation_id)  # with the visitor, so that nobody learns of another's
    if talk in desk.answering:
        raise Conflict(
            "The answer before is still being given.", hint="Wait until it has ended.", retry_after=2
        )
    place = desk.gate.enter()
    desk.answering.add(talk)

    def ended() -> None:
        place.leave()
        desk.answering.discard(talk)

    try:
        asked = await to_thread.run_sync(services.conversations.ask, conversation_id, visitor, message.text)
        query = Query(message.text, asked.history)
        events = _stream(services, desk, place, query, assistant, conversation_id)
    except BaseException:
        ended()
        raise
    return EventStream(
        events, ping=event("ping", {}), parting=event("error", stopping().as_json()), ended=ended
    )


@router.post("/messages/{message_id}/feedback", status_code=204, summary="Rate an answer")
def rate(
    request: Request,
    services: TheServices,
    desk: TheDesk,
    visitor: TheVisitor,
    token: str,
    message_id: str,
    feedback: NewFeedback,
) -> None:
    """A thumb up or down; a later one replaces it."""
    desk.rates.other(desk.callers.bucket(request.scope))
    services.conversations.rate(message_id, visitor, feedback.rating, feedback.comment)


async def _stream(
    services: Services, desk: Desk, place: Place, query: Query, assistant: Assistant, conversation_id: str
) -> AsyncGenerator[bytes, None]:
    """The events of one answer; stores what was shown of it, however it ends."""
    message_id = services.conversations.new_message_id()
    shown = Shown()
    failed: FreeholdError | None = None
    try:
        async with aclosing(answer(services, desk, place, query, assistant, shown)) as events:
            async for each in events:
                if isinstance(each, MessageStart):
                    ids = {"message_id": message_id, "conversation_id": conversation_id}
                    yield event("message_start", {**ids, "trace_id": each.trace_id})
                elif isinstance(each, CitationFound):
                    yield event("citation", asdict(each.citation))
                elif isinstance(each, MessageDelta):
                    yield event("message_delta", asdict(each.claim))
    except FreeholdError as error:
        failed = error
    except BaseException:
        with CancelScope(shield=True), contextlib.suppress(FreeholdError):
            await to_thread.run_sync(_store, services, conversation_id, message_id, shown, BROKE_OFF)
        raise
    try:
        with CancelScope(shield=True):
            note = None if failed is None else FAILED.format(message=failed.message)
            await to_thread.run_sync(_store, services, conversation_id, message_id, shown, note)
    except FreeholdError as error:
        failed = failed or error
    if failed is not None:
        yield event("error", failed.as_json())
    elif shown.end is not None:
        yield event("message_end", {"message_id": message_id, **end_json(shown.end)})


def _store(services: Services, conversation_id: str, message_id: str, shown: Shown, note: str | None) -> None:
    """In a thread. What broke off is stored as far as it went, with a note that says so."""
    if shown.claims:
        services.conversations.answered(
            conversation_id,
            message_id,
            claims=shown.claims,
            citations=shown.citations,
            outcome=shown.end.outcome if shown.end is not None and note is None else None,
            trace_id=shown.trace_id,
        )
    if note is not None:
        services.conversations.note(conversation_id, note, trace_id=shown.trace_id)
