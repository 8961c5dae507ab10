"""Speaks to the endpoint of a remote model: asks, waits, asks again where that is safe, tells failures apart.

Every connection goes through `net`. The key is read from the environment when it is sent and kept nowhere. A
question is sent again only while the endpoint has said nothing of an answer: after a connection that did not
come about, or where it asks to be asked again (429 or 503 with Retry-After) within the time that the first
words may take. Never after that. Knows nothing of what is asked.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from freehold.egress import Egress
from freehold.engines.endpoint_faults import MAX_FAULT_BYTES, Faults
from freehold.errors import (
    EndpointRefused,
    EngineCrashed,
    FetchFailed,
    FreeholdError,
    InvalidInput,
    Overloaded,
    TooLarge,
)
from freehold.models.endpoint import Endpoint
from freehold.net.connection import Resolve
from freehold.net.session import Reply, Session, Unanswered

MAX_JSON_BYTES = 8 * 2**20
PAUSES = (0.2, 1.0)
"""Seconds before a connection is tried again."""
MISSING = frozenset({404, 405, 501})


@dataclass(frozen=True, slots=True)
class Waits:
    """How long things may take, in seconds."""

    connect: float = 10.0
    first: float = 120.0
    """From the question to the answer's first words, attempts included."""
    between: float = 60.0
    """Between two pieces of an answer."""
    whole: float = 600.0
    """A whole answer."""
    look: float = 15.0
    """Counting tokens, listing models."""


WAITS = Waits()


