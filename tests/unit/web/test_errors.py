"""One shape for every error, whatever raised it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from web_parts import House

from freehold import errors
from freehold.errors import FreeholdError

CLASSES = [
    error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, FreeholdError)
]


def assert_shape(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "hint"}
    assert body["error"]["code"] == code
    assert body["error"]["message"]


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
async def test_every_class_has_the_shape(
    house: House, client: httpx.AsyncClient, error: type[FreeholdError]
) -> None:
    def fail() -> None:
        raise error("It went wrong.", hint="Do this.", retry_after=7)

    house.app.add_api_route("/fails", fail)
    answer = await client.get("/fails")
    assert_shape(answer, error.status, error.code)
    assert answer.json()["error"] == {"code": error.code, "message": "It went wrong.", "hint": "Do this."}
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["cache-control"] == "no-store"


async def test_what_nobody_expected(
    house: House, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("a secret")

    house.app.add_api_route("/fails", fail)
    answer = await client.get("/fails")
    assert_shape(answer, 500, "internal")
    assert "secret" not in answer.text
    assert "ZeroDivisionError: a secret" in caplog.text
    assert "Traceback" in caplog.text


async def test_paths_and_methods_that_are_not(client: httpx.AsyncClient) -> None:
    assert_shape(await client.get("/nothing"), 404, "not_found")
    wrong = await client.put("/health")
    assert_shape(wrong, 405, "invalid_input")
    assert wrong.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"", "JSON body"),
        (b"[]", "dictionary"),
        (b"{}", "query: Field required"),
        (b'{"query": 1}', "query:"),
        (b'{"query": "?", "limit": 1e400}', "limit:"),
        (b'{"query": "?", "nope": 1}', "nope:"),
        (b'{"query": "\\ud800"}', "half a character"),
        (b'{"query": "?", "limit": 0}', "limit:"),
        (b"[" * 100_000, "cannot be read"),
        (b'{"query": "?", "limit": ' + b"9" * 5000 + b"}", ""),
    ],
)
async def test_bodies_that_do_not_fit(
    house: House, client: httpx.AsyncClient, body: bytes, says: str
) -> None:
    headers = house.key() | {"Content-Type": "application/json"}
    answer = await client.post("/api/v1/search", content=body, headers=headers)
    assert_shape(answer, 400, "invalid_input")
    assert says in answer.json()["error"]["message"]


@pytest.mark.parametrize("source", ["0", "-1", "x", str(2**63), "1" * 400, "%00"])
async def test_ids_that_cannot_be(house: House, client: httpx.AsyncClient, source: str) -> None:
    assert_shape(await client.delete(f"/api/v1/sources/{source}", headers=house.key()), 400, "invalid_input")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/assistants/never"),
        ("PATCH", "/api/v1/assistants/never"),
        ("DELETE", "/api/v1/assistants/never"),
        ("POST", "/api/v1/assistants/never/token"),
        ("GET", "/api/v1/sources?assistant=never"),
        ("GET", "/api/v1/sources/999"),
        ("POST", "/api/v1/sources/999/sync"),
        ("DELETE", "/api/v1/sources/999"),
        ("GET", "/api/v1/documents/999"),
        ("GET", "/api/v1/jobs/never"),
        ("POST", "/api/v1/jobs/never/cancel"),
        ("GET", "/api/v1/traces/never"),
        ("DELETE", "/api/v1/keys/never"),
        ("GET", "/api/v1/models/never"),
        ("DELETE", "/api/v1/models/never"),
        ("POST", "/api/v1/models/never/use"),
        ("GET", "/v1/models/never"),
        ("GET", "/api/v1/public/pub_never"),
        ("POST", "/api/v1/public/pub_never/conversations"),
    ],
)
async def test_unknown_ids(house: House, client: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await client.request(
        method, path, headers=house.key(), json={} if method in ("POST", "PATCH") else None
    )
    assert_shape(answer, 404, "not_found")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=some.one_of(
        some.binary(max_size=200),
        some.recursive(
            some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
            lambda inner: (
                some.lists(inner, max_size=4)
                | some.dictionaries(
                    some.sampled_from(
                        ["model", "messages", "role", "content", "stream", "n", "type", "text", "tools", "x"]
                    ),
                    inner,
                    max_size=5,
                )
            ),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
    )
)
async def test_no_body_is_an_internal_error(house: House, body: bytes) -> None:
    async with house.client() as client:
        headers = house.key_of_start | {"Content-Type": "application/json"}
        for path in ("/v1/chat/completions", "/v1/embeddings", "/api/v1/search", "/api/v1/keys"):
            answer = await client.post(path, content=body, headers=headers)
            assert answer.status_code < 500, (path, body, answer.text)
            if answer.status_code >= 400:
                shape: dict[str, Any] = answer.json()["error"]
                assert set(shape) == {"code", "message", "hint"}
