"""The OpenAI-compatible interface, request by request."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import numpy as np
import pytest
from web_parts import House

from freehold.errors import EngineCrashed
from freehold.types import Claim, Turn
from freehold.web.openai import marked

QUESTION = {"role": "user", "content": "How long do refunds take?"}


async def complete(house: House, client: httpx.AsyncClient, **request: Any) -> httpx.Response:
    body = {"model": "default", "messages": [QUESTION], **request}
    return await client.post("/v1/chat/completions", json=body, headers=house.key("chat"))


async def test_a_whole_completion(house: House, client: httpx.AsyncClient) -> None:
    house.answerer.claims = (
        Claim("Refunds take five working days.", (1,)),
        Claim(" Bring a receipt.", (1, 2)),
    )
    body = (await complete(house, client)).json()
    assert body["object"] == "chat.completion"
    assert body["model"] == "default"
    choice = body["choices"][0]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"] == "Refunds take five working days. [1] Bring a receipt. [1][2]"
    details = choice["message"]["freehold"]
    assert details["outcome"] == "answered"
    assert details["citations"] == [
        {
            "number": 1,
            "passage_id": 7,
            "document": {"id": 3, "title": "Refunds <script>", "location": "refunds.md"},
            "quote": "Refunds take five working days.",
        }
    ]
    assert details["trace_id"] == "trc_1"
    assert details["timings"] == {"total": 1.5}
    assert body["usage"]["prompt_tokens"] == 3
    assert body["usage"]["total_tokens"] == 5


async def test_a_stream(house: House, client: httpx.AsyncClient) -> None:
    answer = await complete(house, client, stream=True, stream_options={"include_usage": True})
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[1]["choices"][0]["delta"] == {"content": "Refunds take five working days. [1]"}
    assert chunks[2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[2]["freehold"]["outcome"] == "answered"
    assert chunks[3]["choices"] == []
    assert chunks[3]["usage"]["completion_tokens"] == 2
    assert chunks[3]["freehold"] == chunks[2]["freehold"]


async def test_an_error_in_the_stream(house: House, client: httpx.AsyncClient) -> None:
    house.answerer.error = EngineCrashed("The model's process died.")
    answer = await complete(house, client, stream=True)
    last = json.loads(answer.text.rstrip("\n").rpartition("\n\n")[2].removeprefix("data: "))
    assert last["error"]["code"] == "engine_crashed"
    whole = await complete(house, client)
    assert (whole.status_code, whole.json()["error"]["code"]) == (502, "engine_crashed")
    assert house.app.state.desk.gate.inside == 0


async def test_turns_before_and_parts(house: House, client: httpx.AsyncClient) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": [{"type": "text", "text": "Hi."}]},
        {"role": "user", "content": [{"type": "text", "text": "How"}, {"type": "text", "text": "long?"}]},
    ]
    answer = await complete(house, client, messages=messages, temperature=0.2, seed=3, n=1, user="x", top_p=1)
    assert answer.status_code == 200
    query = house.answerer.asked[0][0]
    assert query.text == "How\nlong?"
    assert query.history == (Turn("user", "Hello"), Turn("assistant", "Hi."))


@pytest.mark.parametrize(
    ("request_", "status", "says"),
    [
        ({"model": "gpt-5"}, 404, "gpt-5"),
        ({"n": 2}, 400, "n:"),
        ({"tools": [{"type": "function"}]}, 400, "tools"),
        ({"response_format": {"type": "json_object"}}, 400, "response_format"),
        ({"logprobs": True}, 400, "logprobs"),
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "assistant", "content": "Hi"}]}, 400, "last"),
        ({"messages": [{"role": "system", "content": "Hi"}]}, 400, "last"),
        ({"messages": [{"role": "user", "content": "  "}]}, 400, "last"),
        ({"messages": [{"role": "tool", "content": "x"}, QUESTION]}, 400, "tools"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, 400, "text"),
        ({"messages": [{"role": "user", "content": "x" * 8001}]}, 413, "8000"),
    ],
)
async def test_what_is_not_offered(
    house: House, client: httpx.AsyncClient, request_: dict[str, Any], status: int, says: str
) -> None:
    refused = await complete(house, client, **request_)
    assert refused.status_code == status
    assert says in refused.json()["error"]["message"]
    assert house.answerer.asked == []


async def test_an_unknown_model_names_those_there_are(house: House, client: httpx.AsyncClient) -> None:
    refused = await complete(house, client, model="gpt-5")
    assert "default" in refused.json()["error"]["hint"]
    assert "demo" in refused.json()["error"]["hint"]


async def test_models_are_assistants(house: House, client: httpx.AsyncClient) -> None:
    chat = house.key("chat")
    listed = (await client.get("/v1/models", headers=chat)).json()
    assert {model["id"] for model in listed["data"]} == {"default", "demo"}
    assert (await client.get("/v1/models/default", headers=chat)).json()["object"] == "model"


async def test_embeddings(house: House, client: httpx.AsyncClient) -> None:
    chat = house.key("chat")
    request = {"model": "fake-8", "input": ["one apple", "two pears"]}
    plain = (await client.post("/v1/embeddings", json=request, headers=chat)).json()
    packed = await client.post("/v1/embeddings", json=request | {"encoding_format": "base64"}, headers=chat)
    for one, other in zip(plain["data"], packed.json()["data"], strict=True):
        vector = np.frombuffer(base64.b64decode(other["embedding"]), "<f4")
        assert vector.shape == (8,)
        np.testing.assert_array_equal(np.float32(one["embedding"]), vector)
    assert plain["usage"]["total_tokens"] == 4
    for wrong, status in (
        ({"model": "other"}, 404),
        ({"input": [1, 2]}, 400),
        ({"input": []}, 400),
        ({"input": ["x"] * 129}, 400),
        ({"dimensions": 4}, 400),
    ):
        assert (await client.post("/v1/embeddings", json=request | wrong, headers=chat)).status_code == status


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("A sentence.", "A sentence. [1]"),
        ("\n\n- one\n- two\n", "\n\n- one\n- two [1]"),
        ("```\ncode\n```", "```\ncode\n```\n\n[1]"),
        ("| a |\n| - |\n| b |", "| a |\n| - |\n| b |\n\n[1]"),
    ],
)
def test_marks_break_nothing(text: str, shown: str) -> None:
    assert marked(Claim(text, (1,))) == shown
    assert marked(Claim(text, ())) == text
