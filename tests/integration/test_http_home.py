"""A whole data folder behind HTTP: from an upload to answers, quoted and by the shipped fake engine."""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import tiny_gguf
from web_parts import bearer, events, until

from freehold.app import Home
from freehold.assistant import smalltalk
from freehold.assistant.work import REFUSAL
from freehold.config import Config
from freehold.serving import listen, private
from freehold.testing import FakeEngine

REFUNDS = b"""# Refunds

## How long do refunds take?

Refunds take five working days after the parcel has arrived. Gift cards are refunded as gift cards.

## Set up a return label

1. Open the order.
2. Choose Return.
3. Print the label.
"""
SAID = " ".join(["Refunds take five working days after the parcel has arrived [1]."] * 6)


@asynccontextmanager
async def knowing(
    home: Path, engine: FakeEngine | None = None, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client, with the admin's rights, of a server that has read `REFUNDS`."""
    config = Config(home=home, demo=False, **settings)
    with private(config, engine) as (url, token):
        async with httpx.AsyncClient(
            base_url=url, headers=bearer(token), trust_env=False, timeout=30
        ) as client:
            form = {"files": ("refunds.md", REFUNDS)}
            sent = await client.post("/api/v1/sources/upload", files=form)
            assert sent.status_code == 202
            await done(client, sent.json()["job"]["id"])
            yield client


async def done(client: httpx.AsyncClient, job: str) -> None:
    """Waits for a job."""
    found: dict[str, Any] = {}
    for _ in range(600):
        found = (await client.get(f"/api/v1/jobs/{job}")).json()
        if found["state"] not in ("queued", "running"):
            break
        await asyncio.sleep(0.05)
    assert found["state"] == "done", found


async def visit(client: httpx.AsyncClient, *texts: str) -> list[tuple[str, Any]]:
    """The stream of the last message of a conversation."""
    token = (await client.get("/api/v1/page")).json()["token"]
    public = f"/api/v1/public/{token}"
    started = (await client.post(f"{public}/conversations")).json()
    path = f"{public}/conversations/{started['conversation_id']}/messages"
    for text in texts:
        answer = await client.post(path, json={"text": text}, headers=bearer(started["visitor_token"]))
        assert answer.status_code == 200, answer.text
    return events(answer.text)


async def test_from_an_upload_to_a_cited_answer(tmp_path: Path) -> None:
    async with knowing(tmp_path) as client:
        page = (await client.get("/api/v1/page")).json()
        assert page["setup"]["needed"] is False
        described = (await client.get(f"/api/v1/public/{page['token']}")).json()
        assert described["suggestions"] == ["How long do refunds take?", "How do I set up a return label?"]
        assert described["mode"] == "extractive"
        stream = await visit(client, "How long do refunds take?")
        citation = next(data for name, data in stream if name == "citation")
        quote = citation["quote"]
        assert "five working days" in quote
        assert citation["text"][citation["start"] : citation["end"]] == quote
        assert citation["document"]["location"] == "refunds.md"
        text = (await client.get(f"/api/v1/documents/{citation['document']['id']}")).json()["text"]
        assert quote in text
        trace = stream[-1][1]["trace_id"]
        assert (await client.get(f"/api/v1/traces/{trace}")).json()["outcome"] == "answered"
        listed = (await client.get("/api/v1/traces")).json()["traces"]
        assert [each["id"] for each in listed] == [trace]
        refused = await visit(client, "Who won the football championship?")
        assert refused[-1][1]["outcome"] == "refused"
        assert not any(name == "citation" for name, _data in refused)


async def test_removed_is_gone(tmp_path: Path) -> None:
    async with knowing(tmp_path) as client:
        source = (await client.get("/api/v1/sources")).json()["sources"][0]
        assert (source["documents"], source["state"]) == (1, "ready")
        assert (await client.delete(f"/api/v1/sources/{source['id']}")).status_code == 204
        found = await client.post("/api/v1/search", json={"query": "refunds"})
        assert found.json()["passages"] == []


async def test_twenty_conversations_with_the_fake_engine(tmp_path: Path) -> None:
    engine = FakeEngine(tokens_per_second=20, script=SAID)
    async with knowing(tmp_path, engine, answer_memory=0) as client:  # else they would share one answer
        visits = asyncio.gather(*(visit(client, "How long do refunds take?") for _ in range(20)))
        seconds = []
        async with httpx.AsyncClient(base_url=client.base_url, trust_env=False) as prober:
            while not visits.done():
                began = time.perf_counter()
                assert (await prober.get("/health")).status_code == 200
                seconds.append(time.perf_counter() - began)
                await asyncio.sleep(0.02)
        for stream in await visits:
            assert stream[-1][0] == "message_end", stream
            assert stream[-1][1]["outcome"] == "answered"
        assert engine.most_running == 20
        assert statistics.quantiles(seconds, n=20)[-1] <= 0.25, sorted(seconds)[-20:]


async def test_twenty_who_ask_the_same_share_one_answer(tmp_path: Path) -> None:
    engine = FakeEngine(tokens_per_second=20, script=SAID)
    async with knowing(tmp_path, engine) as client:
        visits = await asyncio.gather(*(visit(client, "How long do refunds take?") for _ in range(20)))
        assert {stream[-1][1]["outcome"] for stream in visits} == {"answered"}
        assert len(engine.requests) < 20


async def test_who_goes_away_frees_the_engine(tmp_path: Path) -> None:
    engine = FakeEngine(tokens_per_second=20, script=SAID * 20)
    async with knowing(tmp_path, engine) as client:
        question = [{"role": "user", "content": "How long do refunds take?"}]
        body = {"model": "default", "messages": question, "stream": True}
        async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
            async for line in answer.aiter_lines():
                if "five working days" in line:
                    break
        gone = time.perf_counter()
        await until(lambda: engine.running == 0)
        assert time.perf_counter() - gone < 2
        assert engine.abandoned == 1
        text = (await client.get("/metrics")).text
        assert "freehold_answers_in_flight 0.0" in text
        traces = (await client.get("/api/v1/traces")).json()["traces"]
        assert traces[0]["outcome"] == "cancelled"


def test_answers_do_not_wait_for_acknowledgements() -> None:
    with listen("127.0.0.1", 0) as listening:
        with socket.create_connection(listening.getsockname()):
            accepted, _peer = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy this machine is, the model is waited for."""
    monkeypatch.setattr("freehold.assistant.brief_model.SECONDS", 60.0)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("says", "outcome", "told"),
    [
        ("out of scope", "refused", REFUSAL),
        ("person", "answered", smalltalk.PERSON),
        ("refund time", "answered", "Refunds take five working days after the parcel has arrived."),
        ("who knows", "answered", "Refunds take five working days after the parcel has arrived."),
    ],
)
async def test_a_model_tuned_to_it_routes_until_it_is_taken_away(
    tmp_path: Path, says: str, outcome: str, told: str
) -> None:
    """A real worker process; the model says one thing to everything. Its figures come while it serves."""
    measured = {"task": "route", "metrics": {"accuracy": 0.9, "labels": ["refund_time", "person", "oos"]}}
    with Home(Config(home=tmp_path / "home", demo=False)) as home:
        model = home.registry.add(tiny_gguf.write(tmp_path / "tiny.gguf", says=says), "tuned")
    async with knowing(tmp_path / "home", engine_threads=1) as client:
        used = await client.post("/api/v1/models/tuned/use", json={"task": "route"})
        assert used.status_code == 200, used.text
        noted = await client.post("/api/v1/models/tuned/metrics", json=measured)
        assert noted.status_code == 204, noted.text
        assert (await client.get("/api/v1/models/tuned")).json()["tasks"] == ["route"]
        stream = await visit(client, "How long do refunds take?")
        assert stream[-1][1]["outcome"] == outcome
        assert told in "".join(data["text"] for name, data in stream if name == "message_delta")
        trace = (await client.get(f"/api/v1/traces/{stream[-1][1]['trace_id']}")).json()
        if says == "who knows":
            assert (trace["route"], trace["route_by"]) == (None, None)
            assert trace["route_failure"] == "it wrote no label that is known: 'who knows'"
        else:
            assert (trace["route_by"], trace["route_failure"]) == (model.id, None)
            assert trace["route"]["label"] == says.replace(" ", "_")
            assert 0.9 < trace["route"]["confidence"] <= 1
        assert trace["model_id"] is None, "the answer itself is quoted"
        assert (await client.post("/api/v1/models/none/use", json={"task": "route"})).status_code == 200
        stream = await visit(client, "How long do refunds take?")
        trace = (await client.get(f"/api/v1/traces/{stream[-1][1]['trace_id']}")).json()
        assert (trace["outcome"], trace["route"], trace["route_failure"]) == ("answered", None, None)


@pytest.mark.usefixtures("patient")
async def test_a_model_tuned_to_it_puts_follow_ups_in_full(tmp_path: Path) -> None:
    """Taken up as it was when the last process ended."""
    says = "How long do refunds take?"
    with Home(Config(home=tmp_path / "home", demo=False)) as home:
        model = home.registry.add(tiny_gguf.write(tmp_path / "tiny.gguf", says=says), "tuned")
        home.registry.use("tuned", "rewrite")
    async with knowing(tmp_path / "home", engine_threads=1) as client:
        stream = await visit(client, "How do I set up a return label?", "and when is it all back?")
        trace = (await client.get(f"/api/v1/traces/{stream[-1][1]['trace_id']}")).json()
        assert (trace["rewritten_by"], trace["rewrite_failure"]) == (model.id, None)
        assert (trace["question"], trace["questions"]) == ("and when is it all back?", [says])
        assert "five working days" in "".join(
            data["text"] for name, data in stream if name == "message_delta"
        )
        assert (await client.post("/api/v1/models/none/use", json={"task": "rewrite"})).status_code == 200
        stream = await visit(client, "How do I set up a return label?", "and when is it all back?")
        trace = (await client.get(f"/api/v1/traces/{stream[-1][1]['trace_id']}")).json()
        assert (trace["rewritten_by"], trace["rewrite_failure"]) == (None, None)
        assert trace["questions"] != [says]


@pytest.mark.usefixtures("patient")
async def test_whether_search_finds_more_with_a_model_that_rewrites_is_measured_before_it_serves(
    tmp_path: Path,
) -> None:
    says, follow_up = "How long do refunds take?", "and when is it all back?"
    history = [["user", "How do I set up a return label?"], ["assistant", "Open the order."]]
    row = {"question": follow_up, "history": history, "quotes": ["Refunds take five working days"]}
    suite = tmp_path / "follow-ups.jsonl"
    suite.write_text(json.dumps(row) + "\n")
    with Home(Config(home=tmp_path / "home", demo=False)) as home:
        model = home.registry.add(tiny_gguf.write(tmp_path / "tiny.gguf", says=says), "tuned")
    async with knowing(tmp_path / "home", engine_threads=1) as client:
        found = {}
        for rewrite in ("none", "tuned"):
            wish = {"suite": str(suite), "rewrite": rewrite}
            started = (await client.post("/api/v1/evaluations", json=wish)).json()
            path = f"/api/v1/evaluations/{started['evaluation']['id']}"
            await done(client, started["job"]["id"])
            card = (await client.get(f"{path}/scorecard")).json()
            record = json.loads((await client.get(f"{path}/records")).text)
            hit = card["figures"]["search.hit@5"]["value"]
            found[rewrite] = card["facts"]["follow_ups"], record["questions"], record["rewritten_by"], hit
        assert found["none"] == ("by rule", [follow_up], None, 0.0)
        assert found["tuned"] == (f"by tuned, {model.id[:12]}", [says], model.id, 1.0)
        unknown = await client.post("/api/v1/evaluations", json={"suite": str(suite), "rewrite": "x"})
        assert unknown.status_code == 404
