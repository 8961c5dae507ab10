"""How large a request may be, enforced before anything parses it.

JSON bodies are read whole here, up to a limit, and handed on from memory. The upload path counts for
itself while it streams. Knows nothing of what a body means.
"""

from __future__ import annotations

import json
import re

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from freehold.errors import InvalidInput, TooLarge
from freehold.web.failures import failure

JSON_LIMIT = 256 * 1024
"""Bytes of a JSON body."""

UPLOAD_PATH = "/api/v1/sources/upload"

_DRAINED = 16 * 2**20
"""Bytes of a refused body still taken, so that the client reads the refusal and not a broken connection."""
_SECONDS = 30.0
"""How long a body may take to arrive."""

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class BodyLimit:
    """Refuses bodies over the limit with 413; chunked ones are counted as they come."""

    def __init__(self, app: ASGIApp, limit: int = JSON_LIMIT) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == UPLOAD_PATH or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        body = bytearray()
        size, ended = 0, False
        with anyio.move_on_after(_SECONDS) as reading:
            while not ended and size <= _DRAINED:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
                piece = message.get("body", b"")
                size += len(piece)
                if size <= self._limit:
                    body += piece
                ended = not message.get("more_body", False)
        if size > self._limit:
            refusal = TooLarge(
                f"The body is larger than {self._limit // 1024} KB.", hint="Send less text at a time."
            )
            await failure(refusal)(scope, receive, send)
            return
        if reading.cancelled_caught:
            slow = InvalidInput(f"The body did not arrive within {_SECONDS:.0f} s.")
            await failure(slow)(scope, receive, send)
            return
        if holds_half_characters(body):
            halved = InvalidInput(
                "The text holds half a character (a lone surrogate).",
                hint="Cut text between characters, not within them, and send it as UTF-8.",
            )
            await failure(halved)(scope, receive, send)
            return
        given = False

        async def replayed() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, replayed, send)


def holds_half_characters(body: bytes | bytearray) -> bool:
    """Whether a JSON body has half a surrogate pair, which no other encoding (and no database) can hold."""
    if not _SURROGATE.search(body):
        return False
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    except (ValueError, RecursionError):  # whoever reads it will say so
        return False
    return False
