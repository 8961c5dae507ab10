"""What may be asked of an engine beside its words, by both bindings: form, sampling, log-probabilities."""

import asyncio
import json
import logging
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import tiny_gguf

from freehold.engines.base import Finished, Generation, TextDelta, TokenLogprob
from freehold.engines.local import LocalEngine
from freehold.errors import FreeholdError, InvalidInput, ModelRejected
from freehold.types import Turn

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"label": {"enum": ["billing", "delivery"]}, "sure": {"type": "boolean"}},
    "required": ["label", "sure"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf.write(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture(params=["own", "server"])
async def engine(tiny: Path, request: pytest.FixtureRequest) -> AsyncIterator[LocalEngine]:
    made = LocalEngine(tiny, "tiny", context=2048, binding=request.param)
    yield made
    await made.close()


async def answer(engine: LocalEngine, **asked: Any) -> tuple[str, list[TokenLogprob], Finished]:
    request = Generation((Turn("user", asked.pop("text", "Hello")),), **{"max_tokens": 60, **asked})
    events = [event async for event in engine.generate(request)]
    deltas = [event for event in events if isinstance(event, TextDelta)]
    assert isinstance(events[-1], Finished)
    logprobs = [each for delta in deltas for each in delta.logprobs]
    return "".join(delta.text for delta in deltas), logprobs, events[-1]


async def test_grammars_and_schemas(engine: LocalEngine) -> None:
    text, _, ended = await answer(engine, grammar='root ::= "yes" | "no"')
    assert text in ("yes", "no")
    assert ended.reason == "stop"
    found = json.loads((await answer(engine, json_schema=SCHEMA))[0])
    assert set(found) == {"label", "sure"}
    with pytest.raises(FreeholdError, match="grammar"):
        await answer(engine, grammar="root ::= ((")
    assert (await answer(engine))[0], "the worker goes on"


async def test_log_probabilities(engine: LocalEngine) -> None:
    text, logprobs, ended = await answer(engine, max_tokens=8, logprobs=5)
    assert len(logprobs) == ended.usage.completion_tokens == 8
    assert "".join(each.text for each in logprobs) == text
    for each in logprobs:
        assert len(each.top) == 5
        assert each.top[0].token == each.token, "greedy"
        assert list(each.top) == sorted(each.top, key=lambda one: -one.logprob)
        assert sum(math.exp(one.logprob) for one in each.top) <= 1.0001
    _, alone, _ = await answer(engine, max_tokens=3, logprobs=0)
    assert [each.top for each in alone] == [()] * 3


async def test_both_bindings_say_the_same(tiny: Path) -> None:
    own, server = (LocalEngine(tiny, "tiny", context=2048, binding=binding) for binding in ("own", "server"))
    try:
        for text in ("Hello", "the order — ü", "a " * 300):
            first, second = await asyncio.gather(
                *(answer(engine, text=text, max_tokens=40, logprobs=3) for engine in (own, server))
            )
            assert first[0] == second[0]
            assert first[2].usage.prompt_tokens == second[2].usage.prompt_tokens
            for mine, theirs in zip(first[1], second[1], strict=True):
                assert mine.token == theirs.token
                assert mine.logprob == pytest.approx(theirs.logprob, abs=0.02)
    finally:
        await own.close()
        await server.close()


async def test_sampling(engine: LocalEngine) -> None:
    said = {seed: (await answer(engine, temperature=1.5, seed=seed))[0] for seed in (1, 2)}
    assert said[1] != said[2]
    assert (await answer(engine, temperature=1.5, seed=1))[0] == said[1]
    greedy = (await answer(engine))[0]
    assert (await answer(engine, temperature=1.5, top_k=1))[0] == greedy


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"max_tokens": 10**9}, "max_tokens is 1,000,000,000; it lies between 1 and 1,000,000"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"temperature": -1.0}, "temperature is -1"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"logprobs": 1_000}, "logprobs is 1,000"),
        ({"stop": ("x",) * 100}, "100 stop texts"),
        ({"grammar": "root ::= [a]", "json_schema": {}}, "not both"),
    ],
)
def test_impossible_requests_are_named(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        Generation((Turn("user", "Hello"),), **asked)


async def test_an_unknown_build_falls_back_to_the_wheels_server(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    another = tmp_path / "xllamacpp-2026.7.9999.dist-info"
    another.mkdir()
    (another / "METADATA").write_text("Metadata-Version: 2.1\nName: xllamacpp\nVersion: 2026.7.9999\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    engine = LocalEngine(tiny, "tiny", context=1024, binding="auto")
    try:
        with caplog.at_level(logging.WARNING):
            assert (await answer(engine))[0]
        assert "xllamacpp 2026.7.9999 is installed, 2026.10.11549 is known" in caplog.text
        assert "The server of its wheel runs the model instead" in caplog.text
    finally:
        await engine.close()
    only = LocalEngine(tiny, "tiny", context=1024, binding="own")
    try:
        with pytest.raises(ModelRejected, match=r"This build of llama\.cpp is not known"):
            await only.start()
    finally:
        await only.close()
