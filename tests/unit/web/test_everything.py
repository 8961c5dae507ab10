"""Every operation of the interface, given rubbish: refused, never broken."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from web_parts import House

NASTY = ["\x00", "..", "x" * 3000, "9" * 40, "a/b", "\U0001f600"]
BODIES: list[Any] = [
    None,
    [],
    "text",
    1e308,
    {"text": "\x00", "query": "\x00", "name": "\x00", "location": "\x00", "path": "\x00", "id": "\x00"},
    {"location": "x" * 5000, "path": "x" * 5000, "name": "x" * 5000, "id": "x" * 5000},
    {"query": "?", "history": [{"role": "system", "text": "x"}]},
    {"query": "?", "limit": 10**30},
    {"model": "default", "messages": [{"role": "user", "content": None}]},
    {"model": "default", "messages": [{"role": "user", "content": [{"type": "text"}]}]},
    {"model": "\x00", "messages": [{"role": "user", "content": "?"}]},
    {"model": "fake-8", "input": [[1], [2]]},
    {"rating": "up", "comment": "\x00"},
    {"path": "/proc/self/mem"},
    {"path": "/"},
    {"location": "http://[::1"},
    {"location": "http://\u2026/"},
    {"id": "x", "allowed_origins": ["https://\udcff.example".encode("utf-8", "replace").decode()]},
    {"id": "y", "allowed_origins": ["http://" + "a" * 190]},
]


@pytest.mark.parametrize("nasty", NASTY, ids=ascii)
async def test_paths(house: House, client: httpx.AsyncClient, nasty: str) -> None:
    for path, methods in house.app.openapi()["paths"].items():
        url = path.replace("{token}", house.public().rpartition("/")[2])
        url = re.sub(r"\{\w+\}", quote(nasty, safe=""), url)
        for method in methods:
            body = {} if method in ("post", "patch") else None
            answer = await client.request(method, url, headers=house.key_of_start, json=body)
            known = answer.status_code < 500 or answer.json()["error"]["code"] == "unavailable"
            assert known, (method, url, answer.text)
            query = dict.fromkeys(("limit", "after", "source", "assistant"), nasty)
            if method == "get":
                answer = await client.get(url, params=query, headers=house.key_of_start)
                assert answer.status_code != 500, (url, answer.text)


@pytest.mark.parametrize("number", range(len(BODIES)))
async def test_bodies(house: House, client: httpx.AsyncClient, number: int) -> None:
    started = (await client.post(f"{house.public()}/conversations")).json()
    for path, methods in house.app.openapi()["paths"].items():
        url = path.replace("{token}", house.public().rpartition("/")[2])
        url = url.replace("{conversation_id}", started["conversation_id"]).replace(
            "{assistant_id}", "default"
        )
        url = re.sub(r"\{\w+\}", "1", url)
        token = started["visitor_token"] if "/public/" in path else None
        headers = {"Authorization": f"Bearer {token}"} if token else house.key_of_start
        for method in methods:
            if method in ("post", "patch"):
                answer = await client.request(method, url, headers=headers, json=BODIES[number])
                assert answer.status_code != 500, (method, url, answer.text)
