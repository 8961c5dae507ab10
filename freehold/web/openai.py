"""The OpenAI-compatible interface: an assistant is a model, its answer a chat completion.

System messages and sampling parameters are taken and change nothing: what an assistant says is decided
by its documents and its own instructions. What would change the answer's form (tools, several choices) is
refused. Citations stand in the text as [1] and, whole, under `freehold`.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import asdict
from typing import Annotated, Any, Literal

import numpy as np
from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from freehold.assistant.assistants import Assistant
from freehold.assistant.conversations import HISTORY_TURNS
from freehold.errors import FreeholdError, InvalidInput, NotFound, Unavailable
from freehold.types import Claim, MessageDelta, Query, Turn, Usage
from freehold.web.answers import Shown, answer, check_length, end_json
from freehold.web.dependencies import Chat, Desk, TheDesk, TheServices
from freehold.web.gate import Place
from freehold.web.services import Services
from freehold.web.stream import EventStream, stopping, while_connected

router = APIRouter(prefix="/v1", tags=["openai"])

_EMBEDDED_AT_ONCE = 128


class ContentPart(BaseModel):
    type: str
    text: str | None = None


class ChatMessage(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None


class StreamOptions(BaseModel):
    include_usage: bool = False


class ChatRequest(BaseModel):
    """What of OpenAI's request counts here; everything else is taken and left alone."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    model: str
    """An assistant's id."""
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=1000)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int | None = None
    tools: list[dict[str, Any]] | None = None
    functions: list[dict[str, Any]] | None = None
    logprobs: bool | None = None
    response_format: dict[str, Any] | None = None


class EmbeddingRequest(BaseModel):
    """OpenAI's request for embeddings."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    model: str
    input: str | Annotated[list[str], Field(min_length=1)] | list[int] | list[list[int]]
    """A text, or at most 128 of them."""
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None


@router.get("/models", summary="The assistants, as models")
def list_models(services: TheServices, _chat: Chat) -> dict[str, Any]:
    """One for each assistant."""
    return {"object": "list", "data": [_model_json(each) for each in services.assistants.list()]}


@router.get("/models/{name}", summary="One assistant, as a model")
def get_model(services: TheServices, _chat: Chat, name: str) -> dict[str, Any]:
    """The assistant of this id."""
    return _model_json(services.assistants.get(name))


@router.post("/chat/completions", response_model=None, summary="Ask an assistant")
async def complete(
    http: Request, services: TheServices, desk: TheDesk, _chat: Chat, request: ChatRequest
) -> Response:
    """OpenAI's chat completion, whole or streamed, with citations under `freehold`."""
    query = _query(request)
    check_length(services, query.text)
    assistant = await to_thread.run_sync(services.assistants.get, request.model)
    place = desk.gate.enter()
    completion = _Completion(request.model, int(services.clock()))
    if request.stream:
        usage = request.stream_options is not None and request.stream_options.include_usage
        events = _stream(services, desk, place, query, assistant, completion, usage)
        return EventStream(events, ping=b": ping\n\n", parting=_data(stopping().as_json()), ended=place.leave)
    shown = Shown()

    async def work() -> None:
        async with aclosing(answer(services, desk, place, query, assistant, shown)) as given:
            async for _event in given:
                pass

    try:
        await while_connected(http.receive, work)
    finally:
        place.leave()
    return JSONResponse(completion.whole(shown))


@router.post("/embeddings", summary="Embed texts")
def embed(services: TheServices, _chat: Chat, request: EmbeddingRequest) -> dict[str, Any]:
    """Unit vectors by the embedding model that search uses."""
    embedder = services.embedder
    if embedder is None:
        raise Unavailable("There is no embedding model.", hint="Run `make setup`.")
    if request.model != embedder.name:
        raise NotFound(
            f"There is no embedding model {request.model[:80]!r}.", hint=f"There is: {embedder.name}."
        )
    if request.dimensions not in (None, embedder.dimensions):
        raise InvalidInput(f"dimensions: this model's vectors have {embedder.dimensions}.")
    given = [request.input] if isinstance(request.input, str) else request.input
    texts = [text for text in given if isinstance(text, str)]
    if len(texts) != len(given):
        raise InvalidInput("input: give texts, not token numbers.")
    if len(texts) > _EMBEDDED_AT_ONCE or not texts:
        raise InvalidInput(f"input: give 1 to {_EMBEDDED_AT_ONCE} texts at a time.")
    vectors = embedder.embed(texts).astype("<f4")
    used = sum(len(text.split()) for text in texts)
    return {
        "object": "list",
        "model": embedder.name,
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": vector.tolist()
                if request.encoding_format == "float"
                else base64.b64encode(np.ascontiguousarray(vector).tobytes()).decode(),
            }
            for index, vector in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": used, "total_tokens": used},
    }


