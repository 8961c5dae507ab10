"""A model at an OpenAI-compatible endpoint (vLLM, llama-server, Ollama and others), as an `Engine`.

What the endpoint writes is untrusted, as any model's words are; `assistant` checks it as it checks all.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AsyncExitStack, aclosing, suppress
from typing import Any

from freehold.egress import Egress
from freehold.engines.base import TURN_TOKENS, Finished, Generation, TextDelta
from freehold.engines.chat_stream import ChatStream
from freehold.engines.endpoint_client import WAITS, EndpointClient, Waits
from freehold.errors import EndpointRefused, FreeholdError, InvalidInput
from freehold.models.chat_marks import parted
from freehold.models.endpoint import Endpoint
from freehold.net.connection import Resolve, resolve
from freehold.types import Usage

STREAM_BYTES = 2**20
STREAM_BYTES_A_TOKEN = 4_096
"""A chunk of one token is about 300 bytes; so many may an answer's stream have."""
BYTES_A_TOKEN = 3
"""For estimates: English has about 4.3 in Llama's vocabularies, other languages fewer."""


class RemoteEngine:
    """Implements `Engine` over an endpoint; belongs to one event loop."""

    def __init__(
        self,
        endpoint: Endpoint,
        model_id: str | None = None,
        *,
        egress: Egress,
        waits: Waits = WAITS,
        environment: Mapping[str, str] = os.environ,
        resolve: Resolve = resolve,
    ) -> None:
        """Opens no connection yet.

        Raises:
            InvalidInput: a key would be sent unencrypted to a host that is not known to be private.
        """
        self.model_id = model_id or endpoint.id
        self.context_length = endpoint.context_length
        self.counts_tokens: bool | None = None
        """Whether the endpoint counts tokens for us, once that was tried; else they are estimated."""
        self._endpoint = endpoint
        self._client = EndpointClient(
            endpoint, egress=egress, waits=waits, environment=environment, resolve=resolve
        )

    async def start(self) -> None:
        """Asks the endpoint for its models, where it tells.

        Raises:
            EndpointRefused: it does not know us, or has not the model.
            FreeholdError: it cannot be asked.
        """
        models = await self._client.models()
        if models is not None and self._endpoint.model not in {each["id"] for each in models}:
            shown = ", ".join(self._client.faults.quoted(each["id"]) for each in models[:8])
            raise EndpointRefused(
                f"The endpoint {self._endpoint.url} has no model {self._endpoint.model}.",
                hint=f"It has: {shown or 'none'}.",
            )

    async def generate(self, request: Generation) -> AsyncGenerator[TextDelta | Finished, None]:
        """See `Engine.generate`. Processor seconds are the endpoint's own affair and stay 0.

        Raises:
            InvalidInput: also a grammar, log-probabilities or an adapter: endpoints have no words for them in
                common.
            EgressDenied: nothing allows its host or address.
            EndpointError: it failed, in one of the ways that its kinds tell apart.
        """
        _check_understood(request)
        begun = time.monotonic()
        client, texts = self._client, [request.system, *(turn.text for turn in request.messages)]
        body = self._body(request, await self._room(texts, request.max_tokens))
        stream = ChatStream(client.faults)
        async with AsyncExitStack() as held:
            reply = await client.ask(body, held, begun)
            if reply.content_type != "text/event-stream":
                said = reply.content_type or "nothing of its type"
                raise client.faults.nonsense(f"{said} where a stream was asked for")
            limit = STREAM_BYTES + STREAM_BYTES_A_TOKEN * request.max_tokens
            pieces = await held.enter_async_context(aclosing(reply.pieces(limit)))
            while not stream.done:
                piece = await client.next(pieces, begun, answering=stream.chunks > 0)
                if piece is None:
                    break
                for text in stream.feed(piece):
                    yield TextDelta(text)
            reason = stream.ended()
            if stream.done:
                with suppress(TimeoutError, FreeholdError):  # read to its end, the connection is kept
                    async with asyncio.timeout(1):
                        await anext(pieces, None)
        yield Finished(reason, _usage(texts, stream, time.monotonic() - begun))

    async def count_tokens(self, text: str) -> int:
        """See `Engine.count_tokens`: counted by the endpoint where it can (vLLM and llama-server can).

        Elsewhere estimated, as a token for each 3 bytes begun: more than there are in most texts.
        """
        counted = await self._counted(text)
        return _estimate([text]) if counted is None else counted

    async def close(self) -> None:
        """Ends the connections; requests in flight fail by EngineCrashed."""
        await self._client.close()

    async def _counted(self, text: str) -> int | None:
        if self.counts_tokens is False:
            return None
        counted = await self._client.count(text)
        self.counts_tokens = counted is not None
        return counted

    async def _room(self, texts: list[str], wanted: int) -> int:
        """Tokens that the answer may have: those wanted, or what the prompt leaves of the context.

        A prompt cannot have more tokens than bytes, so that most need no counting.
        """
        around = TURN_TOKENS * (len(texts) + 1)
        if _size(texts) + around + wanted <= self.context_length:
            return wanted
        counted = await self._counted("\n".join(texts))
        if counted is not None and counted >= self.context_length:
            raise InvalidInput(
                f"The prompt has {counted} tokens; the model's context holds {self.context_length}.",
                hint="Ask a shorter question.",
            )
        prompt = _estimate(texts) if counted is None else counted
        return max(1, min(wanted, self.context_length - prompt - around))

    def _body(self, request: Generation, max_tokens: int) -> dict[str, Any]:
        system = [{"role": "system", "content": request.system}] if request.system else []
        turns = [{"role": turn.role, "content": turn.text} for turn in request.messages]
        return {
            "model": self._endpoint.model,
            # Servers take control tokens in a message for commands; which this model has is not known here.
            "messages": [each | {"content": parted(each["content"])} for each in (*system, *turns)],
            "max_tokens": max_tokens,
            "temperature": request.temperature,
            **(_sampling(request) if request.temperature > 0 else {}),
            **({"stop": list(request.stop)} if request.stop else {}),
            **({"seed": request.seed} if request.seed is not None else {}),
            **({"response_format": _form(request.json_schema)} if request.json_schema is not None else {}),
            "stream": True,
            "stream_options": {"include_usage": True},
        }


