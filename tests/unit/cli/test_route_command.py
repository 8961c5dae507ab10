"""`route …`: from a file of labelled messages to a router in service."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted import Ran, Script

from freehold.cli import labelled, routers
from freehold.tasks.linear_route import read
from freehold.testing import FakeEmbedder

pytest.importorskip("sklearn")

TOPICS = {
    "card": "Where is my new card number {}?",
    "fee": "Why was a monthly fee of {} euros taken?",
    "Talk to human": "Let somebody call me back about case {}",
}


@pytest.fixture(autouse=True)
def embedder(monkeypatch: pytest.MonkeyPatch) -> FakeEmbedder:
    fake = FakeEmbedder()
    monkeypatch.setattr(routers, "embedder_for", lambda config: fake)
    return fake


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    path = tmp_path / "messages.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Text", "Intent"])
        writer.writerows((text.format(n), label) for label, text in TOPICS.items() for n in range(10))
    return path


def test_from_messages_to_a_router_in_service(
    freehold: Callable[..., Ran], messages: Path, home: Path, tmp_path: Path
) -> None:
    out = tmp_path / "r.safetensors"
    ran = freehold("route", "train", str(messages), "--out", str(out), "--json")
    assert ran.status == 0, ran.err
    told = json.loads(ran.out)
    assert (told["accuracy"], told["held_out"], told["messages"]) == (1.0, 6, 30)
    assert told["labels"] == ["card", "fee", "person"] and 0.5 < told["low"] < told["high"] <= 1
    assert not (home / "models" / "router.safetensors").exists()

    assert freehold("route", "use", str(out)).status == 0
    assert read(home / "models" / "router.safetensors").labels == ("card", "fee", "person")
    assert freehold("route", "try", "Is my card lost?").out.startswith("card, ")
    tried = json.loads(freehold("route", "try", "somebody call me about a case", "--json").out)
    assert tried["label"] == "person" and 0 < tried["confidence"] <= 1

    assert "30, 6 of them held out" in freehold("route", "show").out
    assert freehold("route", "use", "none").status == 0
    none = freehold("route", "show")
    assert none.status == 1 and "no router" in none.err and "route train" in none.err


def test_training_can_put_it_into_service(
    freehold: Callable[..., Ran], messages: Path, home: Path, tmp_path: Path
) -> None:
    ran = freehold("route", "train", str(messages), "--out", str(tmp_path / "r"), "--use")
    assert ran.status == 0, ran.err
    assert (home / "models" / "router.safetensors").read_bytes() == (tmp_path / "r").read_bytes()
    assert "accuracy" in ran.out and "false alarms" in ran.out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\nhello,\n", "line 2: the label is empty"),
        ("text,topic2\nhello,a\n", "there is no label"),
        ("text,label\nhello,a\n", "at least two labels"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    freehold: Callable[..., Ran], tmp_path: Path, content: str, message: str
) -> None:
    path, out = tmp_path / "m.csv", tmp_path / "r"
    path.write_text(content)
    ran = freehold("route", "train", str(path), "--out", str(out))
    assert ran.status == 1 and message in ran.err and not out.exists()


def test_columns_can_be_named_and_double_labels_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.jsonl"
    rows = [("Hello there", "a"), ("hello  there", "b"), ("Bye", "oos")]
    path.write_text("".join(json.dumps({"Satz": text, "Thema": label}) + "\n" for text, label in rows))
    assert labelled.rows_of(path, ["message=Satz", "label=Thema"]) == [
        ("Hello there", "a"),
        ("Bye", "out_of_scope"),
    ]
    said = capsys.readouterr().err
    assert "line 2: labelled 'b' here and 'a' before" in said and "1 message had two labels" in said


def test_a_router_of_another_embedding_model_is_refused(
    freehold: Callable[..., Ran], messages: Path, tmp_path: Path, embedder: FakeEmbedder, home: Path
) -> None:
    out = tmp_path / "r"
    assert freehold("route", "train", str(messages), "--out", str(out)).status == 0
    embedder.name = "another"
    for command in (("use", str(out)), ("try", "a card", "--router", str(out))):
        ran = freehold("route", *command)
        assert ran.status == 1 and "learnt from the embedding model fake-64" in ran.err
    assert not (home / "models").exists()


def test_without_scikit_learn_it_is_said_what_to_install(
    freehold: Callable[..., Ran], messages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    ran = freehold("route", "train", str(messages), "--out", str(tmp_path / "r"))
    assert ran.status == 1 and "scikit-learn" in ran.err and "freehold[train]" in ran.err


@pytest.mark.parametrize(("sure", "shown"), [(True, "card, 0.91\n"), (False, "card, 0.91, a guess\n")])
def test_a_trace_says_what_the_message_is_about(
    freehold: Callable[..., Ran], script: Script, sure: bool, shown: str
) -> None:
    nothing = dict.fromkeys(("confidence", "threshold", "model_id", "prompt", "error"))
    empty = {name: [] for name in ("passages", "claims", "citations", "checks", "reused")}
    trace = {
        **nothing,
        **empty,
        "id": "trc_1",
        "created_at": 1.0,
        "assistant_id": "default",
        "question": "Where is it?",
        "outcome": "answered",
        "mode": "words",
        "route": {"label": "card", "confidence": 0.912, "sure": sure},
        "timings": {},
        "usage": {"cpu_seconds": 0.1},
        "written": "",
    }
    script.answer("GET", "/api/v1/traces/trc_1", trace)
    ran = freehold("trace", "trc_1")
    assert f"about        {shown}" in ran.out, ran.err
    script.answer(
        "GET", "/api/v1/traces/trc_1", trace | {"route_by": "linear", "route_failure": "m failed: x"}
    )
    out = freehold("trace", "trc_1").out
    assert f"{shown.strip()}, by linear\n" in out and "m failed: x" in out


def test_who_routes_is_shown_with_why(
    freehold: Callable[..., Ran], script: Script, messages: Path, home: Path, tmp_path: Path
) -> None:
    (home / "freehold.db").touch()
    listed = {"models": [{"id": "a1"}, {"id": "b2"}]}
    script.answer("GET", "/api/v1/models", listed)
    script.answer("GET", "/api/v1/models/a1", {"name": "big", "tasks": ["answer"], "lineage": {}})
    metrics: dict[str, Any] = {"labels": ["card"]}
    tuned = {"name": "topics", "tasks": ["route"], "lineage": {"metrics": {"route": metrics}}}
    script.answer("GET", "/api/v1/models/b2", tuned)
    alone = freehold("route", "show")
    assert alone.out.split() == "routed by model: no linear router is in service".split(), alone.err
    out = tmp_path / "r"
    assert freehold("route", "train", str(messages), "--out", str(out), "--use").status == 0
    assert "routed by  linear: how often topics is right was not measured" in freehold("route", "show").out
    dataset = read(out).facts["dataset"]
    metrics |= {"accuracy": 0.9, "linear": {"dataset": dataset, "accuracy": 0.95, "p": 0.04}}
    shown = json.loads(freehold("route", "show", "--json").out)
    compared = "of the same messages topics had 90.0% right, the linear router 95.0%"
    assert (shown["routed_by"], shown["accuracy"]) == (f"linear: {compared}", 1.0)
    asked = len(script.asked)
    assert "routed by" not in freehold("route", "show", str(out)).out
    assert len(script.asked) == asked, "a file is shown without a server"
