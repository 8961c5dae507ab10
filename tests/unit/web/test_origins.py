"""Hosts and origins: DNS rebinding, foreign pages, preflights, callers' addresses."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from web_parts import House
from web_parts import house as build

from freehold.assistant.assistants import normalised_origin
from freehold.errors import InvalidInput
from freehold.web.callers import Callers

SHOP = "https://shop.example"


def allow(house: House, *origins: str) -> None:
    house.services.assistants.update("default", {"allowed_origins": list(origins)})


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:1", "app.localhost:8642", "127.0.0.1:8642", "127.9.9.9", "[::1]:8642", "[::1]"],
)
async def test_loopback_names_are_ours(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get("/health", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8642", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""],
)
async def test_other_names_are_refused(client: httpx.AsyncClient, host: str) -> None:
    for path in ("/health", "/", "/api/v1/page", "/v1/models"):
        refused = await client.get(path, headers={"Host": host})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_input")
        assert "FREEHOLD_ALLOWED_HOSTS" in refused.json()["error"]["hint"]


async def test_named_hosts_are_ours(tmp_path: Path) -> None:
    with build(tmp_path / "home", host="10.1.2.3", allowed_hosts=("Help.Example.com",)) as house:
        async with house.client() as client:
            for host, status in (("10.1.2.3:8642", 200), ("help.example.com", 200), ("x.example.com", 400)):
                assert (await client.get("/health", headers={"Host": host})).status_code == status


async def test_a_wildcard_address_is_no_name(tmp_path: Path) -> None:
    with build(tmp_path / "home", host="0.0.0.0") as house:
        async with house.client() as client:
            assert (await client.get("/health", headers={"Host": "0.0.0.0:8642"})).status_code == 400


async def test_a_foreign_page_is_refused_until_it_is_allowed(house: House, client: httpx.AsyncClient) -> None:
    url = f"{house.public()}/conversations"
    refused = await client.post(url, headers={"Origin": SHOP})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
    assert "access-control-allow-origin" not in refused.headers
    assert refused.headers["vary"] == "Origin"
    allow(house, "HTTPS://Shop.Example:443")
    started = await client.post(url, headers={"Origin": SHOP})
    assert started.status_code == 201
    assert started.headers["access-control-allow-origin"] == SHOP
    assert "Origin" in started.headers["vary"]
    assert "access-control-allow-credentials" not in started.headers
    for origin in ("http://shop.example", "https://shop.example:444", "https://a.shop.example", "null", "x"):
        assert (await client.post(url, headers={"Origin": origin})).status_code == 403, origin


async def test_errors_reach_an_allowed_page(house: House, client: httpx.AsyncClient) -> None:
    allow(house, SHOP)
    for url, body in (
        (f"{house.public()}/conversations/x/messages", {"text": "?"}),
        (f"{house.public()}/no", {}),
    ):
        refused = await client.post(url, json=body, headers={"Origin": SHOP})
        assert refused.status_code in (401, 404)
        assert refused.headers["access-control-allow-origin"] == SHOP
    huge = await client.post(
        f"{house.public()}/conversations", content=b"x" * 2**20, headers={"Origin": SHOP}
    )
    assert huge.status_code == 413
    assert huge.headers["access-control-allow-origin"] == SHOP


async def test_a_star_allows_every_page(house: House, client: httpx.AsyncClient) -> None:
    allow(house, "*")
    for origin in (SHOP, "null"):
        answer = await client.get(house.public(), headers={"Origin": origin})
        assert answer.headers["access-control-allow-origin"] == origin


async def test_preflights(house: House, client: httpx.AsyncClient) -> None:
    headers = {
        "Origin": SHOP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    url = f"{house.public()}/conversations/cnv_x/messages"
    assert (await client.options(url, headers=headers)).status_code == 403
    allow(house, SHOP)
    answer = await client.options(url, headers=headers)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["access-control-allow-methods"] == "GET, POST"
    assert answer.headers["access-control-allow-headers"] == "Authorization, Content-Type"
    assert answer.headers["vary"] == "Origin"
    assert (await client.options("/api/v1/public/pub_x", headers=headers)).status_code == 404


async def test_one_assistants_origins_are_not_anothers(house: House, client: httpx.AsyncClient) -> None:
    allow(house, SHOP)
    assert (await client.get(house.public("demo"), headers={"Origin": SHOP})).status_code == 403


async def test_own_pages_are_fine_behind_tls_too(tmp_path: Path) -> None:
    with build(tmp_path / "home", allowed_hosts=("help.example",)) as house:
        async with house.client() as client:
            for host, origin, status in (
                ("help.example", "https://help.example", 200),
                ("help.example:443", "https://help.example", 200),
                ("localhost:8642", "http://localhost:8642", 200),
                ("localhost:8642", "http://localhost:9999", 403),
                ("localhost:8642", "http://127.0.0.1:8642", 403),
                ("help.example", "https://help.example.evil.example", 403),
            ):
                answer = await client.get(house.public(), headers={"Host": host, "Origin": origin})
                assert answer.status_code == status, (host, origin)


async def test_foreign_pages_change_nothing(house: House, client: httpx.AsyncClient) -> None:
    admin = house.key()
    for method, path in (
        ("POST", "/api/v1/stop"),
        ("DELETE", "/api/v1/keys/x"),
        ("POST", "/v1/chat/completions"),
    ):
        for origin in (SHOP, "null", "http://localhost:1"):
            refused = await client.request(method, path, headers=admin | {"Origin": origin})
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
    assert house.state["stopped"] is False
    own = await client.post("/api/v1/stop", headers=admin | {"Origin": "http://localhost:8642"})
    assert own.status_code == 202
    assert house.state["stopped"] is True


async def test_no_cors_beyond_the_public_endpoints(house: House, client: httpx.AsyncClient) -> None:
    allow(house, "*")
    for path in ("/v1/models", "/api/v1/status", "/health", "/api/v1/page"):
        answer = await client.get(path, headers=house.key() | {"Origin": SHOP})
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "text",
    [
        "",
        "shop.example",
        "ftp://shop.example",
        "https://",
        "https://shop.example/path",
        "https://a b",
        "null",
        "https://u:p@shop.example",
        "https://shop.example:x",
        "https://shop.example?x",
        "https://[::1",
        "javascript:x",
    ],
)
def test_what_is_no_origin(text: str) -> None:
    with pytest.raises(InvalidInput):
        normalised_origin(text)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (" HTTPS://Shop.Example:443/ ", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("http://shop.example:8080", "http://shop.example:8080"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_origins_are_written_one_way(text: str, normal: str) -> None:
    assert normalised_origin(text) == normal


def scope(peer: str, **headers: str) -> dict[str, object]:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "client": (peer, 1), "headers": raw}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address", "local"),
    [
        ("127.0.0.1", None, "127.0.0.1", True),
        ("::1", None, "::1", True),
        ("::ffff:127.0.0.1", None, "127.0.0.1", True),
        ("203.0.113.9", None, "203.0.113.9", False),
        ("203.0.113.9", "127.0.0.1", "203.0.113.9", False),
        ("127.0.0.1", "203.0.113.9", "127.0.0.1", False),
        ("10.0.0.2", "203.0.113.9", "203.0.113.9", False),
        ("10.0.0.2", "127.0.0.1, 203.0.113.9", "203.0.113.9", False),
        ("10.0.0.2", "203.0.113.9, 10.0.0.3", "203.0.113.9", False),
        ("10.0.0.2", "garbage", "10.0.0.2", False),
        ("10.0.0.2", "127.0.0.1", "127.0.0.1", True),
        ("10.0.0.2", "[2001:db8::1]:99", "2001:db8::1", False),
        ("10.0.0.2", "203.0.113.9:4711", "203.0.113.9", False),
    ],
)
def test_whose_word_is_taken_for_an_address(
    peer: str, forwarded: str | None, address: str, local: bool
) -> None:
    callers = Callers(("10.0.0.0/24",))
    made = scope(peer, **({"x_forwarded_for": forwarded} if forwarded is not None else {}))
    assert str(callers.address(made)) == address
    assert callers.local(made) is local


def test_one_ipv6_network_is_one_caller() -> None:
    callers = Callers(())
    buckets = {callers.bucket(scope(peer)) for peer in ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1")}
    assert len(buckets) == 2


def test_a_proxy_that_is_no_address() -> None:
    with pytest.raises(InvalidInput, match="trusted_proxies"):
        Callers(("proxy.example",))
