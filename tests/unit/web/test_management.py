"""Assistants, sources, search, status, jobs, models: what handlers hand on and give back."""

from __future__ import annotations

from pathlib import Path

import httpx
import tiny_gguf
from web_parts import House
from web_parts import house as build

from freehold.types import Turn


async def test_an_assistants_life(house: House, client: httpx.AsyncClient) -> None:
    admin = house.key()
    wish = {"id": "shop", "name": "Shop", "allowed_origins": ["https://Shop.example/"], "accent": "#123abc"}
    made = await client.post("/api/v1/assistants", json=wish, headers=admin)
    assert made.status_code == 201
    body = made.json()
    assert body["allowed_origins"] == ["https://shop.example"]
    assert body["public_token"].startswith("pub_")
    assert (await client.post("/api/v1/assistants", json=wish, headers=admin)).status_code == 409
    url = "/api/v1/assistants/shop"
    changed = await client.patch(url, json={"greeting": "Hi!", "accent": None}, headers=admin)
    assert (changed.json()["greeting"], changed.json()["accent"]) == ("Hi!", None)
    assert changed.json()["name"] == "Shop"
    for wrong in (
        {"name": None},
        {"accent": "red"},
        {"allowed_origins": ["shop"]},
        {"id": "x"},
        {"name": ""},
    ):
        assert (await client.patch(url, json=wrong, headers=admin)).status_code == 400, wrong
    token = body["public_token"]
    assert (await client.get(f"/api/v1/public/{token}")).status_code == 200
    rotated = (await client.post(f"{url}/token", headers=admin)).json()["public_token"]
    assert (await client.get(f"/api/v1/public/{token}")).status_code == 404
    assert (await client.get(f"/api/v1/public/{rotated}")).status_code == 200
    listed = (await client.get("/api/v1/assistants", headers=admin)).json()["assistants"]
    assert [each["id"] for each in listed] == ["default", "demo", "shop"]
    assert (await client.delete(url, headers=admin)).status_code == 204
    assert (await client.get(url, headers=admin)).status_code == 404
    for kept in ("default", "demo"):
        assert (await client.delete(f"/api/v1/assistants/{kept}", headers=admin)).status_code == 409


async def test_ids_of_assistants_are_slugs(house: House, client: httpx.AsyncClient) -> None:
    for wrong in ("Shop", "a b", "../x", "-a", "a" * 64, ""):
        answer = await client.post("/api/v1/assistants", json={"id": wrong}, headers=house.key())
        assert answer.status_code == 400, wrong


async def test_a_sources_life(house: House, client: httpx.AsyncClient, tmp_path: Path) -> None:
    admin = house.key()
    (tmp_path / "docs").mkdir()
    wish = {"location": str(tmp_path / "docs"), "title": "Manual"}
    added = await client.post("/api/v1/sources", json=wish, headers=admin)
    assert added.status_code == 202
    source, job = added.json()["source"], added.json()["job"]
    assert (source["assistant"], source["kind"], source["title"]) == ("default", "folder", "Manual")
    assert job["state"] == "queued"
    assert job["progress"] == {"done": 0, "total": 0, "current": ""}
    again = (await client.post("/api/v1/sources", json=wish, headers=admin)).json()
    assert again["source"]["id"] == source["id"]
    listed = await client.get("/api/v1/sources", params={"assistant": "default"}, headers=admin)
    assert [each["id"] for each in listed.json()["sources"]] == [source["id"]]
    none = await client.get("/api/v1/sources", params={"assistant": "demo"}, headers=admin)
    assert none.json()["sources"] == []
    synced = await client.post(f"/api/v1/sources/{source['id']}/sync", json={}, headers=admin)
    assert (synced.status_code, synced.json()["job"]["kind"]) == (202, "sync")
    every = await client.post("/api/v1/sync", json={}, headers=admin)
    assert (every.status_code, len(every.json()["jobs"])) == (202, 1)
    other = await client.post("/api/v1/sync", json={"assistant": "demo"}, headers=admin)
    assert other.json()["jobs"] == []
    jobs = (await client.get("/api/v1/jobs", headers=admin)).json()["jobs"]
    assert job["id"] in [each["id"] for each in jobs]
    cancelled = await client.post(f"/api/v1/jobs/{job['id']}/cancel", json={}, headers=admin)
    assert cancelled.json()["state"] == "cancelled"
    assert (await client.get("/api/v1/documents", headers=admin)).json() == {"documents": []}
    assert (await client.delete(f"/api/v1/sources/{source['id']}", headers=admin)).status_code == 204
    assert (await client.get(f"/api/v1/sources/{source['id']}", headers=admin)).status_code == 404


