"""What a server leaves in its data folder is its user's alone to read."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from web_parts import bearer

from freehold.app import listen, serve
from freehold.cli.client import ServerFile
from freehold.config import Config
from freehold.errors import Conflict
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