class _Completion:
    """Writes one answer as OpenAI does."""

    def __init__(self, model: str, created: int) -> None:
        self._head = {"id": f"chatcmpl-{secrets.token_urlsafe(12)}", "created": created, "model": model}

    def whole(self, shown: Shown) -> dict[str, Any]:
        message = {
            "role": "assistant",
            "content": "".join(marked(claim) for claim in shown.claims),
            "refusal": None,
            "freehold": _details(shown),
        }
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return {
            **self._head,
            "object": "chat.completion",
            "choices": [choice],
            "usage": _usage(shown.end.usage if shown.end else Usage()),
        }

    def chunk(self, delta: dict[str, Any], *, finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return self._sent(choices=[choice], **more)

    def last(self, usage: Usage, **more: Any) -> bytes:
        return self._sent(choices=[], usage=_usage(usage), **more)

    def _sent(self, **values: Any) -> bytes:
        return _data({**self._head, "object": "chat.completion.chunk", **values})


def marked(claim: Claim) -> str:
    """A claim's text with its citations as [1], on a line of their own after a table or code."""
    if not claim.citations:
        return claim.text
    text = claim.text.rstrip()
    last = text.rpartition("\n")[2].strip()
    gap = "\n\n" if last.startswith(("|", "```", "~~~")) else " "
    return text + gap + "".join(f"[{number}]" for number in claim.citations)


async def _stream(
    services: Services,
    desk: Desk,
    place: Place,
    query: Query,
    assistant: Assistant,
    completion: _Completion,
    with_usage: bool,
) -> AsyncGenerator[bytes, None]:
    shown = Shown()
    yield completion.chunk({"role": "assistant", "content": ""})
    try:
        async with aclosing(answer(services, desk, place, query, assistant, shown)) as events:
            async for event in events:
                if isinstance(event, MessageDelta):
                    yield completion.chunk({"content": marked(event.claim)})
    except FreeholdError as error:
        yield _data(error.as_json())
        return
    details = _details(shown)
    yield completion.chunk({}, finish="stop", freehold=details)
    if with_usage and shown.end is not None:
        yield completion.last(shown.end.usage, freehold=details)
    yield b"data: [DONE]\n\n"


def _data(value: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()


def _query(request: ChatRequest) -> Query:
    """The last user message, and the turns before it.

    Raises:
        InvalidInput: something is asked that would change the answer's form, or nothing is asked.
    """
    form = (request.response_format or {}).get("type", "text")
    refused = {
        "n": request.n not in (None, 1),
        "tools": bool(request.tools or request.functions),
        "logprobs": bool(request.logprobs),
        "response_format": form != "text",
    }
    for name, asked in refused.items():
        if asked:
            raise InvalidInput(
                f"{name}: not offered here.", hint="Leave it out; answers are text with citations."
            )
    turns = []
    for message in request.messages:
        if message.role in ("tool", "function"):
            raise InvalidInput("messages: tools are not offered here.", hint="Send user and assistant turns.")
        if message.role in ("user", "assistant"):
            turns.append(Turn("user" if message.role == "user" else "assistant", _text(message)))
    if not turns or turns[-1].role != "user" or not turns[-1].text.strip():
        raise InvalidInput("messages: the last one must be the user's.", hint="End with the question.")
    return Query(turns[-1].text, tuple(turns[-HISTORY_TURNS - 1 : -1]))


def _text(message: ChatMessage) -> str:
    if message.content is None or isinstance(message.content, str):
        return message.content or ""
    if any(part.type not in ("text", "input_text") for part in message.content):
        raise InvalidInput("messages: only text is read.", hint="Leave images and sound out.")
    return "\n".join(part.text or "" for part in message.content)


def _details(shown: Shown) -> dict[str, Any]:
    return {
        "outcome": shown.end.outcome if shown.end else None,
        "citations": [
            {
                "number": citation.number,
                "passage_id": citation.passage_id,
                "document": asdict(citation.document),
                "quote": citation.quote,
            }
            for citation in shown.citations
        ],
        "nearby": end_json(shown.end)["nearby"] if shown.end else [],
        "choices": list(shown.end.choices) if shown.end else [],
        "trace_id": shown.trace_id,
        "timings": shown.end.timings if shown.end else {},
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


def _model_json(assistant: Assistant) -> dict[str, Any]:
    return {
        "id": assistant.id,
        "object": "model",
        "created": int(assistant.created_at),
        "owned_by": "freehold",
    }
