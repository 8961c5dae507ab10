"""Assistants in the database: what every start makes, what can be changed, what cannot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from freehold.assistant.assistants import DEFAULT, DEMO, Assistants
from freehold.errors import Conflict, InvalidInput, NotFound
from freehold.store.database import Database
from freehold.store.migrations import migrate


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "freehold.db")
    migrate(made)
    yield made
    made.close()


def test_every_start_makes_what_is_missing(database: Database) -> None:
    assistants = Assistants(database)
    assistants.ensure()
    made = {each.id: each for each in assistants.list()}
    assert set(made) == {DEFAULT, DEMO}
    assistants.update(DEFAULT, {"name": "Ada"})
    assistants.ensure()
    assert assistants.get(DEFAULT).name == "Ada"
    assert assistants.get(DEFAULT).public_token == made[DEFAULT].public_token


def test_a_demo_that_is_off_does_not_exist(database: Database) -> None:
    Assistants(database).ensure()
    token = Assistants(database).get(DEMO).public_token
    without = Assistants(database, demo=False)
    without.ensure()
    assert [each.id for each in without.list()] == [DEFAULT]
    with pytest.raises(NotFound, match="demo") as refused:
        without.get(DEMO)
    assert DEMO not in (refused.value.hint or "")
    with pytest.raises(NotFound):
        without.by_token(token)
    assert Assistants(database).by_token(token).id == DEMO


def test_tokens_open_one_assistant_each(database: Database) -> None:
    assistants = Assistants(database)
    assistants.ensure()
    tokens = {each.public_token: each.id for each in assistants.list()}
    assert len(tokens) == 2
    assert {assistants.by_token(token).id for token in tokens} == set(tokens.values())
    before = assistants.get(DEFAULT).public_token
    after = assistants.rotate_token(DEFAULT).public_token
    assert before != after
    with pytest.raises(NotFound):
        assistants.by_token(before)
    with pytest.raises(NotFound):
        assistants.by_token("")


def test_refused_changes_change_nothing(database: Database) -> None:
    assistants = Assistants(database)
    made = assistants.create("shop", name="Shop", allowed_origins=["https://a.example", "https://A.example/"])
    assert made.allowed_origins == ("https://a.example",)
    for wrong in (
        {"accent": "url(x)"},
        {"allowed_origins": ["https://a.example", "x"]},
        {"accent": "#12345"},
    ):
        with pytest.raises(InvalidInput):
            assistants.update("shop", {"name": "Other", **wrong})
    assert assistants.get("shop") == made
    with pytest.raises(Conflict):
        assistants.create("shop")
    with pytest.raises(InvalidInput):
        assistants.create("Shop!")


def test_those_that_every_start_needs_stay(database: Database) -> None:
    assistants = Assistants(database)
    assistants.ensure()
    for needed in (DEFAULT, DEMO):
        with pytest.raises(Conflict):
            assistants.remove(needed)
    assistants.create("shop")
    assistants.remove("shop")
    with pytest.raises(NotFound):
        assistants.get("shop")
