import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from freehold.cli.client import Client, ServerFile, error_from, kinds, running
from freehold.config import Config
from freehold.errors import EgressDenied, FreeholdError, NotFound, Unavailable


def test_every_code_becomes_its_class() -> None:
    for kind in kinds(FreeholdError):
        error = error_from({"error": {"code": kind.code, "message": "m", "hint": "h"}}, 400)
        assert (type(error), error.message, error.hint) == (kind, "m", "h")


@pytest.mark.parametrize("value", [{}, [], "x", {"error": None}, {"detail": "x"}])
def test_an_answer_without_our_shape_is_told_by_its_status(value: object) -> None:
    error = error_from(value, 418)
    assert isinstance(error, Unavailable)
    assert "418" in error.message


def test_a_newer_servers_code_is_still_told() -> None:
    error = error_from({"error": {"code": "from_the_future", "message": "m", "hint": None}}, 400)
    assert (error.code, error.message) == ("from_the_future", "m")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": "x"}', '{"pid": 1}'])
def test_half_a_server_file_counts_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "server.json"
    path.write_text(text)
    assert ServerFile.read(path) is None


def test_the_server_on_the_folder_is_found(home: Path) -> None:
    found = running(Config(home=home))
    assert found is not None
    server, client = found
    assert server.pid == os.getpid()
    client.close()


def test_a_dead_servers_file_is_not_believed(home: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    path = home / "server.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "pid": gone.pid}))
    assert running(Config(home=home)) is None


def test_a_stranger_on_the_port_is_not_believed(home: Path) -> None:
    path = home / "server.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "token": "fh_admin_of_an_earlier_start"}))
    assert running(Config(home=home)) is None


def test_a_broken_connection_is_an_error_of_ours(home: Path) -> None:
    client = Client("http://127.0.0.1:1", "token")
    with pytest.raises(Unavailable, match="connection"):
        client.get("/api/v1/status")
    client.close()


def test_a_servers_error_is_raised(home: Path, script: object) -> None:
    found = running(Config(home=home))
    assert found is not None
    with pytest.raises(NotFound) as raised:
        found[1].get("/api/v1/nothing")
    assert raised.value.hint == "Look."
    found[1].close()
    assert not isinstance(raised.value, EgressDenied)
