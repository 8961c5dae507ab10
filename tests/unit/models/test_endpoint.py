"""Descriptions of remote models: what is refused, and that the same description has the same id."""

from typing import Any

import pytest

from freehold.errors import InvalidInput
from freehold.models.endpoint import Endpoint, is_address


def made(**changes: Any) -> Endpoint:
    return Endpoint(**({"url": "https://llm.test/v1", "model": "m", "context_length": 8192} | changes))


def test_the_same_description_has_the_same_id() -> None:
    assert made().id == made(url=" HTTPS://LLM.test/v1/ ").id == Endpoint.from_json(made().as_json()).id
    assert len({made().id, made(model="n").id, made(price_in=0.1).id, made(key_variable="K").id}) == 4


def test_where_it_is() -> None:
    assert (made().host, made().port, made().encrypted) == ("llm.test", 443, True)
    near = made(url="http://[::1]:8000/v1")
    assert (near.host, near.port, near.encrypted) == ("::1", 8000, False)


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "ftp://llm.test/v1"},
        {"url": "https:///v1"},
        {"url": "https://llm.test:99999/v1"},
        {"url": "https://llm.test:0/v1"},
        {"url": "https://me:secret@llm.test/v1"},
        {"url": "https://llm.test/v1?key=secret"},
        {"url": "https://llm.test/v1\r\nX: y"},
        {"url": "https://[::1/v1"},
        {"model": ""},
        {"model": "a\nb"},
        {"model": "x" * 301},
        {"context_length": 0},
        {"context_length": True},
        {"context_length": 2**40},
        {"key_variable": "sk-abc"},
        {"key_variable": ""},
        {"key_variable": "FREEHOLD_ADMIN_KEY"},
        {"price_in": -1.0},
        {"price_out": float("nan")},
    ],
)
def test_what_cannot_be_is_refused_without_repeating_secrets(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        made(**changes)
    assert "secret" not in caught.value.message
    assert "sk-abc" not in caught.value.message


def test_other_json_is_refused() -> None:
    with pytest.raises(InvalidInput):
        Endpoint.from_json({"url": "https://llm.test/v1", "key": "x"})


def test_an_address_is_told_from_a_path() -> None:
    assert is_address("HTTPS://llm.test/v1")
    assert not is_address("models/http.gguf")
