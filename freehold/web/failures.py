"""How an error leaves the process over HTTP: one shape, whatever went wrong.

What we raise carries its own status and words. What we did not expect is logged with its traceback and
answered without details. Also the last ASGI layer that may catch: nothing escapes to the server below.
"""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from freehold.errors import FreeholdError, InvalidInput, NotFound

log = logging.getLogger(__name__)

INTERNAL = FreeholdError(
    "Something went wrong inside Freehold.", hint="The server's log says what; please report it."
)


def failure(error: FreeholdError, *, status: int | None = None) -> JSONResponse:
    """The response an error becomes."""
    headers = {"Cache-Control": "no-store"}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(error.as_json(), status or error.status, headers)


def install(app: FastAPI) -> None:
    """Handlers for our errors, for bodies that do not fit and for paths that are not."""

    @app.exception_handler(FreeholdError)
    async def ours(_request: Request, error: FreeholdError) -> JSONResponse:
        if error.status == 500:
            log.error("Failed: %s", error.message, exc_info=error)
        return failure(error)

    @app.exception_handler(RequestValidationError)
    async def unfit(_request: Request, error: RequestValidationError) -> JSONResponse:
        return failure(_invalid(error))

    @app.exception_handler(HTTPException)
    async def unrouted(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 404:
            return failure(
                NotFound("There is nothing at this path.", hint="GET /openapi.json lists the paths.")
            )
        if error.status_code == 405:
            refusal = InvalidInput(
                f"{request.method} is not possible here.", hint="GET /openapi.json says what is."
            )
            response = failure(refusal, status=405)
            response.headers.update(error.headers or {})
            return response
        return failure(InvalidInput("The body cannot be read."), status=error.status_code)


class Unfailing:
    """Answers what nobody caught."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            log.debug("The client went away.")
        except FreeholdError as error:
            if begun:
                raise
            await failure(error)(scope, receive, send)
        except Exception as error:
            log.error("Unexpected: %s %s", scope["method"], type(error).__name__, exc_info=error)
            if begun:  # the status is out already: only closing the connection still says that it failed
                raise
            await failure(INTERNAL)(scope, receive, send)


def _invalid(error: RequestValidationError) -> InvalidInput:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return InvalidInput("The body is not valid JSON.", hint=f"At character {first['loc'][-1]}.")
    where = ".".join(str(part) for part in first["loc"][1:])
    message = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "missing" and not where:
        return InvalidInput("A JSON body is needed.", hint="Send it with Content-Type: application/json.")
    return InvalidInput(
        f"{where or first['loc'][0]}: {message}.", hint="GET /openapi.json describes what is taken."
    )
