"""What a server leaves in its data folder is its user's alone to read."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from web_parts import bearer

from freehold.cli.client import ServerFile
from freehold.cli.serve import open_log
from freehold.config import Config
from freehold.engines.at_hand import embedder_of
from freehold.errors import Conflict, ModelRejected, Unavailable
from freehold.serving import listen, serve
from freehold.store.database import Database
from freehold.web.auth import Keys


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder made by hand, with the usual mode."""
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    return home


def test_nobody_else_may_read(home: Path) -> None:
    environment = {**os.environ, "FREEHOLD_HOME": str(home)}
    freehold = [sys.executable, "-m", "freehold.cli"]
    old = os.umask(0o022)
    try:
        subprocess.run([*freehold, "up", "--detach", "--port", "0", "--no-demo"], env=environment, check=True)
    finally:
        os.umask(old)
    server = ServerFile.read(home / "server.json")
    assert server is not None
    try:
        form = {"files": ("refunds.md", b"# Refunds\n\nRefunds take five working days.\n")}
        with httpx.Client(base_url=server.url, headers=bearer(server.token), trust_env=False) as client:
            assert client.post("/api/v1/sources/upload", files=form).status_code == 202
        open_ = {
            str(path.relative_to(home)): oct(stat.S_IMODE(path.stat().st_mode))
            for path in home.rglob("*")
            if stat.S_IMODE(path.stat().st_mode) & 0o077
        }
        assert open_ == {}
        names = {path.name for path in home.rglob("*")}
        assert {"freehold.db", "server.json", "server.log", "refunds.md", "index", "files"} <= names
    finally:
        os.kill(server.pid, signal.SIGTERM)
        subprocess.run([*freehold, "down"], env=environment, check=True)


def test_a_start_that_fails_keeps_its_admin_key_for_the_next(tmp_path: Path) -> None:
    said: list[str | None] = []
    with listen("127.0.0.1", 0) as taken:
        config = Config(home=tmp_path, port=taken.getsockname()[1], demo=False)
        with pytest.raises(Conflict, match=r"Address already in use\.$"):
            serve(config, on_ready=lambda _url, key: said.append(key))
    assert said == []
    database = Database(config.database)
    assert Keys(database).list() == []
    database.close()


def test_a_start_says_what_is_wrong_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match=r"cannot be used: (File exists|Not a directory)\.$"):
        open_log(tmp_path / "file" / "server.log")


def test_a_damaged_embedding_model_is_said_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("model.onnx", "tokenizer.json"):
        (folder / name).write_bytes(b"cut short")
    facts = {"files": {"model.onnx": {"sha256": "0" * 64}}, "dimensions": 384, "identity": "test"}
    (folder / "manifest.json").write_text(json.dumps(facts))
    with pytest.raises(ModelRejected, match=r"model\.onnx .* is damaged"):
        embedder_of(Config(home=tmp_path, embedding_model=folder))
