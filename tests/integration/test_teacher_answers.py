"""A model on this machine as the teacher, beside the server and without one, killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny_adapter
import tiny_gguf

SAYS = "Five working days."
COUNT = 80


class Home:
    """The console program on a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "answers.jsonl"
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("FREEHOLD_")}
        self._environment |= {"FREEHOLD_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "freehold.cli", *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> str:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return out

    def asking(self, teacher: str, *more: str) -> list[str]:
        prompts = str(self.folder / "prompts.jsonl")
        out = str(self.out)
        return ["train", "answers", prompts, "--teacher", teacher, "--licence", "own", "--out", out, *more]

    def prompts(self, count: int) -> None:
        values = [{"messages": [{"role": "user", "content": f"Question {n}?"}], "n": n} for n in range(count)]
        (self.folder / "prompts.jsonl").write_text("".join(f"{json.dumps(value)}\n" for value in values))

    def answers(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.read_text().splitlines()]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.run("down")


def stopped(home: Home, by: signal.Signals, after: int) -> tuple[int, str, int]:
    """Asks until so many answers are there; gives the exit status, what was said, and the answers."""
    process = home.start(*home.asking("tiny"))
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        if home.out.exists() and home.out.read_bytes().count(b"\n") >= after:
            process.send_signal(by)
            break
        time.sleep(0.005)
    _, err = process.communicate(timeout=60)
    return process.returncode, err, home.out.read_bytes().count(b"\n")


def test_a_run_that_was_stopped_or_killed_goes_on_where_it_was(home: Home) -> None:
    home.prompts(COUNT)
    home.run("model", "add", str(tiny_gguf.write(home.folder / "tiny.gguf", says=SAYS)))
    status, err, first = stopped(home, signal.SIGINT, 4)
    assert status == 130, err
    assert f"Stopped after {first} of {COUNT}; the same command goes on." in err
    status, err, there = stopped(home, signal.SIGKILL, first + 4)
    assert status == -signal.SIGKILL
    assert first < there < COUNT
    home.run("up", "--detach", "--port", "0", "--no-demo")
    told = json.loads(home.run(*home.asking("tiny", "--json")))
    assert (told["there"], told["written"], told["failed"]) == (there, COUNT - there, 0)
    assert sorted(int(str(each["n"])) for each in home.answers()) == list(range(COUNT))
    for each in home.answers():
        messages = each["messages"]
        assert isinstance(messages, list)
        assert messages[-1] == {"role": "assistant", "content": SAYS}


def test_an_adapter_is_asked_on_its_base(home: Home) -> None:
    home.prompts(4)
    home.run("model", "add", str(tiny_gguf.write(home.folder / "tiny.gguf")))
    home.run("model", "add", str(tiny_adapter.write(home.folder / "tuned.gguf", seed=1)), "--base", "tiny")
    told = json.loads(home.run(*home.asking("tuned", "--json", "--max-tokens", "3")))
    assert (told["written"], told["cut"], told["failed"]) == (0, 4, 0), "it never comes to an end"
    assert home.answers() == []