def _check_understood(request: Generation) -> None:
    """
    Raises:
        InvalidInput: it asks for what endpoints do not have in common.
    """
    for name, value in (
        ("A grammar", request.grammar),
        ("Log-probabilities", request.logprobs),
        ("An adapter", request.adapter),
    ):
        if value is not None:
            raise InvalidInput(
                f"{name} cannot be asked of a model that another server runs.",
                hint="Use a model here; of a remote one, a JSON schema can be asked.",
            )


def _sampling(request: Generation) -> dict[str, Any]:
    """`top_p` is the interface's; vLLM and llama-server know the others, too."""
    return {"top_p": request.top_p, "top_k": request.top_k, "min_p": request.min_p}


def _form(schema: Mapping[str, Any]) -> dict[str, Any]:
    described = {"name": "answer", "schema": dict(schema), "strict": True}
    return {"type": "json_schema", "json_schema": described}


def _usage(texts: Iterable[str], stream: ChatStream, seconds: float) -> Usage:
    """What the endpoint counted; where it does not, estimates."""
    return Usage(
        prompt_tokens=_estimate(texts) if stream.prompt_tokens is None else stream.prompt_tokens,
        cached_tokens=stream.cached_tokens,
        completion_tokens=stream.chunks if stream.completion_tokens is None else stream.completion_tokens,
        wall_seconds=seconds,
    )


def _size(texts: Iterable[str]) -> int:
    return sum(len(text.encode(errors="replace")) for text in texts)


def _estimate(texts: Iterable[str]) -> int:
    return -(-_size(texts) // BYTES_A_TOKEN)
