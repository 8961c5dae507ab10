"""A server that answers from a script, and commands run against it in this process."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from scripted import TOKEN, Ran, Script

from freehold.cli import main


@pytest.fixture
def script() -> Script:
    return Script(answers={("GET", "/v1/models"): [(200, {"data": []})]})


@pytest.fixture
def home(tmp_path: Path, script: Script) -> Iterator[Path]:
    """A data folder on which the scripted server runs."""

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            path, _, query = self.path.partition("?")
            if path != "/v1/models":
                script.asked.append((self.command, path, body if body is not None else query or None))
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, value = (
                    401,
                    {"error": {"code": "unauthorized", "message": "This needs a key.", "hint": None}},
                )
            else:
                missing = {"error": {"code": "not_found", "message": f"Nothing at {path}.", "hint": "Look."}}
                found = script.answers.get((self.command, path), [(404, missing)])
                status, value = found.pop(0) if len(found) > 1 else found[0]
            data = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()
            self.send_response(status)
            self.send_header(
                "Content-Type", "text/event-stream" if isinstance(value, bytes) else "application/json"
            )
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    for method in ("GET", "POST", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.reply)
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    port = server.server_address[1]
    described = {
        "pid": os.getpid(),
        "host": "127.0.0.1",
        "port": port,
        "url": f"http://127.0.0.1:{port}",
        "token": TOKEN,
        "version": "0.1.0",
        "started_at": 1_700_000_000.0,
    }
    (folder / "server.json").write_text(json.dumps(described))
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def freehold(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs a command against the scripted server."""

    def run(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(home), *arguments])
        out, err = capsys.readouterr()
        return Ran(int(ended.value.code or 0), out, err)

    return run
