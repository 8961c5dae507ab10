"""The server's process: the web in front of an opened data folder, until it is told to stop.

`serve` is a server of its own; `private` is one for a single command, when none runs on the folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

import uvicorn

from freehold import __version__, memory
from freehold.app import Home
from freehold.config import Config
from freehold.engines.base import Engine
from freehold.errors import Conflict, InvalidInput, Unavailable
from freehold.web.auth import ensure_admin_key
from freehold.web.server import create_app, uvicorn_config

PRIVATE = 0o077
"""The mask of a process that writes a data folder: what it makes there is its user's alone to read."""


class Web:
    """The web in front of a home, on a listening socket; told to stop from any thread."""

    def __init__(self, home: Home, listening: socket.socket, *, start_token: str) -> None:
        self._home = home
        self._listening = listening
        self._token = start_token
        self._server: uvicorn.Server | None = None
        self._stopping = threading.Event()
        host, self.port = listening.getsockname()[:2]
        self.host = home.config.host
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - shown, not bound
        self.url = f"http://{shown}:{self.port}"

    def stop(self) -> None:
        """Asks it to end: no new connections, a moment for those that are open."""
        self._stopping.set()
        if self._server is not None:
            self._server.should_exit = True

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Serves until `stop`; calls `on_ready` once connections are answered."""
        services = self._home.services(address=self.url, start_token=self._token, stop=self.stop)
        config = uvicorn_config(create_app(services), host=self.host, port=self.port)
        self._server = server = _Server(config, on_ready)
        if self._stopping.is_set():
            return
        engines = self._home.engines.values()
        for engine in engines:
            await engine.resume()
        try:
            await server.serve(sockets=[self._listening])
        finally:
            for engine in engines:
                await engine.close()


class _Server(uvicorn.Server):
    """uvicorn, that says when it is ready and leaves signals to us."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        Conflict: the port is taken.
        InvalidInput: the address is none of this machine's.
    """
    try:
        listening = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=512
        )
        # connections inherit it; without, each answer's second packet waits 40 ms for a delayed ACK
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise Conflict(
                f"Port {port} of {host} cannot be listened on: {reason}.",
                hint="Name another with --port, or FREEHOLD_PORT; 0 takes a free one.",
            ) from None
        raise InvalidInput(
            f"{host} cannot be listened on: {reason}.", hint="Name an address of this machine."
        ) from None


def serve(
    config: Config, *, on_ready: Callable[[str, str | None], None], engine: Engine | None = None
) -> None:
    """Runs the server until SIGINT or SIGTERM; the main thread's.

    `on_ready` gets the URL, and the admin key when this start made one.

    Raises:
        HomeInUse: another process has the data folder.
        Conflict: the port is taken, or a newer Freehold wrote the folder.
    """
    set_up_logging(config)
    memory.few_arenas()
    os.umask(PRIVATE)
    token = secrets.token_urlsafe(32)
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(Home(config, engine))
        web = Web(home, stack.enter_context(listen(config.host, config.port)), start_token=token)

        def ready() -> None:
            admin_key = ensure_admin_key(home.database, config)  # not sooner: a start that fails shows no key
            write_server_file(config, web, token)
            stack.callback(config.server_file.unlink, missing_ok=True)
            on_ready(web.url, admin_key)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: web.stop())
        asyncio.run(web.run(ready))


@contextlib.contextmanager
def private(config: Config, engine: Engine | None = None) -> Generator[tuple[str, str], None, None]:
    """A server for one command, in this process, on a free loopback port: its URL and its token.

    Raises:
        HomeInUse: another process has the data folder.
    """
    token = secrets.token_urlsafe(32)
    config = config.model_copy(update={"host": "127.0.0.1", "port": 0})
    os.umask(PRIVATE)
    with Home(config, engine) as home, listen(config.host, 0) as listening:
        web = Web(home, listening, start_token=token)
        ready = threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(web.run(ready.set)), name="web", daemon=True)
        thread.start()
        try:
            while not ready.wait(0.05):
                if not thread.is_alive():
                    raise Unavailable("The server for this command ended before it began.")
            yield web.url, token
        finally:
            web.stop()
            thread.join()


def write_server_file(config: Config, web: Web, token: str) -> None:
    """Says where the server is to commands of the same user: mode 0600, there whole or not at all."""
    content: dict[str, Any] = {
        "pid": os.getpid(),
        "host": web.host,
        "port": web.port,
        "url": web.url,
        "token": token,
        "version": __version__,
        "started_at": time.time(),
    }
    fresh = config.server_file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file)
    fresh.replace(config.server_file)


def set_up_logging(config: Config) -> None:
    """One line an event on stderr."""
    logging.basicConfig(
        level=config.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for chatty in ("alembic", "httpx", "httpcore", "uvicorn"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
