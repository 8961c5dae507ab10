"""`freehold rehearse` as people run it: what is masked is nowhere on disk, and a kill costs nothing."""

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

PLANTED = (
    "tove.berg@mail.example", "+47 22 55 01 23", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00",
    "203.0.113.42", "Tove Berg", "48213377", "hunter2-Secret", "221B Baker Street",
    "sk_live_51Hx9aKJ2eZvKYlo",
)  # fmt: skip
"""Values that no file may hold once they were masked."""
DOCUMENT = """# Returns

## How long do refunds take?

A refund reaches your account within five working days of our receiving the parcel.

## Do you ship to Norway?

Delivery to Norway takes four to six days and costs 12 euros.
"""
TICKETS = 48


def export(path: Path) -> Path:
    """Tickets that all give someone away, as Chatwoot exports them."""
    asked = (
        "How long does a refund of order number 48213377 take? I am Tove Berg, tove.berg@mail.example.",
        "Do you ship to Norway? Call +47 22 55 01 23, or send it to 221B Baker Street.",
        "Card 4111 1111 1111 1111 or IBAN DE89 3704 0044 0532 0130 00 for ticket {n}? My IP is 203.0.113.42.",
        "Do you repair bicycle {n}? My password is hunter2-Secret and the key sk_live_51Hx9aKJ2eZvKYlo2C8x7.",
    )
    replies = (
        "Hello Tove Berg,\nwithin five working days.\n\nBest regards\nLisa",
        "Yes, for 12 euros.",
        "We wrote to tove.berg@mail.example.",
        "No, we don't.",
    )
    with path.open("w") as file:
        for n in range(TICKETS):
            messages = [
                {"content": asked[n % 4].format(n=n), "message_type": 0, "sender": {"name": "Tove Berg"}},
                {"content": replies[n % 4], "message_type": 1, "sender": {"name": "Lisa Lund"}},
            ]
            file.write(json.dumps({"id": n, "messages": messages}) + "\n")
    return path


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts a command in a data folder of its own, temporary files in a folder that can be searched."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FREEHOLD_")}
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment |= {
        "FREEHOLD_HOME": str(tmp_path / "home"),
        "FREEHOLD_DEMO": "false",
        "FREEHOLD_LOG_LEVEL": "debug",
        "FREEHOLD_EMBEDDING_MODEL": str(tmp_path / "none"),
        "TMPDIR": str(temporary),
    }

    def begin(*arguments: str) -> subprocess.Popen[str]:
        with (temporary / "log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "freehold.cli", *arguments],
                env=environment,
                cwd=temporary,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    return begin


def done(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=600)
    assert process.returncode == 0, out
    return out


def test_killed_resumed_and_nothing_masked_on_disk(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    (tmp_path / "returns.md").write_text(DOCUMENT)
    tickets = export(tmp_path / "tickets.jsonl")
    done(start("add", str(tmp_path / "returns.md")))
    runs = tmp_path / "home" / "runs"

    first = start("rehearse", str(tickets), "--out", str(tmp_path / "home" / "out"))
    deadline = time.monotonic() + 300
    while records(runs) < 10:
        assert first.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert first.stdout is not None
    first.stdout.close()
    before = records(runs)

    suite, examples = tmp_path / "home" / "suite", tmp_path / "home" / "examples.jsonl"
    kept = ("--keep-suite", str(suite), "--export-examples", str(examples), "--consent")
    report = json.loads(done(start("rehearse", str(tickets), "--json", *kept)))

    assert sum(report["outcomes"].values()) == TICKETS
    assert report["outcomes"]["answered"] >= TICKETS // 4
    assert report["outcomes"]["refused"] >= TICKETS // 4
    assert report["resolved"]["low"] <= report["resolved"]["value"] <= report["resolved"]["high"]
    assert report["gaps"][0]["count"] >= TICKETS // 4
    assert report["reading"]["masked"]["email"] >= TICKETS // 4
    assert records(runs) == TICKETS and before >= 10  # those answered before the kill were not asked again
    assert len((suite / "questions.jsonl").read_text().splitlines()) == TICKETS
    example = json.loads(examples.read_text().splitlines()[0])
    assert example["consent"]["words"] and example["messages"][-1]["role"] == "assistant"

    searched = [path for path in tmp_path.rglob("*") if path.is_file() and path != tickets]
    assert any(path.name == "freehold.db" for path in searched)
    assert any(path.name == "log" and path.stat().st_size for path in searched)
    for path in searched:
        data = path.read_bytes()
        for value in PLANTED:
            for form in (value, json.dumps(value)[1:-1], value.replace(" ", "")):
                assert form.encode() not in data, (path.name, value)
                assert form.encode("utf-16-le") not in data, (path.name, value)


def records(runs: Path) -> int:
    """Answers on disk in the one rehearsal there is."""
    return sum(path.read_bytes().count(b"\n") for path in runs.glob("*/records.jsonl"))
