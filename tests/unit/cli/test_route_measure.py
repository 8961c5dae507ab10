"""`route measure`: a real model in its process and a real linear router, on the same messages."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_gguf
from scripted import Ran, Script

from freehold.assistant import brief_model
from freehold.cli import routers
from freehold.tasks import examples, route
from freehold.tasks.linear_route import held_out, read
from freehold.testing import FakeEmbedder

pytest.importorskip("sklearn")

TOPICS = {
    "card": "Where is my new card number {}?",
    "fee": "Why was a monthly fee of {} euros taken?",
    "Talk to human": "Let somebody call me back about case {}",
}
ROWS = [(text.format(number), label) for label, text in TOPICS.items() for number in range(10)]
NEW = [("Is my card 77 here", "card"), ("a fee of 77 euros", "fee"), ("the card 78", "card")]


@pytest.fixture(autouse=True)
def embedder(monkeypatch: pytest.MonkeyPatch) -> FakeEmbedder:
    monkeypatch.setattr(brief_model, "SECONDS", 60.0)  # the machine may be busy
    fake = FakeEmbedder()
    monkeypatch.setattr(routers, "embedder_for", lambda config: fake)
    return fake


def messages(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return messages(tmp_path / "messages.csv", ROWS)


@pytest.fixture
def linear(freehold: Callable[..., Ran], file: Path, tmp_path: Path) -> None:
    ran = freehold("route", "train", str(file), "--out", str(tmp_path / "r"), "--use")
    assert ran.status == 0, ran.err


@pytest.fixture
def model(home: Path, script: Script, tmp_path: Path) -> dict[str, Any]:
    """Something in the registry that calls every message `card`; it has the task."""
    made = tiny_gguf.write(tmp_path / "m.gguf", says="card", width=64, layers=1)
    id = hashlib.sha256(made.read_bytes()).hexdigest()
    path = home / "models" / id[:2] / f"{id}.gguf"
    path.parent.mkdir(parents=True)
    shutil.move(made, path)
    found: dict[str, Any] = {"id": id, "name": "topics", "format": "gguf", "size": path.stat().st_size}
    found |= {"facts": {}, "created_at": 1.0, "kind": "model", "parent_id": None, "lineage": {}}
    found |= {"tasks": ["route"], "ancestors": []}
    (home / "freehold.db").touch()
    script.answer("GET", "/api/v1/models", {"models": [found]})
    for ref in (id, "topics"):
        script.answer("GET", f"/api/v1/models/{ref}", found)
    script.answer("POST", f"/api/v1/models/{id}/metrics", None)
    return found


@pytest.mark.usefixtures("linear")
def test_both_are_measured_on_what_was_held_out_of_the_linear_routers_own_messages(
    freehold: Callable[..., Ran], script: Script, home: Path, file: Path, model: dict[str, Any]
) -> None:
    ran = freehold("route", "measure", str(file))
    assert ran.status == 0, ran.err
    told = dict(re.split(r"\s\s+", row.strip(), maxsplit=1) for row in ran.out.splitlines())
    assert told["messages"] == "6 of messages.csv"
    assert told["left out"] == "24, which the linear router learnt from"
    assert told["topics"].startswith("33.3% right, 95% between 9.7% and 70.0%")
    assert told["linear router"].startswith("100.0% right")
    assert told["only one right"] == "topics for 0, the linear router for 4 (p 0.12)"
    assert told["routed by"].startswith("linear: of the same messages topics had 33.3% right")
    assert "tokens (medians)" in ran.out
    assert "Whether topics learnt from these messages is not known: its lineage names no" in ran.err
    (body,) = script.bodies("POST", f"/api/v1/models/{model['id']}/metrics")
    metrics = body["metrics"]
    assert body["task"] == "route"
    assert (metrics["right"], metrics["messages"], metrics["failed"]) == (2, 6, 0)
    assert metrics["labels"] == ["card", "fee", "person"]
    assert metrics["person"] == {"recall": 0.0, "false_alarms": 0.0}
    assert metrics["file"] == hashlib.sha256(file.read_bytes()).hexdigest()
    dataset = read(home / "models" / "router.safetensors").facts["dataset"]
    assert metrics["linear"] == {"dataset": dataset, "accuracy": 1.0, "p": 0.125}
    assert metrics["tokens"] > 1 and metrics["ms"] > 0


def test_what_the_model_is_known_to_have_learnt_from_is_left_out(
    freehold: Callable[..., Ran], model: dict[str, Any], tmp_path: Path
) -> None:
    learnt = tmp_path / "train.jsonl"
    examples.write(learnt, route.examples(NEW[:2]))
    model["lineage"] = {"recipe": {"data": {"train": [str(learnt)]}}}
    file = messages(tmp_path / "new.csv", NEW)
    ran = freehold("route", "measure", str(file), "--json")
    assert ran.status == 0, ran.err
    told = json.loads(ran.out)
    assert told["left_out"] == {"learnt_by_model": 2, "learnt_by_linear": 0}
    assert (told["messages"], told["model"]["accuracy"]) == (1, 1.0)
    assert told["routed_by"] == "model: no linear router is in service"
    assert "linear" not in told and "not known" not in ran.err
    ran = freehold("route", "measure", str(messages(file, NEW[:2])), "--model", "topics")
    assert ran.status == 1 and "Of 2 messages 2 are among those that the model learnt from" in ran.err


@pytest.mark.usefixtures("linear")
def test_the_linear_router_is_measured_alone_and_on_so_many_messages(
    freehold: Callable[..., Ran], script: Script, file: Path, tmp_path: Path
) -> None:
    told = json.loads(freehold("route", "measure", str(file), "--json").out)
    assert told["messages"] == sum(held_out(route_rows())) == 6
    assert told["linear"]["accuracy"] == 1.0 and "ms" not in told["linear"]
    new = messages(tmp_path / "new.csv", NEW)
    ran = freehold("route", "measure", str(new), "--limit", "2", "--model", "none", "--json")
    told = json.loads(ran.out)
    assert (told["messages"], told["left_out"]["learnt_by_linear"]) == (2, 0)
    assert told["linear"]["ms"] > 0 and "model" not in told
    assert not script.asked


def test_training_data_leaves_the_fifth_apart_that_both_are_measured_on(
    freehold: Callable[..., Ran], model: dict[str, Any], file: Path, tmp_path: Path
) -> None:
    out, apart = tmp_path / "train.jsonl", tmp_path / "held-out.jsonl"
    ran = freehold("route", "examples", str(file), "--out", str(out), "--held-out", str(apart), "--json")
    assert ran.status == 0, ran.err
    assert json.loads(ran.out) == {
        "train_file": str(out),
        "train": 24,
        "held_out_file": str(apart),
        "held_out": 6,
    }
    kept = [row for row, out_ in zip(route_rows(), held_out(route_rows()), strict=True) if out_]
    assert apart.read_text() == "".join(
        json.dumps(each.as_json(), ensure_ascii=False) + "\n" for each in route.examples(kept)
    )
    model["lineage"] = {"recipe": {"data": {"train": [str(out)]}}}
    told = json.loads(freehold("route", "measure", str(file), "--json").out)
    assert (told["messages"], told["left_out"]["learnt_by_model"]) == (6, 24)
    full = freehold("route", "examples", str(file), "--out", str(file / "train.jsonl"))
    assert full.status == 1 and "cannot be written" in full.err


def route_rows() -> list[tuple[str, str]]:
    return [(text, route.label_of(label)) for text, label in ROWS]


def test_what_is_wrong_is_said(freehold: Callable[..., Ran], home: Path, file: Path, tmp_path: Path) -> None:
    ran = freehold("route", "measure", str(file))
    assert ran.status == 1 and "Nobody routes here" in ran.err
    empty = tmp_path / "empty.csv"
    empty.write_text("text,label\n")
    assert "There are no messages in" in freehold("route", "measure", str(empty)).err


@pytest.mark.usefixtures("linear")
def test_a_model_that_cannot_be_loaded_is_not_judged(
    freehold: Callable[..., Ran], script: Script, file: Path, home: Path, model: dict[str, Any]
) -> None:
    path = home / "models" / model["id"][:2] / f"{model['id']}.gguf"
    path.write_bytes(path.read_bytes()[:-8])
    ran = freehold("route", "measure", str(file))
    assert ran.status == 1 and "error: " in ran.err and "Traceback" not in ran.err
    assert not script.bodies("POST", f"/api/v1/models/{model['id']}/metrics")


def test_a_message_is_tried_on_the_model_where_it_routes(
    freehold: Callable[..., Ran], model: dict[str, Any]
) -> None:
    ran = freehold("route", "try", "Is my card lost?")
    assert ran.status != 0 and "Nobody routes" in ran.err and "Traceback" not in ran.err
    model["lineage"] = {"metrics": {"route": {"accuracy": 1.0, "labels": ["card", "fee"]}}}
    tried = json.loads(freehold("route", "try", "Is my card lost?", "--json").out)
    assert (tried["label"], tried["by"]) == ("card", "topics")
    assert re.match(r"card, [\d.]+(, a guess)?, by topics$", freehold("route", "try", "a fee").out.strip())
