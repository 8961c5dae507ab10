"""The family that models make, and what is remembered of those that were removed."""

import json
import os
from itertools import count
from pathlib import Path

import pytest
import tiny_gguf
from sqlalchemy import text

from freehold.errors import InvalidInput, NotFound
from freehold.models.lineage import Family, Relative, trained
from freehold.models.registry import Model, Registry
from freehold.models.store import removed_models
from freehold.store.database import Database


@pytest.fixture
def registry(database: Database, tmp_path: Path) -> Registry:
    return Registry(database, tmp_path / "models", clock=count(1.0).__next__)


def add(registry: Registry, tmp_path: Path, name: str, parent: str | None = None) -> Model:
    path = tmp_path / f"{name}.gguf"
    tiny_gguf.write(path, width=32, layers=1, seed=sum(map(ord, name)))
    return registry.add(path, parent=parent, licence={"id": name})


def names(relatives: tuple[Relative, ...]) -> list[object]:
    """`name`, `(name)` when removed, `[name, children…]` where it has some."""
    shown = []
    for each in relatives:
        name = f"({each.model.name})" if each.removed else each.model.name
        shown.append([name, *names(each.children)] if each.children else name)
    return shown


def tree(registry: Registry, name: str) -> tuple[list[object], list[object]]:
    found: Family = registry.family(registry.get(name))
    return names(found.ancestors), names(found.descendants)


def test_ancestors_and_descendants(registry: Registry, tmp_path: Path) -> None:
    for name, parent in (("a", None), ("b", "a"), ("c", "b"), ("d", "b"), ("e", "a")):
        add(registry, tmp_path, name, parent)
    assert tree(registry, "a") == ([], [["b", "c", "d"], "e"])
    assert tree(registry, "c") == (["b", "a"], [])


def test_remembered_while_others_descend_from_it(
    registry: Registry, database: Database, tmp_path: Path
) -> None:
    first = add(registry, tmp_path, "a")
    add(registry, tmp_path, "b", "a")
    add(registry, tmp_path, "c", "b")
    registry.remove("a")
    registry.remove("b")
    assert tree(registry, "c") == (["(b)", "(a)"], [])
    found = registry.family(registry.get("c"))
    assert [each.model.licence for each in found.ancestors] == [{"id": "b"}, {"id": "a"}]
    assert [each.name for each in registry.list()] == ["c"]
    again = registry.add(tmp_path / "a.gguf", "renamed")
    assert (again.id, again.licence) == (first.id, {"id": "a"})
    assert tree(registry, "renamed") == ([], [["(b)", "c"]])
    registry.remove("renamed")
    registry.remove("c")
    with database.read() as connection:
        assert connection.execute(removed_models.select()).all() == []


def test_nothing_descends_from_itself(registry: Registry, tmp_path: Path) -> None:
    add(registry, tmp_path, "a")
    add(registry, tmp_path, "b", "a")
    registry.remove("a")
    with pytest.raises(InvalidInput, match="cannot be made from itself"):
        registry.add(tmp_path / "a.gguf", parent="b")
    assert [each.name for each in registry.list()] == ["b"]


def test_models_from_before_lineage_are_whole_ones(
    database: Database, registry: Registry, tmp_path: Path
) -> None:
    model = add(registry, tmp_path, "a")
    columns = "id, name, format, size, facts, created_at"
    with database.write() as connection:
        connection.execute(text(f"CREATE TABLE old AS SELECT {columns} FROM models"))
        connection.execute(text("DELETE FROM models"))
        connection.execute(text(f"INSERT INTO models ({columns}) SELECT {columns} FROM old"))
    found = registry.get("a")
    assert (found.kind, found.parent_id, found.lineage, found.licence) == ("model", None, {}, {})
    assert (found.id, found.facts) == (model.id, model.facts)


def test_a_training_runs_own_account_becomes_the_origin(tmp_path: Path) -> None:
    metrics = {"steps": 10, "loss": 1.5}
    said = {"dataset": {"digest": "ab" * 32}, "recipe": {"name": "tiny"}, "commit": None, "metrics": metrics}
    (tmp_path / "training.json").write_text(json.dumps(said))
    assert trained(tmp_path) == {
        "made": {"how": "train"},
        "dataset": "ab" * 32,
        "recipe": {"name": "tiny"},
        "commit": None,
        "metrics": metrics,
    }
    said["teachers"] = [{"name": "large", "licence": "llama3.1", "notice": "Built with Llama."}]
    (tmp_path / "training.json").write_text(json.dumps(said))
    assert trained(tmp_path)["teachers"] == [{"name": "large", "licence": "llama3.1"}]


@pytest.mark.parametrize("text", ["", "3", "{}", '{"dataset": 3}', "[" * 100_000, " " * 2**21 + "{}"])
def test_what_is_no_account_of_a_run_is_passed_over(tmp_path: Path, text: str) -> None:
    assert trained(tmp_path) == {}
    (tmp_path / "training.json").write_text(text)
    assert trained(tmp_path) == {}


def test_what_is_measured_later_is_kept_by_task_beside_what_training_measured(
    registry: Registry, tmp_path: Path
) -> None:
    path = tiny_gguf.write(tmp_path / "m.gguf", width=32, layers=1)
    made = {"made": {"how": "train"}, "metrics": {"loss": 1.5}}
    registry.add(path, "m", lineage=made)
    registry.note("m", "route", {"accuracy": 0.5, "messages": 9})
    registry.note("m", "rewrite", {"found": 0.7})
    noted = registry.note("m", "route", {"accuracy": 0.8})
    assert noted == registry.get("m")
    metrics = {"loss": 1.5, "route": {"accuracy": 0.8}, "rewrite": {"found": 0.7}}
    assert noted.lineage == made | {"metrics": metrics}
    nan, long = {"accuracy": float("nan")}, {"labels": "x" * 300_000}
    for task, figures in (("sing", {}), ("route", nan), ("route", long)):
        with pytest.raises(InvalidInput):
            registry.note("m", task, figures)
    with pytest.raises(NotFound):
        registry.note("another", "route", {})
    assert registry.get("m") == noted


def test_an_account_that_is_no_small_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "training.json")
    assert trained(tmp_path) == {}
