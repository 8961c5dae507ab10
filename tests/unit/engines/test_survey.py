"""What an endpoint is asked before it becomes a model, and what has to be said where it does not tell."""

from __future__ import annotations

from typing import Any

import pytest
from replay import MODELS, Answers, replay, vllm, whole

from freehold.egress import Egress
from freehold.engines.survey import EndpointWish, Survey, survey
from freehold.errors import EndpointNonsense, InvalidInput

VLLM = "meta-llama/Llama-3.1-8B-Instruct"
MISSING = (whole({"detail": "Not Found"}, "404 Not Found"),)
OLLAMA = {
    "object": "list",
    "data": [
        {"id": "llama3.2:1b", "object": "model", "created": 1764000000, "owned_by": "library"},
        {"id": "llama3.1:8b\x1b[2J", "object": "model", "created": 1764000000, "owned_by": "library"},
    ],
}


async def found(answers: Answers = vllm, **wish: Any) -> Survey:
    async with replay(answers) as there:
        return await survey(
            EndpointWish(there.url, **wish),
            egress=Egress(allowed_private=["llm.test"]),
            environment={},
            resolve=lambda host, port: ["127.0.0.1"],
        )


def lists(value: Any) -> Answers:
    return lambda asked: (whole(value),) if asked.path == "/v1/models" else MISSING


async def test_vllm_tells_its_only_model_and_its_context() -> None:
    there = await found(price_in=0.2)
    assert there.models == (VLLM,)
    assert there.counts_tokens
    assert (there.endpoint.model, there.endpoint.context_length, there.endpoint.price_in) == (VLLM, 8192, 0.2)


async def test_less_context_may_be_said_and_more_not() -> None:
    assert (await found(context_length=4096)).endpoint.context_length == 4096
    with pytest.raises(InvalidInput, match="more than the endpoint has: 8,192"):
        await found(context_length=8193)


async def test_of_several_models_one_is_named() -> None:
    with pytest.raises(InvalidInput, match="has 2 models") as caught:
        await found(lists(OLLAMA), context_length=4096)
    assert "llama3.2:1b, llama3.1:8b [2J" in (caught.value.hint or "")
    there = await found(lists(OLLAMA), model="llama3.2:1b", context_length=4096)
    assert (there.endpoint.model, there.counts_tokens) == ("llama3.2:1b", False)
    with pytest.raises(InvalidInput, match="no model llama4"):
        await found(lists(OLLAMA), model="llama4", context_length=4096)


async def test_a_context_that_nobody_says_is_asked_for() -> None:
    with pytest.raises(InvalidInput, match="does not tell the context") as caught:
        await found(lists(OLLAMA), model="llama3.2:1b")
    assert "--context" in (caught.value.hint or "")


async def test_an_endpoint_without_a_list_needs_both() -> None:
    with pytest.raises(InvalidInput, match="does not tell its models"):
        await found(lambda asked: MISSING, context_length=4096)
    there = await found(lambda asked: MISSING, model="m", context_length=4096)
    assert (there.models, there.endpoint.model) == (None, "m")


async def test_a_wild_context_counts_as_none() -> None:
    wild = {"data": [MODELS["data"][0] | {"max_model_len": "8192"}]}
    with pytest.raises(InvalidInput, match="does not tell the context"):
        await found(lists(wild))


async def test_what_is_no_endpoint_is_said() -> None:
    with pytest.raises(EndpointNonsense):
        await found(lambda asked: (whole(b"<html>", kind="text/html"),))
