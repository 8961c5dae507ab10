"""The console program as people run it: real processes on a folder of their own."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Ran = subprocess.CompletedProcess[str]
Run = Callable[..., Ran]

DOCUMENTS = {
    "returns.md": "# Returns\n\n## How long do refunds take?\n\n"
    "A refund reaches your account within five working days of our receiving the parcel.\n",
    "opening.md": "# Opening hours\n\nThe shop in Harbour Street opens at nine and closes at six.\n",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def freehold(home: Path) -> Iterator[Run]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FREEHOLD_")}
    environment["FREEHOLD_HOME"] = str(home)

    def run(*arguments: str, said: str = "", seconds: float = 90) -> Ran:
        return subprocess.run(
            [sys.executable, "-m", "freehold.cli", *arguments],
            env=environment,
            input=said,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    yield run
    run("down")


def up(freehold: Run, *arguments: str) -> Ran:
    ran = freehold("up", "--detach", "--port", "0", "--no-demo", *arguments)
    assert ran.returncode == 0, ran.stderr
    return ran


def server_of(home: Path) -> dict[str, object]:
    described: dict[str, object] = json.loads((home / "server.json").read_text())
    return described


def alive(pid: object) -> bool:
    try:
        os.kill(int(str(pid)), 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_from_nothing_to_an_answer_and_back(freehold: Run, home: Path, documents: Path) -> None:
    started = up(freehold)
    server = server_of(home)
    assert f"Freehold answers at {server['url']}" in started.stdout
    assert "fh_admin_" in started.stdout
    assert (home / "server.json").stat().st_mode & 0o077 == 0
    assert "fh_admin_" not in (home / "server.log").read_text()

    again = freehold("up", "--detach")
    assert again.returncode == 0
    assert "already running" in again.stdout
    assert "fh_admin_" not in again.stdout
    second = freehold("up", "--port", "0")
    assert second.returncode == 1
    assert second.stderr.startswith("error: The data folder")
    assert "Traceback" not in second.stderr

    added = freehold("add", str(documents), "--json")
    assert added.returncode == 0, added.stderr
    assert json.loads(added.stdout)["job"]["result"]["added"] == 2
    assert "2 unchanged" in freehold("add", str(documents)).stdout

    found = json.loads(freehold("search", "refund", "--json").stdout)
    assert found["passages"][0]["document"]["location"] == "returns.md"

    asked = freehold("ask", "How long do refunds take?", "--json")
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    assert answer["outcome"] == "answered"
    assert "five working days" in answer["answer"]
    assert answer["citations"][0]["document"]["location"] == "returns.md"
    assert answer["trace_id"] in freehold("trace").stdout
    assert "five working days" in freehold("trace", answer["trace_id"]).stdout

    status = json.loads(freehold("status", "--json").stdout)
    assert status["running"]
    assert status["passages"] >= 2

    stopped = freehold("down")
    assert (stopped.returncode, stopped.stdout) == (0, "Freehold has stopped\n")
    assert not alive(server["pid"])
    assert not (home / "server.json").exists()
    assert freehold("down").stdout == "Freehold is not running\n"


def test_commands_work_without_a_server_and_after_kill_9(freehold: Run, home: Path, documents: Path) -> None:
    added = freehold("add", str(documents))
    assert added.returncode == 0, added.stderr
    assert "2 added" in added.stdout
    assert not (home / "server.json").exists()

    up(freehold)
    pid = int(str(server_of(home)["pid"]))
    os.kill(pid, signal.SIGKILL)
    found = freehold("search", "harbour street", "--json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["passages"][0]["document"]["location"] == "opening.md"
    assert freehold("down").stdout == "Freehold is not running\n"

    (documents / "returns.md").unlink()
    assert "1 removed" in freehold("sync").stdout
    up(freehold)
    assert json.loads(freehold("search", "refund", "--json").stdout)["passages"] == []
    os.kill(int(str(server_of(home)["pid"])), signal.SIGTERM)


def test_keys_and_assistants(freehold: Run) -> None:
    up(freehold)
    key = json.loads(freehold("key", "create", "shop", "--json").stdout)
    assert key["scope"] == "chat"
    assert freehold("key", "revoke", key["id"]).returncode == 0
    assert key["id"] not in freehold("key", "list").stdout
    assert freehold("assistant", "create", "shop", "--name", "Shop").returncode == 0
    changed = freehold("assistant", "set", "shop", "--origin", "https://shop.example", "--json")
    assert json.loads(changed.stdout)["allowed_origins"] == ["https://shop.example"]
    assert freehold("model", "list").returncode == 0
    refused = freehold("model", "use", "nothing-like-it")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: ")


def test_a_start_that_fails_says_why(freehold: Run, home: Path) -> None:
    home.write_text("a file where the folder should be")
    for arguments in (["up", "--detach"], ["search", "x"]):
        ran = freehold(*arguments)
        assert ran.returncode == 1
        assert "error: " in ran.stderr
        assert "Traceback" not in ran.stderr
    home.unlink()


def test_a_taken_port_is_told(freehold: Run) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = freehold("up", "--detach", "--port", str(taken.getsockname()[1]))
    assert ran.returncode == 1
    assert "port" in ran.stderr.lower()
    assert "Traceback" not in ran.stderr


def test_doctor_finds_nothing_bad_on_a_fresh_folder(freehold: Run) -> None:
    ran = freehold("doctor", "--json")
    findings = json.loads(ran.stdout)
    assert [finding for finding in findings if finding["state"] == "bad" and finding["name"] != "port"] == []


HOTELS = {
    "alba": "# Hotel Alba\n\n## Parking\n\nGuests park for free in the courtyard.\n\n"
    "## Pets\n\nDogs are welcome; they cost eight euros a night.\n",
    "berg": "# Hotel Berg\n\n## Parking\n\nThere is no car park. A garage costs 19 euros a day.\n\n"
    "## Breakfast\n\nBreakfast is served from half past six and costs 14 euros.\n",
    "cala": "# Hotel Cala\n\n## Parking\n\nA parking space by the sea costs five euros a night.\n\n"
    "## Pets\n\nPets are not allowed.\n",
}


def test_a_talk_about_one_thing_keeps_to_it(freehold: Run, tmp_path: Path) -> None:
    hotels = tmp_path / "hotels"
    hotels.mkdir()
    for name, text in HOTELS.items():
        (hotels / f"{name}.md").write_text(text)
    up(freehold)
    assert freehold("add", str(hotels)).returncode == 0
    asked = ("Is there breakfast at the Hotel Berg?", "Does it have parking?", "What about the Alba?")
    asked += ("Are dogs allowed there?", "What does parking cost at the Hotel Cala?", "And pets?")
    told = freehold("chat", said="\n".join(asked)).stdout
    cited = re.findall(r"^\[\d\] .* — (\w+)\.md$", told, re.MULTILINE)
    assert [name for name, _ in itertools.groupby(cited)] == ["berg", "alba", "cala"], told
    for words in ("half past six", "19 euros", "in the courtyard", "Dogs are", "five euros", "not allowed"):
        assert words in told, told
