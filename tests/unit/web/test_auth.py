"""Keys: scopes, revocation, what is stored; and that no administrative route forgets to ask."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from sqlalchemy import select
from web_parts import START_TOKEN, House, bearer

from freehold.config import Config
from freehold.errors import NoRoom
from freehold.store.database import Database
from freehold.store.migrations import migrate
from freehold.testing import FakeClock
from freehold.web.auth import SETTING_KEY, Keys, ensure_admin_key, keys

OPEN = {
    "/health",
    "/ready",
    "/metrics",
    "/",
    "/widget.js",
    "/assets/{name:path}",
    "/api/v1/page",
    "/openapi.json",
}
CHAT = {"/v1/models", "/v1/models/{name}", "/v1/chat/completions", "/v1/embeddings", "/api/v1/search"}


def guarded(house: House) -> list[tuple[str, str]]:
    found = []
    for path, methods in house.app.openapi()["paths"].items():
        if path not in OPEN and not path.startswith("/api/v1/public/"):
            found += [(method.upper(), path) for method in methods]
    return found


async def ask(client: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]) -> int:
    url = path.replace("{source_id}", "1").replace("{document_id}", "1").replace("{", "").replace("}", "")
    answer = await client.request(
        method, url, headers=headers, json={} if method in ("POST", "PATCH") else None
    )
    return answer.status_code


async def test_every_guarded_route_asks_for_a_key(house: House, client: httpx.AsyncClient) -> None:
    routes = guarded(house)
    assert len(routes) > 30
    revoked = house.services.keys.create("gone", "admin")
    house.services.keys.revoke(revoked.id)
    for method, path in routes:
        for headers in ({}, bearer("nonsense"), bearer("fh_admin_unknown"), bearer(revoked.key)):
            status = await ask(client, method, path, headers)
            assert status in (400, 401), (method, path, headers)
            assert status == 401 or path in CHAT or method in ("POST", "PATCH")


async def test_no_guarded_route_acts_without_a_key(house: House, client: httpx.AsyncClient) -> None:
    """Where a body is refused first, a sound one is refused for want of a key."""
    bodies = {
        "/api/v1/assistants": {"id": "new"},
        "/api/v1/sources": {"location": "/tmp"},
        "/api/v1/keys": {"name": "x"},
        "/api/v1/models": {"location": "/x"},
        "/api/v1/search": {"query": "?"},
        "/v1/chat/completions": {"model": "default", "messages": [{"role": "user", "content": "?"}]},
        "/v1/embeddings": {"model": "x", "input": "?"},
    }
    for path, body in bodies.items():
        assert (await client.post(path, json=body)).status_code == 401, path


async def test_a_chat_key_opens_chat_only(house: House, client: httpx.AsyncClient) -> None:
    chat = house.key("chat")
    for method, path in guarded(house):
        status = await ask(client, method, path, chat)
        if path in CHAT:
            assert status not in (401, 403), (method, path)
        else:
            assert status in (400, 403), (method, path)
    refused = await client.get("/api/v1/status", headers=chat)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")


async def test_a_revoked_key_stops_at_once(house: House, client: httpx.AsyncClient) -> None:
    made = (
        await client.post("/api/v1/keys", json={"name": "x", "scope": "admin"}, headers=house.key())
    ).json()
    assert made["key"].startswith("fh_admin_")
    assert (await client.get("/api/v1/keys", headers=bearer(made["key"]))).status_code == 200
    assert (await client.delete(f"/api/v1/keys/{made['id']}", headers=house.key())).status_code == 204
    assert (await client.get("/api/v1/keys", headers=bearer(made["key"]))).status_code == 401


async def test_keys_are_shown_once_and_stored_hashed(house: House, client: httpx.AsyncClient) -> None:
    made = (
        await client.post("/api/v1/keys", json={"name": "x", "scope": "chat"}, headers=house.key())
    ).json()
    assert made["key"].startswith("fh_chat_")
    listed = await client.get("/api/v1/keys", headers=house.key())
    assert made["key"] not in listed.text
    with house.services.database.read() as connection:
        hashes = connection.execute(select(keys.c.key_hash)).scalars().all()
    assert hashlib.sha256(made["key"].encode()).hexdigest() in hashes
    assert made["key"].encode() not in house.config.database.read_bytes()


async def test_the_token_of_this_start_is_an_admin_key(house: House, client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/status", headers=bearer(START_TOKEN))).status_code == 200


async def test_401_says_how(client: httpx.AsyncClient) -> None:
    refused = await client.get("/api/v1/status")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert "Authorization" in refused.json()["error"]["hint"]


def database(folder: Path) -> Database:
    made = Database(folder / "freehold.db")
    migrate(made)
    return made


def test_the_first_admin_key_is_made_once(tmp_path: Path) -> None:
    store = database(tmp_path)
    config = Config(home=tmp_path)
    key = ensure_admin_key(store, config)
    assert key is not None
    Keys(store).require(key, "admin")
    assert ensure_admin_key(store, config) is None
    store.close()


def test_the_settings_key_comes_and_goes_with_the_setting(tmp_path: Path) -> None:
    store = database(tmp_path)
    one, two = "the-first-admin-key", "the-second-admin-key"
    for value in (one, one, two):
        assert ensure_admin_key(store, Config(home=tmp_path, admin_key=value)) is None
    known = Keys(store)
    known.require(two, "admin")
    assert [key.id for key in known.list()] == [SETTING_KEY]
    with pytest.raises(Exception, match="not known"):
        known.require(one, "admin")
    assert ensure_admin_key(store, Config(home=tmp_path)) is not None
    with pytest.raises(Exception, match="not known"):
        known.require(two, "admin")
    store.close()


def test_last_use_is_noted_at_most_hourly(tmp_path: Path) -> None:
    store, clock = database(tmp_path), FakeClock()
    known = Keys(store, clock=clock)
    key = known.create("x", "chat").key
    seen = []
    for seconds in (0.0, 60.0, 3600.0):
        clock.advance(seconds)
        known.require(key, "chat")
        seen.append(known.list()[0].last_used_at)
    assert seen == [1_700_000_000.0, 1_700_000_000.0, 1_700_003_660.0]
    store.close()


def test_a_full_disk_keeps_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = database(tmp_path)
    known = Keys(store)
    key = known.create("x", "chat").key

    def full() -> None:
        raise NoRoom("The disk is full.")

    monkeypatch.setattr(store, "write", full)
    known.require(key, "chat")
    store.close()


def test_the_interface_is_described(house: House) -> None:
    described = house.app.openapi()
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation.get("summary"), (method, path)
            assert operation.get("description"), (method, path)
            assert "default" in operation["responses"], (method, path)
    assert any(isinstance(route, APIRoute) for route in house.app.routes) or described["paths"]