async def test_sources_that_cannot_be(house: House, client: httpx.AsyncClient) -> None:
    for location, status in (
        ("relative/path", 400),
        ("/nowhere/at/all", 404),
        ("file:///etc/passwd", 400),
        ("http://user:pass@host/", 400),
        ("a\0b", 400),
        ("", 400),
    ):
        answer = await client.post("/api/v1/sources", json={"location": location}, headers=house.key())
        assert answer.status_code == status, location


async def test_search_is_scoped_to_the_assistant(
    house: House, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    mine = house.services.sources.add(str(tmp_path), "default")
    house.services.sources.add(str(tmp_path), "demo")
    wish = {"query": "refunds", "history": [{"role": "user", "text": "Hello"}], "limit": 3}
    found = (await client.post("/api/v1/search", json=wish, headers=house.key("chat"))).json()
    assert found["mode"] == "words"
    passage = found["passages"][0]
    assert set(passage) == {"passage_id", "score", "lexical", "dense", "heading_path", "text", "document"}
    assert passage["document"] == {"id": 3, "title": "Refunds <script>", "location": "refunds.md"}
    assert house.search.scopes == [frozenset({mine.id})]
    assert house.search.queries[0].history == (Turn("user", "Hello"),)
    unknown = await client.post("/api/v1/search", json=wish | {"assistant": "x"}, headers=house.key("chat"))
    assert unknown.status_code == 404


async def test_removing_an_assistant_takes_its_sources(
    house: House, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    admin = house.key()
    await client.post("/api/v1/assistants", json={"id": "shop"}, headers=admin)
    source = house.services.sources.add(str(tmp_path), "shop")
    await client.delete("/api/v1/assistants/shop", headers=admin)
    assert (await client.get(f"/api/v1/sources/{source.id}", headers=admin)).status_code == 404


async def test_status(house: House, client: httpx.AsyncClient) -> None:
    body = (await client.get("/api/v1/status", headers=house.key())).json()
    assert body["home"] == str(house.config.home)
    assert body["search_mode"] == "hybrid"
    assert body["model"] is None
    assert body["jobs"] == []
    assert body["vectors"] == {"done": 0, "total": 0}
    assert {each["id"] for each in body["assistants"]} == {"default", "demo"}


async def test_back_to_quoting(house: House, client: httpx.AsyncClient) -> None:
    admin = house.key()
    assert (await client.get("/api/v1/models", headers=admin)).json() == {"models": []}
    used = await client.post("/api/v1/models/none/use", json={}, headers=admin)
    assert (used.status_code, used.json()) == (200, {"model": None})
    assert house.state["used"] == [None]
    missing = await client.post("/api/v1/models", json={"location": "/nowhere.gguf"}, headers=admin)
    assert missing.status_code == 404


async def test_what_was_measured_of_a_model_is_kept(
    house: House, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    house.services.registry.add(tiny_gguf.write(tmp_path / "m.gguf", width=32, layers=1), "m")
    body = {"task": "route", "metrics": {"accuracy": 0.9}}
    kept = await client.post("/api/v1/models/m/metrics", json=body, headers=house.key())
    assert kept.status_code == 204, kept.text
    shown = (await client.get("/api/v1/models/m", headers=house.key())).json()
    assert shown["lineage"]["metrics"] == {"route": {"accuracy": 0.9}}
    assert "| route.accuracy | 0.9 |" in (await client.get("/api/v1/models/m/card", headers=house.key())).text
    for path, wrong in (("x", body), ("m", body | {"task": "sing"}), ("m", {"task": "route"})):
        refused = await client.post(f"/api/v1/models/{path}/metrics", json=wrong, headers=house.key())
        assert refused.status_code in (400, 404, 422)
    visitor = await client.post("/api/v1/models/m/metrics", json=body, headers=house.key("chat"))
    assert visitor.status_code == 403


async def test_without_the_demo(tmp_path: Path) -> None:
    with build(tmp_path / "other", demo=False) as house:
        async with house.client() as client:
            listed = await client.get("/v1/models", headers=house.key())
            assert [each["id"] for each in listed.json()["data"]] == ["default"]
