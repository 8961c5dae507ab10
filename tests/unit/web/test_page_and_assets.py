"""The page, its assets, the widget, health, readiness and metrics."""

from __future__ import annotations

import logging
from pathlib import Path

import httpx
import pytest
from web_parts import House, conversation
from web_parts import house as build

from freehold.web import page


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Freehold</title>")
    (folder / "widget.js").write_text("void 0")
    (folder / "assets" / "page.js").write_text("void 1")
    (tmp_path / "secret.js").write_text("secret")
    monkeypatch.setattr(page, "STATIC", folder)
    return folder


async def test_the_page_may_do_little(built: Path, client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert (await client.head("/")).status_code == 200


async def test_the_widget_is_for_every_site(built: Path, client: httpx.AsyncClient) -> None:
    answer = await client.get("/widget.js", headers={"Origin": "https://shop.example"})
    assert answer.status_code == 200
    assert "javascript" in answer.headers["content-type"]
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "max-age" in answer.headers["cache-control"]
    kept = await client.get("/widget.js", headers={"If-None-Match": answer.headers["etag"]})
    assert (kept.status_code, kept.content) == (304, b"")
    assert kept.headers["etag"] == answer.headers["etag"]
    assert answer.headers["content-encoding"] == "gzip"
    plain = await client.get("/widget.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == answer.text == "void 0"
    assert plain.headers["etag"] != answer.headers["etag"]
    (built / "widget.js").write_text("void 22")
    changed = await client.get("/widget.js", headers={"If-None-Match": answer.headers["etag"]})
    assert (changed.status_code, changed.text) == (200, "void 22")


async def test_assets_stay_in_their_folder(built: Path, client: httpx.AsyncClient) -> None:
    assert (await client.get("/assets/page.js")).text == "void 1"
    for path in (
        "..%2fsecret.js",
        "..%2f..%2fsecret.js",
        "%2e%2e/%2e%2e/secret.js",
        "none.js",
        "%00",
        "",
        "/x",
    ):
        assert (await client.get(f"/assets/{path}")).status_code == 404, path


async def test_a_front_end_that_was_not_built(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(page, "STATIC", tmp_path / "nowhere")
    for path in ("/", "/widget.js"):
        answer = await client.get(path)
        assert answer.status_code == 503
        assert answer.json()["error"]["hint"] == "Run `make web`."


async def test_the_page_is_for_this_machine(built: Path, house: House, tmp_path: Path) -> None:
    async with house.client(peer=("203.0.113.9", 1)) as client:
        for path in ("/", "/api/v1/page"):
            assert (await client.get(path)).status_code == 404
        assert (await client.get("/widget.js")).status_code == 200
        assert (await client.get(house.public())).status_code == 200
    async with house.client() as client:
        for path in ("/", "/api/v1/page"):
            assert (await client.get(path)).status_code == 200
            assert (await client.get(path, headers={"X-Forwarded-For": "127.0.0.1"})).status_code == 404
    with build(tmp_path / "public", page_public=True) as open_house:
        async with open_house.client(peer=("203.0.113.9", 1)) as client:
            for path in ("/", "/api/v1/page"):
                assert (await client.get(path)).status_code == 200


async def test_the_page_begins_with_the_demo_until_documents_come(
    house: House, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    assistants = house.services.assistants
    before = (await client.get("/api/v1/page")).json()
    assert before["token"] == assistants.get("demo").public_token
    assert (before["demo"], before["setup"]["needed"]) == (True, True)
    assert before["setup"]["public_token"] == assistants.get("default").public_token
    house.services.sources.add(str(tmp_path), "default")
    after = (await client.get("/api/v1/page")).json()
    assert after["token"] == assistants.get("default").public_token
    assert (after["demo"], after["setup"]["needed"]) == (False, False)


async def test_the_page_without_a_demo(tmp_path: Path) -> None:
    with build(tmp_path / "home", demo=False) as house:
        async with house.client() as client:
            body = (await client.get("/api/v1/page")).json()
            assert body["assistant"]["id"] == "default"
            assert (body["demo"], body["setup"]["needed"]) == (False, True)


async def test_health_and_readiness(house: House, client: httpx.AsyncClient) -> None:
    assert (await client.get("/health")).json() == {"status": "ok"}
    assert (await client.get("/ready")).json() == {"status": "ready"}
    house.state["unready"] = "The index is being rebuilt."
    assert (await client.get("/health")).status_code == 200
    answer = await client.get("/ready")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["error"]["message"] == "The index is being rebuilt."


async def test_metrics(house: House, client: httpx.AsyncClient) -> None:
    async with conversation(client, house.public()) as (path, visitor):
        await client.post(f"{path}/messages", json={"text": "How long?"}, headers=visitor)
        await client.get("/nothing/at/all")
        text = (await client.get("/metrics")).text
    assert 'freehold_answers_total{outcome="answered"} 1.0' in text
    assert "freehold_answer_seconds_count 1.0" in text
    assert "freehold_answers_in_flight 0.0" in text
    assert "freehold_memory_bytes 1.0" in text
    assert 'route="/api/v1/public/{token}/conversations/{conversation_id}/messages"' in text
    assert 'route="other",status="404"' in text
    assert "pub_" not in text
    assert "cnv_" not in text


async def test_metrics_are_not_for_everybody(house: House) -> None:
    async with house.client(peer=("203.0.113.9", 1)) as client:
        assert (await client.get("/metrics")).status_code == 401
        assert (await client.get("/metrics", headers=house.key("chat"))).status_code == 403
        assert (await client.get("/metrics", headers=house.key())).status_code == 200


async def test_the_access_log_keeps_secrets(
    house: House, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "freehold.access"):
        await client.get("/v1/models?secret=hush", headers=house.key())
        await client.get("/x%0aforged")
    lines = [record.getMessage() for record in caplog.records if record.name == "freehold.access"]
    assert lines[0].startswith("GET /v1/models 200 ")
    assert "hush" not in caplog.text
    assert "fh_admin" not in caplog.text
    assert lines[1].startswith("GET /x%0Aforged 404 ")


async def test_openapi_is_there_and_its_pages_are_not(client: httpx.AsyncClient) -> None:
    assert (await client.get("/openapi.json")).json()["info"]["title"] == "Freehold"
    for path in ("/docs", "/redoc"):
        assert (await client.get(path)).status_code == 404
