"""The HTTP faces in a real uvicorn: many streams at once, clients that go away, the `openai` client."""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from web_parts import House, Running, ScriptedAnswerer, bearer, conversation, events, until
from web_parts import house as build

from freehold.errors import EngineCrashed
from freehold.types import Claim

CLAIM = Claim("Refunds take five working days.", (1,))


@contextmanager
def served(
    home: Path, answerer: ScriptedAnswerer | None = None, **settings: Any
) -> Iterator[tuple[House, str]]:
    with build(home, answerer=answerer, **settings) as house, Running(house.app) as url:
        yield house, url


def client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, trust_env=False, timeout=30)


async def test_twenty_streams_and_a_quick_health(tmp_path: Path) -> None:
    answerer = ScriptedAnswerer(claims=tuple(Claim(f" word{n}", (1,)) for n in range(60)), seconds=0.05)
    with served(tmp_path, answerer) as (house, url):
        async with client(url) as browser, client(url) as prober:

            async def visit() -> list[tuple[str, Any]]:
                async with conversation(browser, house.public()) as (path, visitor):
                    answer = await browser.post(f"{path}/messages", json={"text": "?!"}, headers=visitor)
                    assert answer.status_code == 200
                    return events(answer.text)

            visits = asyncio.gather(*(visit() for _ in range(20)))
            seconds = []
            while not visits.done():
                began = time.perf_counter()
                assert (await prober.get("/health")).status_code == 200
                seconds.append(time.perf_counter() - began)
                await asyncio.sleep(0.02)
            for stream in await visits:
                assert stream[-1][0] == "message_end"
                assert sum(name == "message_delta" for name, _data in stream) == 60
        assert answerer.most_running == 20
        assert statistics.quantiles(seconds, n=20)[-1] <= 0.25


@pytest.mark.parametrize("place", ["visitors", "openai", "openai whole"])
async def test_who_goes_away_frees_the_place(tmp_path: Path, place: str) -> None:
    answerer = ScriptedAnswerer(claims=(CLAIM,) * 1000, seconds=0.05)
    with served(tmp_path, answerer) as (house, url):
        async with client(url) as browser, conversation(browser, house.public()) as (path, visitor):
            if place == "visitors":
                target, headers, body = f"{path}/messages", visitor, {"text": "?!"}
            else:
                target, headers = "/v1/chat/completions", house.key("chat")
                question = [{"role": "user", "content": "?!"}]
                body = {"model": "default", "messages": question, "stream": place == "openai"}
            if place == "openai whole":
                waiting = asyncio.create_task(browser.post(target, json=body, headers=headers))
                await until(lambda: answerer.running)
                waiting.cancel()
            else:
                async with browser.stream("POST", target, json=body, headers=headers) as answer:
                    async for line in answer.aiter_lines():
                        if '"Refunds take five working days.' in line and "quote" not in line:
                            break
            gone = time.perf_counter()
            await until(lambda: house.app.state.desk.gate.inside == 0)
            assert time.perf_counter() - gone < 2
            assert (answerer.running, answerer.closed) == (0, 1)
            if place == "visitors":
                await until(lambda: not house.app.state.desk.answering)
                stored = (await browser.get(path, headers=visitor)).json()["messages"]
                assert [message["kind"] for message in stored] == ["incoming", "outgoing", "activity"]
                assert stored[1]["outcome"] is None
                assert stored[1]["claims"]
                assert "broke off" in stored[2]["text"]
            text = (await browser.get("/metrics")).text
            assert 'freehold_answers_total{outcome="cancelled"} 1.0' in text


async def test_a_full_house_says_503_and_recovers(tmp_path: Path) -> None:
    answerer = ScriptedAnswerer(seconds=1.0)
    with served(tmp_path, answerer, answers_at_once=2, answers_waiting=2) as (house, url):
        async with client(url) as browser:

            async def visit(path: str, visitor: dict[str, str]) -> httpx.Response:
                return await browser.post(f"{path}/messages", json={"text": "?!"}, headers=visitor)

            visits = []
            for _ in range(10):
                async with conversation(browser, house.public()) as (path, visitor):
                    visits.append((path, visitor))
            answers = await asyncio.gather(*(visit(*each) for each in visits))
            refused = [answer for answer in answers if answer.status_code == 503]
            assert len(refused) == 6
            assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
            assert all(
                events(answer.text)[-1][0] == "message_end" for answer in answers if answer not in refused
            )
            assert (await visit(*visits[0])).status_code == 200


async def test_silence_is_filled_with_pings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freehold.web.stream.PING_SECONDS", 0.1)
    with served(tmp_path, ScriptedAnswerer(seconds=0.5)) as (house, url):
        async with client(url) as browser, conversation(browser, house.public()) as (path, visitor):
            answer = await browser.post(f"{path}/messages", json={"text": "?!"}, headers=visitor)
            names = [name for name, _data in events(answer.text)]
    assert names.count("ping") >= 2
    assert [name for name in names if name != "ping"] == [
        "message_start",
        "citation",
        "message_delta",
        "message_end",
    ]


