import hashlib
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from freehold.cli import doctor
from freehold.cli.doctor import Finding
from freehold.config import Config
from freehold.models.endpoint import Endpoint
from freehold.models.registry import Registry
from freehold.store.database import Database
from freehold.store.lock import HomeLock
from freehold.store.migrations import migrate


def found(check: object, config: Config) -> dict[str, Finding]:
    assert callable(check)
    return {finding.name: finding for finding in check(config)}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return Config(home=home, port=0)


def test_a_fresh_folder_is_well(config: Config) -> None:
    states = {finding.name: finding.state for check in doctor.CHECKS for finding in check(config)}
    assert "bad" not in states.values()
    assert states["embedding model"] == "note"


def test_a_sound_and_a_damaged_database(config: Config) -> None:
    database = Database(config.database)
    migrate(database)
    database.close()
    assert found(doctor.database, config)["database"].state == "ok"
    config.database.write_bytes(b"no database at all, and long enough to be looked at" * 100)
    damaged = found(doctor.database, config)["database"]
    assert damaged.state == "bad"
    assert damaged.hint is not None
    assert "backup" in damaged.hint


def test_endpoints_and_whether_their_keys_are_there(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(config.database)
    migrate(database)
    registry = Registry(database, config.models)
    registry.add_endpoint(Endpoint("https://llm.test/v1", "m", 8192, "LLM_KEY"), "far")
    registry.add_endpoint(Endpoint("http://10.0.0.7:8000/v1", "n", 8192), "near")
    database.close()
    monkeypatch.delenv("LLM_KEY", raising=False)
    findings = found(doctor.endpoints, config)
    assert findings["endpoint near"] == Finding("endpoint near", "ok", "n at 10.0.0.7:8000")
    assert findings["endpoint far"].state == "note"
    assert findings["endpoint far"].text == "m at llm.test:443; LLM_KEY holds no key here"
    monkeypatch.setenv("LLM_KEY", "sk-x")
    assert found(doctor.endpoints, config)["endpoint far"].state == "ok"
    config.database.write_bytes(b"no database at all")
    assert found(doctor.endpoints, config) == {}


def test_a_folder_that_others_can_read(config: Config) -> None:
    config.home.chmod(0o755)
    readable = found(doctor.home, config)["data folder"]
    assert (readable.state, readable.hint) == ("note", f"chmod 700 {config.home}")


def test_a_folder_that_is_held_by_something_silent(config: Config) -> None:
    with HomeLock(config.home):
        held = found(doctor.server, config)["server"]
    assert held.state == "bad"
    assert "does not answer" in held.text


def test_a_taken_port(config: Config) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        other = config.model_copy(update={"port": taken.getsockname()[1]})
        assert found(doctor.server, other)["port"].state == "bad"
    assert found(doctor.server, other)["port"].state == "ok"


def test_listening_to_the_network_is_noted(config: Config) -> None:
    assert "network" not in found(doctor.network, config)
    opened = config.model_copy(update={"host": "0.0.0.0", "allowed_egress": ("docs.example.com",)})
    assert found(doctor.network, opened)["network"].state == "note"
    assert "docs.example.com" in found(doctor.network, opened)["outbound"].text


def test_the_exit_status_is_1_when_something_is_bad(
    freehold: object, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(freehold)
    assert freehold("doctor").status == 0
    (home / "freehold.db").write_bytes(b"not a database" * 500)
    ran = freehold("doctor")
    assert ran.status == 1
    assert "BAD   database" in ran.out


def test_a_damaged_small_model_is_bad_as_it_is_for_the_server(config: Config) -> None:
    for check, name, folder in (
        (doctor.embedding_model, "embedding model", config.embedder_folder),
        (doctor.reader, "reader", config.reader_folder),
    ):
        folder.mkdir(parents=True)
        manifest: dict[str, Any] = {"identity": "another", "dimensions": 384, "files": {}}
        for file in ("model.onnx", "tokenizer.json"):
            (folder / file).write_bytes(b"right")
            manifest["files"][file] = {"sha256": hashlib.sha256(b"right").hexdigest()}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        other = found(check, config)[name]
        assert (other.state, other.hint) == ("note", "`freehold setup` gets this one's.")
        (folder / "model.onnx").write_bytes(b"wrong")
        damaged = found(check, config)[name]
        assert damaged.state == "bad"
        assert "model.onnx" in damaged.text
