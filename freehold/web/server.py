"""The web application: its layers, its routes, and how uvicorn should run it."""

from __future__ import annotations

from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from freehold import __version__
from freehold.knowledge.store import Counts, counts
from freehold.web import (
    chat,
    endpoints,
    evaluations,
    failures,
    knowledge,
    management,
    models,
    openai,
    operations,
    page,
    rehearsals,
)
from freehold.web.bodies import BodyLimit
from freehold.web.callers import Callers
from freehold.web.dependencies import Desk
from freehold.web.gate import Gate
from freehold.web.headers import SecurityHeaders
from freehold.web.origins import HostCheck, OriginCheck
from freehold.web.patience import Patient
from freehold.web.rates import Rates
from freehold.web.schemas import ErrorBody
from freehold.web.services import Services
from freehold.web.telemetry import Meters, Telemetry
from freehold.web.uploads import sweep

PARTS = (page, chat, openai, knowledge, management, models, endpoints, evaluations, rehearsals, operations)
"""The modules whose routers make up the interface."""

DESCRIPTION = """A support assistant on your own documents. Errors have one shape,
`{"error": {"code", "message", "hint"}}`; codes are stable. Times are seconds since the epoch."""

_ERRORS: dict[int | str, dict[str, Any]] = {
    "default": {"model": ErrorBody, "description": "Any error: its status is its class's."}
}


def create_app(services: Services) -> FastAPI:
    """The application over these services. Starts nothing and stops nothing; one at a time for a home."""
    config = services.config
    sweep(config.files)
    gate = Gate(config.answers_at_once, config.answers_waiting)
    desk = Desk(
        gate=gate,
        rates=Rates(config.visitor_messages_per_minute, config.address_messages_per_minute),
        callers=Callers(config.trusted_proxies),
        meters=Meters(gate, held=partial(_held, services), memory=services.memory_bytes),
        answering=set(),
    )
    app = FastAPI(
        title="Freehold",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,  # their scripts come from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        responses=_ERRORS,
        exception_handlers={Exception: _unexpected},
    )
    app.state.services = services
    app.state.desk = desk
    failures.install(app)
    for part in PARTS:
        app.include_router(part.router)
    # the last added is the outermost
    app.add_middleware(failures.Unfailing)
    app.add_middleware(BodyLimit)
    app.add_middleware(OriginCheck, assistants=services.assistants)
    app.add_middleware(HostCheck, host=config.host, allowed=config.allowed_hosts)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Telemetry, meters=desk.meters)
    return app


def uvicorn_config(app: FastAPI, *, host: str, port: int) -> uvicorn.Config:
    """How the application is run: addresses are ours to read, logging is ours, endings are bounded."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Patient,
        access_log=False,
        log_config=None,
        proxy_headers=False,  # `Callers` reads them, from trusted proxies only
        server_header=False,
        date_header=True,
        lifespan="off",
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=64 * 1024,
    )


def _held(services: Services) -> Counts:
    with services.database.read() as connection:
        return counts(connection)


async def _unexpected(_request: Request, _error: Exception) -> JSONResponse:
    return failures.failure(failures.INTERNAL)
