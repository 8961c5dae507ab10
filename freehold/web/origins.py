"""Which names the server is addressed by, and which pages may speak to it.

The Host check stops DNS rebinding. Public endpoints answer pages of the server's own origin and of the
assistant's allowed ones; everything that changes something elsewhere is refused to foreign pages.
Requests without an Origin come from no page and are not concerned.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from freehold.assistant.assistants import Assistant, Assistants, normalised_origin
from freehold.errors import Forbidden, FreeholdError, InvalidInput
from freehold.web.failures import failure

PUBLIC = "/api/v1/public/"

_METHODS = "GET, POST"
_HEADERS = "Authorization, Content-Type"
_PREFLIGHT_SECONDS = "600"
_WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not bound to


class HostCheck:
    """Refuses requests addressed to a name that is not ours."""

    def __init__(self, app: ASGIApp, host: str, allowed: Iterable[str]) -> None:
        self._app = app
        self._names = {_bare(name) for name in allowed} | ({_bare(host)} - set(_WILDCARDS))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._known(Headers(scope=scope).getlist("host")):
            await self._app(scope, receive, send)
            return
        refusal = InvalidInput(
            "This server is not known by the name it was addressed by.",
            hint="Set FREEHOLD_ALLOWED_HOSTS to the names under which it may be reached.",
        )
        await failure(refusal)(scope, receive, send)

    def _known(self, hosts: list[str]) -> bool:
        if len(hosts) != 1:
            return False
        name = _bare(hosts[0])
        return name in self._names or name == "localhost" or name.endswith(".localhost") or _loopback(name)


class OriginCheck:
    """Refuses foreign pages, and answers preflights for the pages an assistant allows."""

    def __init__(self, app: ASGIApp, assistants: Assistants) -> None:
        self._app = app
        self._assistants = assistants

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        own = origin is None or _same(origin, headers.get("host", ""))
        if not scope["path"].startswith(PUBLIC):
            if own or scope["method"] in ("GET", "HEAD", "OPTIONS"):
                await self._app(scope, receive, send)
            else:
                await failure(
                    Forbidden(
                        "Pages of other sites may not do this.",
                        hint="Call it from your server, not from a page.",
                    )
                )(scope, receive, send)
            return
        token = scope["path"].removeprefix(PUBLIC).partition("/")[0]
        try:
            assistant = await to_thread.run_sync(self._assistants.by_token, token)
        except FreeholdError as error:
            await failure(error)(scope, receive, send)
            return
        scope.setdefault("state", {})["assistant"] = assistant
        if not own and not _allows(assistant, origin or ""):
            refusal = Forbidden(
                f"The assistant {assistant.name!r} does not allow this page's origin.",
                hint="Add the origin to the assistant's allowed_origins.",
            )
            await _varying(failure(refusal), scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            await _varying(
                Response(status_code=204, headers=_cors(origin, preflight=True)), scope, receive, send
            )
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                response = MutableHeaders(scope=message)
                response.add_vary_header("Origin")
                if not own:
                    response.update(_cors(origin))
            await send(message)

        await self._app(scope, receive, sending)


def _cors(origin: str | None, *, preflight: bool = False) -> dict[str, str]:
    if origin is None:
        return {}
    headers = {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After"}
    if preflight:
        headers["Access-Control-Allow-Methods"] = _METHODS
        headers["Access-Control-Allow-Headers"] = _HEADERS
        headers["Access-Control-Max-Age"] = _PREFLIGHT_SECONDS
    return headers


async def _varying(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    response.headers["Vary"] = "Origin"
    await response(scope, receive, send)


def _allows(assistant: Assistant, origin: str) -> bool:
    if "*" in assistant.allowed_origins:
        return True
    try:
        return normalised_origin(origin) in assistant.allowed_origins
    except InvalidInput:  # "null": a sandboxed frame or a file
        return False


def _same(origin: str, host: str) -> bool:
    """Whether a page of this origin was served under this Host (TLS may end before us)."""
    scheme = origin.partition("://")[0].lower()
    try:
        return normalised_origin(origin) == normalised_origin(f"{scheme}://{host}")
    except InvalidInput:
        return False


def _bare(host: str) -> str:
    """A Host's name, lower case, without port and brackets."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return (host if host.count(":") > 1 else host.partition(":")[0]).rstrip(".")


def _loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
