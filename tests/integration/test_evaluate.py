"""`freehold evaluate` as people run it: real processes, a real data folder, a suite with documents."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Ran = subprocess.CompletedProcess[str]

DOCUMENTS = {
    "returns.md": "# Returns\n\n## How long do refunds take?\n\n"
    "A refund reaches your account within five working days of our receiving the parcel.\n",
    "opening.md": "# Opening hours\n\nThe shop in Harbour Street opens at nine and closes at six.\n",
}
QUESTIONS = """id;question;documents;answers;answerable;kind
refund;How long do refunds take?;returns.md;five working days;;
open;When does the shop in Harbour Street open?;opening.md;nine;;
moon;How far away is the moon?;;;no;another subject
"""


def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FREEHOLD_")}
    return kept | {"FREEHOLD_HOME": str(tmp_path / "home"), "FREEHOLD_DEMO": "false"}


@pytest.fixture
def freehold(tmp_path: Path) -> Callable[..., Ran]:
    def run(*arguments: str) -> Ran:
        return subprocess.run(
            [sys.executable, "-m", "freehold.cli", *arguments],
            env=environment(tmp_path), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

    return run


def suite(folder: Path, questions: str = QUESTIONS) -> Path:
    (folder / "documents").mkdir(parents=True)
    for name, text in DOCUMENTS.items():
        (folder / "documents" / name).write_text(text)
    (folder / "suite.toml").write_text('name = "Shop"\nlicence = "CC0"\n')
    (folder / "questions.csv").write_text(questions, encoding="utf-8-sig")
    return folder


def test_measured_compared_and_held_against_bars(freehold: Callable[..., Ran], tmp_path: Path) -> None:
    path, out = str(suite(tmp_path / "shop")), tmp_path / "out"
    ran = freehold("evaluate", path, "--bar", "search.hit@5>=100%", "--out", str(out), "--json")
    assert ran.returncode == 0, ran.stderr
    [card] = json.loads(ran.stdout)["evaluations"]
    assert (card["suite"]["name"], card["questions"], card["facts"]["documents"]) == ("Shop", 3, 2)
    assert card["figures"]["search.mrr@10"]["value"] == 1.0
    assert card["figures"]["answers.first"]["value"] == 1.0
    assert card["figures"]["refusals.right"]["value"] == 1.0
    assert sorted(each.name for each in out.iterdir()) == ["records.jsonl", "report.html", "scorecard.json"]
    assert "Scorecard: Shop" in (out / "report.html").read_text()

    second = freehold("evaluate", path, "--bar", "answers.f1>=0.99", "--bar", "right>=0.5")
    assert second.returncode == 4, second.stderr
    assert "under the bar: answers.f1>=0.99" in second.stderr
    assert "right>=0.5" not in second.stderr
    listed = json.loads(freehold("evaluate", "--list", "--json").stdout)
    assert [each["state"] for each in listed] == ["done", "done"]
    assert (tmp_path / "home" / "runs" / listed[0]["id"] / "report.html").is_file()
    change = freehold("evaluate", "--compare", str(out), listed[0]["id"], "--bar", "right>=0.1", "--json")
    assert change.returncode == 4, change.stderr
    assert "under the bar: right>=0.1" in change.stderr
    assert json.loads(change.stdout)["paired"] == 3


def test_what_cannot_be_evaluated_is_told_in_a_line(freehold: Callable[..., Ran], tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text('question,answer\nfine,"never closed\n')
    for arguments, said in (
        ((str(bad),), f"error: {bad}, line 2: a quote that opens in this row is never closed."),
        ((str(bad), "--bar", "charm>=1"), "error: There is no metric 'charm'."),
        (("--compare", "a", "b"), "error: There is no evaluation a."),
    ):
        ran = freehold("evaluate", *arguments)
        assert ran.returncode == 1, arguments
        assert said in ran.stderr
        assert "Traceback" not in ran.stderr


def test_an_evaluation_goes_on_after_kill_9(freehold: Callable[..., Ran], tmp_path: Path) -> None:
    rows = "".join(
        f"q{n};How long do refunds take, case {n}?;returns.md;five working days;;\n" for n in range(60)
    )
    path = str(suite(tmp_path / "shop", QUESTIONS + rows))
    command = [sys.executable, "-m", "freehold.cli", "evaluate", path, "--json"]
    runs = tmp_path / "home" / "runs"

    def records() -> list[str]:
        found = list(runs.glob("*/records.jsonl"))
        return found[0].read_text().splitlines() if found else []

    with subprocess.Popen(
        command, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as going:
        deadline = time.monotonic() + 60
        while len(records()) < 20:
            assert going.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(going.pid, signal.SIGKILL)
        going.communicate()
    kept = records()
    assert 20 <= len(kept) < 63
    ran = freehold("evaluate", path, "--json")
    assert ran.returncode == 0, ran.stderr
    [card] = json.loads(ran.stdout)["evaluations"]
    assert card["questions"] == 63
    after = records()
    whole = [line for line in kept if line.endswith("}")]
    assert after[: len(whole) - 1] == whole[: len(whole) - 1]
    assert len({json.loads(line)["id"] for line in after}) == len(after) == 63
