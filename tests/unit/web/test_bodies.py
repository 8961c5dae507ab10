"""Text that no database could hold is refused before anything tries."""

from __future__ import annotations

import httpx
import pytest
from web_parts import House, conversation

from freehold.web.bodies import holds_half_characters

JSON = {"Content-Type": "application/json"}
HALVES = [rb"\ud800", rb"\uDFFF", rb"\ude00\ud83d", rb"a\u0000\ud83d b"]


@pytest.mark.parametrize("text", HALVES)
async def test_half_a_character_is_refused_everywhere(
    house: House, client: httpx.AsyncClient, text: bytes
) -> None:
    async with conversation(client, house.public()) as (path, visitor):
        bodies = [
            (f"{path}/messages", b'{"text":"%s"}' % text, visitor),
            (f"{path}/messages", b'{"%s":"unknown"}' % text, visitor),
            ("/api/v1/search", b'{"query":"%s"}' % text, house.key()),
            (
                "/v1/chat/completions",
                b'{"model":"default","messages":[{"role":"user","content":"%s"}]}' % text,
                house.key("chat"),
            ),
            ("/v1/embeddings", b'{"model":"x","input":["%s"]}' % text, house.key("chat")),
        ]
        for where, body, key in bodies:
            answer = await client.post(where, content=body, headers=JSON | key)
            assert answer.status_code == 400, (where, answer.text)
            assert answer.json()["error"]["code"] == "invalid_input"
            assert "half a character" in answer.json()["error"]["message"]
    assert house.answerer.asked == []


async def test_whole_characters_written_as_pairs_are_taken(house: House, client: httpx.AsyncClient) -> None:
    body = rb'{"query":"refunds \ud83d\ude00 \\ud800"}'  # a smile, and a backslash before the letters
    answer = await client.post("/api/v1/search", content=body, headers=JSON | house.key())
    assert answer.status_code == 200, answer.text
    assert house.search.queries[0].text == "refunds \U0001f600 \\ud800"


def test_what_is_no_json_is_left_to_who_reads_it() -> None:
    assert not holds_half_characters(rb'{"text": "\ud800')
    assert not holds_half_characters(rb"[" * 100_000 + rb'"\ud800"')
