"""`evaluate`'s arguments, its waiting and its exit status, against a scripted server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted import Ran, Script

from freehold.cli.evaluate import column_of, limit_of
from freehold.errors import InvalidInput

CARD: dict[str, Any] = {
    "suite": {"name": "Shop"},
    "questions": 1,
    "gold_unknown": 1,
    "worst": {"failed": []},
    "figures": {
        "right": {"value": 0.5, "low": 0.1, "high": 0.9, "n": 1, "kind": "share"},
        "speed.total_ms.p95": {"value": 1500.0, "low": 1.0, "high": 2.0, "n": 1, "kind": "time"},
    },
}


def job(state: str, error: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "id": "job_1",
        "state": state,
        "progress": {"done": 0, "total": 1, "current": None},
        "error": error,
    }


@pytest.fixture
def started(script: Script, home: Path) -> Script:
    """A server that evaluates at once."""
    script.answer("POST", "/api/v1/evaluations", {"evaluation": {"id": "e1"}, "job": job("queued")})
    script.answer("GET", "/api/v1/jobs/job_1", job("running"), job("done"))
    script.answer("GET", "/api/v1/evaluations/e1", {"id": "e1", "went_on_from": "e0"})
    script.answer("GET", "/api/v1/evaluations/e1/scorecard", CARD)
    script.answer("GET", "/api/v1/status", {"home": str(home)})
    return script


def test_bars_and_columns_are_read() -> None:
    bar = limit_of("refusals.right:off topic >= 90%")
    assert (bar.metric, bar.at_least, bar.value) == ("refusals.right:off topic", True, 0.9)
    assert bar.held(0.9) and not bar.held(0.89)
    assert limit_of("speed.total_ms.p95<=2000").held(1999.5)
    assert limit_of("right>=-0.01").held(0.0)
    assert column_of("question=Meine Frage") == ("question", "Meine Frage")
    for said in ("right", "right>0.5", "right>=x", ">=1", "charm>=1"):
        with pytest.raises(InvalidInput):
            limit_of(said)
    for said in ("question", "=x", "question="):
        with pytest.raises(InvalidInput):
            column_of(said)


def test_what_is_wished_is_sent(started: Script, freehold: Callable[..., Ran], tmp_path: Path) -> None:
    suite = tmp_path / "suite.csv"
    suite.write_text("question\n")
    options = ["--model", "none", "--limit", "9", "--leave-out", "0.2", "--column", "question=Q", "--fresh"]
    options += ["--rewrite", "tuned"]
    ran = freehold("evaluate", str(suite), "--assistant", "shop", *options, "--json")
    assert ran.status == 0, ran.err
    assert started.bodies("POST", "/api/v1/evaluations") == [
        {"suite": str(suite), "assistant": "shop", "model": "none", "rewrite": "tuned", "limit": 9,
         "leave_out": 0.2, "columns": {"question": "Q"}, "fresh": True}
    ]  # fmt: skip
    [card] = json.loads(ran.out)["evaluations"]
    assert "worst" not in card
    assert card["folder"].endswith("/runs/e1")
    assert "Went on from e0" in ran.err


def test_a_scorecard_is_shown_and_bars_decide_the_status(
    started: Script, freehold: Callable[..., Ran], tmp_path: Path
) -> None:
    suite = tmp_path / "suite.csv"
    suite.write_text("question\n")
    ran = freehold("evaluate", str(suite), "--bar", "right>=50%", "--bar", "speed.total_ms.p95<=2000")
    assert ran.status == 0, ran.err
    assert "right\t50.0%\t10.0% to 90.0%\t1" in ran.out
    assert "speed.total_ms.p95\t1,500 ms" in ran.out
    assert "gold documents of 1 question" in ran.err
    short = freehold("evaluate", str(suite), "--bar", "right>=51%", "--json")
    assert short.status == 4
    assert json.loads(short.out)["bars"] == [
        {"bar": "right>=51%", "suite": "Shop", "value": 0.5, "held": False}
    ]
    absent = freehold("evaluate", str(suite), "--bar", "answers.f1>=0")
    assert absent.status == 1
    assert "Shop gives no figure answers.f1." in absent.err


def test_failures_are_told(started: Script, freehold: Callable[..., Ran], tmp_path: Path) -> None:
    suite = tmp_path / "suite.csv"
    suite.write_text("question\n")
    error = {"code": "invalid_input", "message": "suite.csv, line 2: the question is empty.", "hint": None}
    started.answer("GET", "/api/v1/jobs/job_1", job("failed", error))
    ran = freehold("evaluate", str(suite))
    assert (ran.status, ran.err.splitlines()[-1]) == (1, f"error: {error['message']}")
    started.answer("GET", "/api/v1/jobs/job_1", job("cancelled"))
    assert "was cancelled" in freehold("evaluate", str(suite)).err
    assert freehold("evaluate").status == 2
    assert "There is no file or folder" in freehold("evaluate", str(tmp_path / "none")).err


def test_files_are_fetched(started: Script, freehold: Callable[..., Ran], tmp_path: Path) -> None:
    suite, out = tmp_path / "suite.csv", tmp_path / "out" / "here"
    suite.write_text("question\n")
    for address in ("page", "records"):
        started.answer("GET", f"/api/v1/evaluations/e1/{address}", address.encode())
    assert freehold("evaluate", str(suite), "--out", str(out)).status == 0
    assert (out / "report.html").read_text() == "page"
    assert (out / "records.jsonl").read_text() == "records"
    assert json.loads((out / "scorecard.json").read_text()) == CARD
    assert len(list(out.iterdir())) == 3