class EndpointClient:
    """One endpoint, its connections kept open. Belongs to one event loop."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        egress: Egress,
        waits: Waits,
        environment: Mapping[str, str],
        resolve: Resolve,
    ) -> None:
        """The endpoint's host counts as named by a command; a private address must be allowed besides.

        Raises:
            InvalidInput: a key would be sent unencrypted to a host that is not known to be private.
        """
        egress = egress.with_named(endpoint.host, endpoint.port)
        private = egress.permits_private(endpoint.host, endpoint.port)
        if endpoint.key_variable is not None and not endpoint.encrypted and not private:
            raise InvalidInput(
                f"A key is not sent over http to {endpoint.host}: anyone on the way could read it.",
                hint=f'Use https; for a private network, allowed_private = ["{endpoint.host}"].',
            )
        self.waits = waits
        self._endpoint = endpoint
        self._environment = environment
        self._session = Session(endpoint.url, egress=egress, connect_seconds=waits.connect, resolve=resolve)
        self._base = f"/{endpoint.url.partition('://')[2].partition('/')[2]}".rstrip("/")
        self._closed = False

    @property
    def faults(self) -> Faults:
        """Makes this endpoint's errors.

        Raises:
            EndpointRefused: there is no key where one should be.
        """
        return Faults(self._endpoint, self._key())

    async def close(self) -> None:
        """Ends the connections; requests in flight fail by EngineCrashed."""
        self._closed = True
        await self._session.close()

    async def ask(self, body: Mapping[str, Any], held: AsyncExitStack, begun: float) -> Reply:
        """Sends a question; gives the head of its answer, which `held` closes.

        Raises:
            EgressDenied: nothing allows the host or its address.
            FreeholdError: there is no answer, after as many attempts as are safe.
        """
        latest = begun + self.waits.first
        headers = self._headers() | {"Accept": "text/event-stream"}
        path, content = f"{self._base}/chat/completions", _encoded(body)
        for attempt in range(len(PAUSES) + 1):
            pause: float | None = None
            try:
                async with asyncio.timeout(latest - time.monotonic()):
                    request = self._session.request("POST", path, headers=headers, body=content)
                    reply = await held.enter_async_context(request)
                    if reply.status == 200:
                        return reply
                    failure = await self._refusal(reply)
                    await held.aclose()
            except TimeoutError:
                raise self.faults.timed_out("did not begin to answer within", self.waits.first) from None
            except Unanswered as error:
                failure = self._unanswered(error)
                pause = None if self._closed or attempt == len(PAUSES) else PAUSES[attempt]
            except FetchFailed as error:
                raise self._stopped() or self.faults.nonsense(error.message) from None
            if isinstance(failure, Overloaded) and attempt < len(PAUSES):
                pause = failure.retry_after
            if pause is None or time.monotonic() + pause >= latest:
                raise failure
            await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    async def next(self, pieces: AsyncIterator[bytes], begun: float, *, answering: bool) -> bytes | None:
        """The next bytes of an answer, which has begun if `answering`; None at their end.

        Raises:
            FreeholdError: they do not come, or not in time.
        """
        waits, now = self.waits, time.monotonic()
        whole = begun + waits.whole
        latest = now + waits.between if answering else begun + waits.first
        try:
            async with asyncio.timeout(min(latest, whole) - now):
                return await anext(pieces, None)
        except TimeoutError:
            if whole < latest:
                raise self.faults.timed_out("did not end its answer within", waits.whole) from None
            if answering:
                raise self.faults.timed_out("fell silent in an answer for", waits.between) from None
            raise self.faults.timed_out("did not begin to answer within", waits.first) from None
        except TooLarge as error:
            raise self.faults.nonsense(f"an answer without end ({error.message})") from None
        except FetchFailed as error:
            raise self._stopped() or self.faults.broke_off(error.message) from None

    async def models(self) -> list[dict[str, Any]] | None:
        """What the endpoint says of its models, each with its `id`; None where it does not tell.

        Raises:
            FreeholdError: it cannot be asked, or says nonsense.
        """
        found = await self._json("GET", f"{self._base}/models")
        if found is None:
            return None
        listed = found.get("data") if isinstance(found, dict) else None
        if not isinstance(listed, list) or not all(
            isinstance(each, dict) and isinstance(each.get("id"), str) for each in listed
        ):
            raise self.faults.nonsense("a list of models that is none")
        return listed

    async def count(self, text: str) -> int | None:
        """Tokens of a text by the endpoint's own count; None where it does not count.

        One request that both vLLM and llama-server understand: each passes over the other's fields.

        Raises:
            FreeholdError: it cannot be asked.
        """
        body = {
            "model": self._endpoint.model,
            "prompt": text,
            "add_special_tokens": False,
            "content": text,
            "add_special": False,
        }
        found = await self._json("POST", f"{self._base.removesuffix('/v1')}/tokenize", _encoded(body))
        tokens = found.get("tokens") if isinstance(found, dict) else None
        return len(tokens) if isinstance(tokens, list) else None

    async def _json(self, method: str, path: str, body: bytes = b"") -> Any:
        """The value of a small answer; None where there is nothing at this path."""
        try:
            async with (
                asyncio.timeout(self.waits.look),
                self._session.request(method, path, headers=self._headers(), body=body) as reply,
            ):
                if reply.status in MISSING:
                    return None
                if reply.status != 200:
                    raise await self._refusal(reply)
                return json.loads(await reply.body(MAX_JSON_BYTES))
        except TimeoutError:
            raise self.faults.timed_out("said nothing for", self.waits.look) from None
        except Unanswered as error:
            raise self._unanswered(error) from None
        except (FetchFailed, TooLarge) as error:
            raise self._stopped() or self.faults.nonsense(error.message) from None
        except (ValueError, RecursionError):
            raise self.faults.nonsense("no JSON where JSON was asked for") from None

    async def _refusal(self, reply: Reply) -> FreeholdError:
        try:
            body = await reply.body(MAX_FAULT_BYTES)
        except (TooLarge, FetchFailed):
            body = b""
        return self.faults.refusal(reply.status, reply.headers, body)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        key = self._key()
        return headers if key is None else headers | {"Authorization": f"Bearer {key}"}

    def _key(self) -> str | None:
        variable = self._endpoint.key_variable
        if variable is None:
            return None
        key = self._environment.get(variable, "").strip()
        if not key or not key.isascii() or not key.isprintable():
            raise EndpointRefused(
                f"The environment variable {variable}, for the key of {self._endpoint.url}, holds none.",
                hint="Set it where the server is started, and start the server again.",
            )
        return key

    def _unanswered(self, error: Unanswered) -> FreeholdError:
        return self._stopped() or self.faults.unreachable(error.message, error.hint)

    def _stopped(self) -> FreeholdError | None:
        if not self._closed:
            return None
        return EngineCrashed("The model was stopped while it answered.", hint="Ask again.")


def _encoded(body: Mapping[str, Any]) -> bytes:
    """JSON; half characters, which no endpoint takes, become question marks."""
    return json.dumps(body, ensure_ascii=False).encode(errors="replace")
