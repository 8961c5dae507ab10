"""A remote model from `model add` to an answer: the wheel's own server over HTTP, and our real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tiny_gguf
from llama_server import llama_server

from freehold.egress import Egress
from freehold.engines.base import Finished, Generation, TextDelta
from freehold.engines.remote import RemoteEngine
from freehold.engines.survey import EndpointWish, survey
from freehold.errors import EgressDenied, EndpointRefused, InvalidInput
from freehold.models.endpoint import Endpoint
from freehold.types import Turn

KEY = "sk-of-the-endpoint"
SAYS = "A refund reaches your account within five working days. [1]"
PAGE = (
    "# Returns\n\n## How long do refunds take?\n\nA refund reaches your account within five working days.\n"
)

Ran = subprocess.CompletedProcess[str]
Run = Callable[..., Ran]
LOCAL = Egress(allowed_private=["127.0.0.1"])


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    model = tiny_gguf.write(tmp_path_factory.mktemp("models") / "tiny.gguf", says=SAYS, context=4096)
    with llama_server(model, KEY) as address:
        yield address


@pytest.fixture
def freehold(tmp_path: Path) -> Iterator[Run]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FREEHOLD_")}
    environment |= {
        "FREEHOLD_HOME": str(tmp_path / "home"),
        "FREEHOLD_ALLOWED_PRIVATE": '["127.0.0.1"]',
        "ENDPOINT_KEY": KEY,
    }

    def run(*arguments: str) -> Ran:
        return subprocess.run(
            [sys.executable, "-m", "freehold.cli", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    yield run
    run("down")


def test_from_an_address_to_an_answer(freehold: Run, url: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "returns.md").write_text(PAGE)
    assert freehold("up", "--detach", "--port", "0", "--no-demo").returncode == 0
    assert freehold("add", str(tmp_path / "docs")).returncode == 0
    options = ("--name", "far", "--key-variable", "ENDPOINT_KEY", "--price-in", "0.1")
    added = freehold("model", "add", url, *options)
    assert added.returncode == 0, added.stderr
    assert added.stdout.startswith("far  ")
    assert added.stdout.endswith("  tiny, 4,096 tokens\n")
    shown = json.loads(freehold("model", "show", "far", "--json").stdout)
    assert (shown["format"], shown["facts"]["price_in"]) == ("openai", 0.1)
    assert KEY not in json.dumps(shown)

    used = freehold("model", "use", "far")
    assert used.returncode == 0, used.stderr
    asked = freehold("ask", "How long do refunds take?", "--json")
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    assert answer["outcome"] == "answered"
    assert "within five working days" in answer["answer"]
    assert shown["id"][:12] in freehold("trace", answer["trace_id"]).stdout, "the endpoint wrote it"

    suite = tmp_path / "suite.csv"
    suite.write_text("question,answer\nHow long do refunds take?,within five working days\n")
    evaluated = freehold("evaluate", str(suite), "--model", "far", "--json")
    assert evaluated.returncode == 0, evaluated.stderr
    assert json.loads(evaluated.stdout)["evaluations"][0]["figures"]

    assert KEY.encode() not in (tmp_path / "home" / "freehold.db").read_bytes()


async def test_the_wheels_server_is_surveyed_counted_and_cut_to_size(url: str) -> None:
    environment = {"K": KEY}
    found = await survey(EndpointWish(url, key_variable="K"), egress=LOCAL, environment=environment)
    assert (found.models, found.counts_tokens) == (("tiny",), True)
    assert (found.endpoint.model, found.endpoint.context_length) == ("tiny", 4096)
    engine = RemoteEngine(found.endpoint, egress=LOCAL, environment=environment)
    try:
        await engine.start()
        assert await engine.count_tokens("a b c") == 5
        asked = Generation((Turn("user", "How long?"),), max_tokens=50)
        *deltas, last = [event async for event in engine.generate(asked)]
        assert "".join(each.text for each in deltas if isinstance(each, TextDelta)) == SAYS
        assert isinstance(last, Finished)
        assert last.usage.completion_tokens == len(deltas) + 1, "the end of the turn is a token, too"
        assert last.usage.prompt_tokens > 20
        with pytest.raises(InvalidInput, match="context holds 4096"):
            await anext(engine.generate(Generation((Turn("user", "x " * 4096),))))
    finally:
        await engine.close()


async def test_a_context_that_the_endpoint_has_not_is_its_own_error(url: str) -> None:
    endpoint = Endpoint(url, "tiny", 100_000, "K")
    engine = RemoteEngine(endpoint, egress=LOCAL, environment={"K": KEY})
    try:
        with pytest.raises(InvalidInput, match="does not fit the context"):
            await anext(engine.generate(Generation((Turn("user", "x " * 4096),))))
    finally:
        await engine.close()


async def test_a_private_address_must_be_allowed(url: str) -> None:
    with pytest.raises(EgressDenied, match=r"127\.0\.0\.1 is a private address"):
        await survey(EndpointWish(url), egress=Egress())


async def test_a_wrong_key_is_refused(url: str) -> None:
    wish = EndpointWish(url, key_variable="K")
    with pytest.raises(EndpointRefused, match="does not know us"):
        await survey(wish, egress=LOCAL, environment={"K": "another"})
