"""What watches the server: is it alive, is it ready, how is it doing."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response

from freehold.errors import Unavailable
from freehold.web.dependencies import MetricsReader, TheDesk, TheServices
from freehold.web.schemas import Answer, ErrorBody

router = APIRouter(tags=["status"])


class HealthBody(Answer):
    status: Literal["ok"]


class ReadyBody(Answer):
    status: Literal["ready"]


@router.get("/health", summary="Alive")
async def health() -> HealthBody:
    """200 as long as the process turns."""
    return HealthBody(status="ok")


@router.get("/ready", responses={503: {"model": ErrorBody}}, summary="Ready for questions")
async def ready(services: TheServices) -> ReadyBody:
    """503 says what is still missing."""
    if (reason := services.unready()) is not None:
        raise Unavailable(reason, hint="Try again in a moment.", retry_after=1)
    return ReadyBody(status="ready")


@router.get("/metrics", response_class=Response, summary="Prometheus metrics")
def metrics(desk: TheDesk, _reader: MetricsReader) -> Response:
    """For callers on this machine, or with an admin key."""
    return Response(desk.meters.page(), media_type="text/plain; version=0.0.4; charset=utf-8")
