"""One answer for a caller over HTTP: admission, the assistant's own path, what it showed, what it cost.

Shared by the visitors' stream and the OpenAI-compatible one. Knows nothing of how events are written.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from typing import Any

from freehold.assistant.assistants import Assistant
from freehold.errors import FreeholdError, TooLarge
from freehold.types import (
    AnswerEvent,
    Citation,
    CitationFound,
    Claim,
    MessageDelta,
    MessageEnd,
    MessageStart,
    Query,
)
from freehold.web.dependencies import Desk
from freehold.web.failures import INTERNAL
from freehold.web.gate import Place
from freehold.web.services import Services

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Shown:
    """What of an answer has been shown so far."""

    claims: list[Claim] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    trace_id: str | None = None
    end: MessageEnd | None = None


async def answer(
    services: Services, desk: Desk, place: Place, query: Query, assistant: Assistant, shown: Shown
) -> AsyncGenerator[AnswerEvent, None]:
    """The answer's events, once there is a turn for it; `shown` follows. Leaves the place at its end.

    Raises:
        FreeholdError: it failed; what nobody expected is logged and comes as `internal`.
    """
    began = time.perf_counter()
    outcome = "cancelled"
    try:
        async with place, aclosing(_events(services, query, assistant)) as events:
            async for event in events:
                if isinstance(event, MessageStart):
                    shown.trace_id = event.trace_id
                elif isinstance(event, CitationFound):
                    shown.citations.append(event.citation)
                elif isinstance(event, MessageDelta):
                    if not shown.claims:
                        desk.meters.first_seconds.observe(time.perf_counter() - began)
                    shown.claims.append(event.claim)
                else:
                    shown.end, outcome = event, event.outcome
                yield event
    except FreeholdError as error:
        outcome = error.code
        raise
    except (GeneratorExit, asyncio.CancelledError):
        raise
    except Exception as error:
        outcome = INTERNAL.code
        log.error("An answer failed: %s", type(error).__name__, exc_info=error)
        raise INTERNAL from error
    finally:
        place.leave()
        desk.meters.answers.labels(outcome).inc()
        desk.meters.answer_seconds.observe(time.perf_counter() - began)


def check_length(services: Services, text: str) -> None:
    """
    Raises:
        TooLarge: the question is longer than the setting allows.
    """
    most = services.config.max_question_chars
    if len(text) > most:
        raise TooLarge(
            f"The question has {len(text)} characters; at most {most} are taken.", hint="Ask more briefly."
        )


def end_json(end: MessageEnd) -> dict[str, Any]:
    """The end of an answer as the interface shows it."""
    nearby = [{**asdict(near.document), "heading_path": near.heading_path} for near in end.nearby]
    return {**asdict(end), "nearby": nearby}


async def _events(
    services: Services, query: Query, assistant: Assistant
) -> AsyncGenerator[AnswerEvent, None]:
    events = services.answerer.answer(query, assistant.id, instructions=assistant.instructions)
    async with aclosing(events) as closing:
        async for event in closing:
            yield event
