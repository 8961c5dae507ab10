"""Runs are looked up, and one that is damaged keeps nobody from the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from freehold.errors import Conflict
from freehold.evaluation.rehearsals import RUN, Rehearsals, Wish
from freehold.store.database import Database
from freehold.store.jobs import Jobs
from freehold.store.migrations import migrate


def test_a_damaged_run_is_passed_over_in_lists_and_named_alone(tmp_path: Path) -> None:
    database = Database(tmp_path / "freehold.db")
    migrate(database)
    folder = tmp_path / "runs"
    shelf = Rehearsals(folder, Jobs(database), place=None, embedder=None)
    whole, torn = shelf.begin(Wish("whole.csv")), shelf.begin(Wish("torn.csv"))
    path = folder / torn.id / RUN
    path.write_text(path.read_text()[:40])
    assert [each.id for each in shelf.list()] == [whole.id]
    with pytest.raises(Conflict, match="damaged"):
        shelf.get(torn.id)
    third = shelf.begin(Wish("third.csv"))
    assert json.loads((folder / third.id / RUN).read_text())["state"] == "receiving"
    database.close()