def test_the_openai_client_works_unchanged(tmp_path: Path) -> None:
    with served(tmp_path) as (house, url):
        key = house.services.keys.create("test", "chat").key
        with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as ai:
            messages: list[Any] = [{"role": "user", "content": "How long do refunds take?"}]
            whole = ai.chat.completions.create(model="default", messages=messages, temperature=0.3)
            message = whole.choices[0].message
            assert message.content == "Refunds take five working days. [1]"
            assert message.model_extra is not None
            assert message.model_extra["freehold"]["citations"][0]["document"]["location"] == "refunds.md"
            assert whole.usage is not None
            assert whole.usage.total_tokens == 5
            with ai.chat.completions.create(model="default", messages=messages, stream=True) as stream:
                chunks = list(stream)
            said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
            assert said == "Refunds take five working days. [1]"
            assert chunks[-1].model_extra is not None
            assert chunks[-1].model_extra["freehold"]["outcome"] == "answered"
            assert [model.id for model in ai.models.list()] == ["default", "demo"]
            vectors = ai.embeddings.create(model="fake-8", input=["one", "two"])
            assert [len(each.embedding) for each in vectors.data] == [8, 8]
            with pytest.raises(openai.NotFoundError, match="gpt-5"):
                ai.chat.completions.create(model="gpt-5", messages=messages)
            house.answerer.error = EngineCrashed("The model's process died.")
            with (
                pytest.raises(openai.APIError, match="died"),
                ai.chat.completions.create(model="default", messages=messages, stream=True) as stream,
            ):
                list(stream)
        with (
            openai.OpenAI(base_url=f"{url}/v1", api_key="wrong", max_retries=0) as stranger,
            pytest.raises(openai.AuthenticationError),
        ):
            stranger.models.list()


async def test_the_end_of_the_server_is_told(tmp_path: Path) -> None:
    answerer = ScriptedAnswerer(claims=(CLAIM,) * 1000, seconds=0.05)
    with build(tmp_path, answerer=answerer) as house:
        running = Running(house.app)
        with running as url:
            browser = client(url)
            async with conversation(browser, house.public()) as (path, visitor):
                stream = asyncio.create_task(
                    browser.post(f"{path}/messages", json={"text": "?!"}, headers=visitor)
                )
            question = [{"role": "user", "content": "?!"}]
            body = {"model": "default", "messages": question}
            whole = asyncio.create_task(
                browser.post("/v1/chat/completions", json=body, headers=house.key_of_start)
            )
            await until(lambda: answerer.running == 2)
            await asyncio.to_thread(running.stop)
        assert events((await stream).text)[-1][1]["error"]["message"] == "The server is stopping."
        assert (await whole).status_code == 503
        await browser.aclose()
        assert (answerer.running, answerer.closed) == (0, 2)
        talks = house.services.conversations
        known = talks.visitor("default", visitor["Authorization"].split()[1])
        stored = talks.get(path.rpartition("/")[2], known).messages
        assert [message.kind for message in stored] == ["incoming", "outgoing", "activity"]


def exchange(url: str, request: bytes) -> tuple[int, dict[str, Any]]:
    """Sends raw bytes; the status and body of what comes back."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received or not received.rstrip().endswith(b"}"):
            piece = connection.recv(65536)
            if not piece:
                break
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body[body.index(b"{") :])


def test_large_and_lying_bodies(tmp_path: Path) -> None:
    with served(tmp_path) as (_house, url):
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        plain = b"x" * 2**20
        cases = [
            head + b"Content-Length: %d\r\n\r\n" % len(plain) + plain,
            head + b"Transfer-Encoding: chunked\r\n\r\n" + b"100000\r\n" + plain + b"\r\n0\r\n\r\n",
        ]
        for request in cases:
            status, body = exchange(url, request)
            assert (status, body["error"]["code"]) == (413, "too_large")
        assert httpx.get(f"{url}/health", trust_env=False).status_code == 200


def test_a_rebound_name_reaches_nothing(tmp_path: Path) -> None:
    with served(tmp_path) as (_house, url):
        for path in (b"/", b"/api/v1/page", b"/v1/models"):
            status, body = exchange(url, b"GET " + path + b" HTTP/1.1\r\nHost: evil.example:8642\r\n\r\n")
            assert (status, body["error"]["code"]) == (400, "invalid_input")
        status, _body = exchange(url, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert status == 200


async def test_a_visitor_writes_on_after_a_restart(tmp_path: Path) -> None:
    with served(tmp_path) as (house, url):
        async with client(url) as browser:
            started = (await browser.post(f"{house.public()}/conversations")).json()
            path = f"{house.public()}/conversations/{started['conversation_id']}"
            visitor = bearer(started["visitor_token"])
            await browser.post(f"{path}/messages", json={"text": "One?"}, headers=visitor)
    with served(tmp_path) as (house, url):
        async with client(url) as browser:
            assert len((await browser.get(path, headers=visitor)).json()["messages"]) == 2
            await browser.post(f"{path}/messages", json={"text": "Two?"}, headers=visitor)
            assert [turn.text for turn in house.answerer.asked[0][0].history] == ["One?", CLAIM.text]
