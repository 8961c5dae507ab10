"""Visitors' endpoints: conversations, the stream, feedback, limits."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from web_parts import CITATION, House, ScriptedAnswerer, bearer, conversation, events, until
from web_parts import house as build

from freehold.assistant.conversations import Conversations
from freehold.errors import EngineCrashed, NoRoom
from freehold.types import Claim, Turn


async def test_describes_the_assistant(house: House, client: httpx.AsyncClient) -> None:
    body = (await client.get(house.public())).json()
    assert body["assistant"]["id"] == "default"
    assert body["suggestions"] == []
    assert body["ready"] is True
    assert body["mode"] == "extractive"
    house.state["unready"] = "Loading."
    assert (await client.get(house.public())).json()["ready"] is False


async def test_streams_an_answer_and_keeps_it(house: House, client: httpx.AsyncClient) -> None:
    async with conversation(client, house.public()) as (path, visitor):
        answer = await client.post(f"{path}/messages", json={"text": "How long?"}, headers=visitor)
        assert answer.headers["content-type"].startswith("text/event-stream")
        names = [name for name, _data in events(answer.text)]
        assert names == ["message_start", "citation", "message_delta", "message_end"]
        data = dict(events(answer.text))
        assert data["message_start"]["conversation_id"] == path.rpartition("/")[2]
        assert data["citation"]["quote"] == CITATION.quote
        assert data["citation"]["document"]["location"] == "refunds.md"
        assert data["message_delta"] == {"text": "Refunds take five working days.", "citations": [1]}
        end = data["message_end"]
        assert end["outcome"] == "answered"
        assert end["trace_id"] == "trc_1"
        assert end["usage"]["completion_tokens"] == 2
        near = {"id": 3, "title": "Refunds <script>", "location": "refunds.md", "heading_path": ["Refunds"]}
        assert end["nearby"] == [near]

        stored = (await client.get(path, headers=visitor)).json()
        assert [message["kind"] for message in stored["messages"]] == ["incoming", "outgoing"]
        outgoing = stored["messages"][1]
        assert outgoing["id"] == end["message_id"] == data["message_start"]["message_id"]
        assert outgoing["text"] == "Refunds take five working days."
        assert outgoing["claims"] == [data["message_delta"]]
        assert outgoing["citations"] == [data["citation"]]
        assert outgoing["outcome"] == "answered"
        assert outgoing["feedback"] is None


async def test_passes_the_turns_before(house: House, client: httpx.AsyncClient) -> None:
    async with conversation(client, house.public()) as (path, visitor):
        for text in ("One?", "Two?"):
            await client.post(f"{path}/messages", json={"text": text}, headers=visitor)
    query, assistant, _instructions = house.answerer.asked[1]
    assert (query.text, assistant) == ("Two?", "default")
    assert query.history == (Turn("user", "One?"), Turn("assistant", "Refunds take five working days."))


async def test_history_is_bounded(house: House, client: httpx.AsyncClient) -> None:
    async with conversation(client, house.public()) as (path, visitor):
        for number in range(8):
            await client.post(f"{path}/messages", json={"text": f"{number}?"}, headers=visitor)
    history = house.answerer.asked[-1][0].history
    assert len(history) == 10
    assert history[-2:] == (Turn("user", "6?"), Turn("assistant", "Refunds take five working days."))


async def test_a_known_visitor_keeps_its_token(house: House, client: httpx.AsyncClient) -> None:
    first = (await client.post(f"{house.public()}/conversations")).json()
    again = await client.post(f"{house.public()}/conversations", headers=bearer(first["visitor_token"]))
    assert again.json()["visitor_token"] == first["visitor_token"]
    assert again.json()["conversation_id"] != first["conversation_id"]
    other = await client.post(f"{house.public()}/conversations", headers=bearer("vis_unknown"))
    assert other.json()["visitor_token"] not in ("vis_unknown", first["visitor_token"])


async def test_another_visitors_ids_are_unknown_ids(house: House, client: httpx.AsyncClient) -> None:
    async with (
        conversation(client, house.public()) as (path, visitor),
        conversation(client, house.public()) as (_other_path, other),
    ):
        answer = await client.post(f"{path}/messages", json={"text": "Mine."}, headers=visitor)
        message = dict(events(answer.text))["message_start"]["message_id"]
        unknown = f"{house.public()}/conversations/cnv_unknown"
        pairs = (
            ((path, "GET", None), (unknown, "GET", None)),
            ((f"{path}/messages", "POST", {"text": "?"}), (f"{unknown}/messages", "POST", {"text": "?"})),
            (
                (f"{house.public()}/messages/{message}/feedback", "POST", {"rating": "up"}),
                (f"{house.public()}/messages/msg_unknown/feedback", "POST", {"rating": "up"}),
            ),
        )
        for foreign, never in pairs:
            answers = [
                await client.request(method, url, json=body, headers=other)
                for url, method, body in (foreign, never)
            ]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert answers[0].json() == answers[1].json()
        assert len((await client.get(path, headers=visitor)).json()["messages"]) == 2


async def test_a_visitor_of_one_assistant_is_nobody_to_another(
    house: House, client: httpx.AsyncClient
) -> None:
    async with conversation(client, house.public("demo")) as (path, visitor):
        foreign = path.replace(house.public("demo"), house.public("default"))
        assert (await client.get(foreign, headers=visitor)).status_code == 401


@pytest.mark.parametrize(
    "headers", [{}, bearer("vis_x"), bearer("fh_admin_x"), {"Authorization": "Basic eA=="}]
)
async def test_a_conversation_needs_its_token(
    house: House, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    async with conversation(client, house.public()) as (path, _visitor):
        refused = await client.get(path, headers=headers)
        assert refused.status_code == 401
        assert refused.json()["error"]["code"] == "unauthorized"


async def test_feedback_is_kept_and_replaced(house: House, client: httpx.AsyncClient) -> None:
    async with conversation(client, house.public()) as (path, visitor):
        answer = await client.post(f"{path}/messages", json={"text": "How long?"}, headers=visitor)
        message = dict(events(answer.text))["message_start"]["message_id"]
        url = f"{house.public()}/messages/{message}/feedback"
        for rating in ("up", "down"):
            rated = await client.post(url, json={"rating": rating, "comment": "x"}, headers=visitor)
            assert rated.status_code == 204
            assert rated.content == b""
            stored = (await client.get(path, headers=visitor)).json()["messages"]
            assert stored[1]["feedback"] == rating
        incoming = f"{house.public()}/messages/{stored[0]['id']}/feedback"
        assert (await client.post(incoming, json={"rating": "up"}, headers=visitor)).status_code == 404
        assert (await client.post(url, json={"rating": "meh"}, headers=visitor)).status_code == 400


async def test_an_error_in_the_middle_becomes_an_event(house: House, client: httpx.AsyncClient) -> None:
    house.answerer.error = EngineCrashed("The model's process died.", hint="Ask again.")
    async with conversation(client, house.public()) as (path, visitor):
        answer = await client.post(f"{path}/messages", json={"text": "How long?"}, headers=visitor)
        names = [name for name, _data in events(answer.text)]
        assert names == ["message_start", "citation", "message_delta", "error"]
        error = events(answer.text)[-1][1]["error"]
        assert error == {
            "code": "engine_crashed",
            "message": "The model's process died.",
            "hint": "Ask again.",
        }
        kinds = [
            (message["kind"], message["outcome"])
            for message in (await client.get(path, headers=visitor)).json()["messages"]
        ]
        assert kinds == [("incoming", None), ("outgoing", None), ("activity", None)]
        house.answerer.error = None
        again = await client.post(f"{path}/messages", json={"text": "And now?"}, headers=visitor)
        assert events(again.text)[-1][0] == "message_end"


async def test_what_nobody_expected_says_nothing_of_itself(
    house: House, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    house.answerer.error = ZeroDivisionError("secret detail")
    async with conversation(client, house.public()) as (path, visitor):
        answer = await client.post(f"{path}/messages", json={"text": "How long?"}, headers=visitor)
        assert events(answer.text)[-1][1]["error"]["code"] == "internal"
        assert "secret" not in answer.text
    assert "secret detail" in caplog.text


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [("", 400, "invalid_input"), (" \n", 400, "invalid_input"), ("x" * 8001, 413, "too_large")],
)
async def test_questions_that_are_none(
    house: House, client: httpx.AsyncClient, text: str, status: int, code: str
) -> None:
    async with conversation(client, house.public()) as (path, visitor):
        refused = await client.post(f"{path}/messages", json={"text": text}, headers=visitor)
        assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
        assert (await client.get(path, headers=visitor)).json()["messages"] == []


async def test_one_answer_at_a_time(house: House, client: httpx.AsyncClient) -> None:
    house.answerer.hold = asyncio.Event()
    async with conversation(client, house.public()) as (path, visitor):
        first = asyncio.create_task(client.post(f"{path}/messages", json={"text": "One?"}, headers=visitor))
        await until(lambda: house.answerer.running)
        second = await client.post(f"{path}/messages", json={"text": "Two?"}, headers=visitor)
        assert (second.status_code, second.json()["error"]["code"]) == (409, "conflict")
        assert second.headers["retry-after"] == "2"
        house.answerer.hold.set()
        assert (await first).status_code == 200
        third = await client.post(f"{path}/messages", json={"text": "Three?"}, headers=visitor)
        assert third.status_code == 200


async def test_what_cannot_be_stored_is_not_answered(
    house: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_more: object) -> None:
        raise NoRoom("The disk is full.")

    desk = house.app.state.desk
    async with conversation(client, house.public()) as (path, visitor):
        monkeypatch.setattr(Conversations, "ask", full)
        refused = await client.post(f"{path}/messages", json={"text": "?!"}, headers=visitor)
        assert (refused.status_code, refused.json()["error"]["code"]) == (507, "no_room")
        assert house.answerer.asked == []
        assert (desk.gate.inside, desk.answering) == (0, set())
        monkeypatch.undo()
        monkeypatch.setattr(Conversations, "answered", full)
        unsaved = await client.post(f"{path}/messages", json={"text": "?!"}, headers=visitor)
        assert events(unsaved.text)[-1] == ("error", refused.json())
        assert (desk.gate.inside, desk.answering) == (0, set())


async def test_a_full_gate_says_when_to_come_back(tmp_path: Path) -> None:
    answerer = ScriptedAnswerer(hold=asyncio.Event())
    with build(tmp_path / "home", answerer=answerer, answers_at_once=1, answers_waiting=1) as house:
        async with house.client() as client:
            waiting = []
            for _ in range(2):
                async with conversation(client, house.public()) as (path, visitor):
                    asking = client.post(f"{path}/messages", json={"text": "?!"}, headers=visitor)
                    waiting.append(asyncio.create_task(asking))
            await until(lambda: house.app.state.desk.gate.inside == 2)
            async with conversation(client, house.public()) as (path, visitor):
                refused = await client.post(f"{path}/messages", json={"text": "?!"}, headers=visitor)
                assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
                assert int(refused.headers["retry-after"]) >= 1
                assert (await client.get(path, headers=visitor)).json()["messages"] == []
            assert answerer.most_running == 1
            assert answerer.hold is not None
            answerer.hold.set()
            assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200, 200]
            assert answerer.most_running == 1
            assert house.app.state.desk.gate.inside == 0


async def test_limits_by_visitor(tmp_path: Path) -> None:
    with build(tmp_path / "home", visitor_messages_per_minute=2) as house:
        async with house.client() as client, conversation(client, house.public()) as (path, visitor):
            statuses = []
            for _ in range(3):
                answer = await client.post(f"{path}/messages", json={"text": "?!"}, headers=visitor)
                statuses.append(answer.status_code)
            assert statuses == [200, 200, 429]
            assert answer.json()["error"]["code"] == "rate_limited"
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            async with conversation(client, house.public()) as (path, visitor):
                answer = await client.post(f"{path}/messages", json={"text": "?!"}, headers=visitor)
                assert answer.status_code == 200


async def test_limits_by_address(tmp_path: Path) -> None:
    settings = {"address_messages_per_minute": 2, "trusted_proxies": ("127.0.0.1",)}
    with build(tmp_path / "home", **settings) as house:
        async with house.client() as client:
            for address, expected in (("203.0.113.7", [200, 200, 429]), ("203.0.113.8", [200])):
                forwarded = {"X-Forwarded-For": f"198.51.100.1, {address}"}
                started = await client.post(f"{house.public()}/conversations", headers=forwarded)
                body = started.json()
                path = f"{house.public()}/conversations/{body['conversation_id']}/messages"
                headers = bearer(body["visitor_token"]) | forwarded
                found = [
                    (await client.post(path, json={"text": "?!"}, headers=headers)).status_code
                    for _ in expected
                ]
                assert found == expected


async def test_starting_conversations_is_limited_too(tmp_path: Path) -> None:
    with build(tmp_path / "home", address_messages_per_minute=2) as house:
        async with house.client() as client:
            statuses = [(await client.post(f"{house.public()}/conversations")).status_code for _ in range(3)]
            assert statuses == [201, 201, 429]


async def test_a_message_of_a_megabyte(house: House, client: httpx.AsyncClient) -> None:
    async with conversation(client, house.public()) as (path, visitor):
        refused = await client.post(f"{path}/messages", json={"text": "x" * 2**20}, headers=visitor)
        assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")


async def test_claims_of_many_lines_travel_whole(house: House, client: httpx.AsyncClient) -> None:
    text = "1. One\r\n2. Two\n\n| a | b |\u2028"
    house.answerer.claims = (Claim(text, (1,)),)
    async with conversation(client, house.public()) as (path, visitor):
        answer = await client.post(f"{path}/messages", json={"text": "?!"}, headers=visitor)
        assert dict(events(answer.text))["message_delta"]["text"] == text
