"""The linear router in service: told a message, it says what the message is about, if there is one to say it.

The file that is in service is looked at before each message, so that putting another in its place
(`freehold route use`) needs no restart. A router that cannot be used is said in the log, once, and then not
there: answers go on without it.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from freehold.engines.base import Embedder
from freehold.errors import FreeholdError
from freehold.tasks.linear_route import LinearRoute, read
from freehold.tasks.route import LONGEST_MESSAGE, Route

Stamp = tuple[int, int, int]

log = logging.getLogger(__name__)


class LinearRouter:
    """Routes messages with whatever linear router lies at `path`. Thread-safe."""

    def __init__(self, path: Path, embedder: Embedder | None) -> None:
        """Without an embedding model nothing is routed."""
        self._path = path
        self._embedder = embedder
        self._lock = threading.Lock()
        self._stamp: Stamp | None = None
        self._router: LinearRoute | None = None

    def __call__(self, message: str) -> Route | None:
        """Where a message goes; None while no router is in service."""
        router = self.current()
        if router is None or self._embedder is None:
            return None
        return router.route(self._embedder.embed([message[:LONGEST_MESSAGE]])[0])

    def current(self) -> LinearRoute | None:
        """The router in service; None where there is none, or none that can be used."""
        stamp = _stamp(self._path)
        with self._lock:
            if stamp != self._stamp:
                self._stamp = stamp
                self._router = None if stamp is None else self._read()
            return self._router

    def _read(self) -> LinearRoute | None:
        try:
            router = read(self._path)
        except FreeholdError as error:
            log.error("Messages are not routed: %s", error.message)
            return None
        name = None if self._embedder is None else self._embedder.name
        if router.embedder != name:
            log.error(
                "Messages are not routed: the router was learnt from the embedding model %s, which is not the"
                " one in service (%s). Train it anew.", router.embedder, name or "none",
            )  # fmt: skip
            return None
        return router


def _stamp(path: Path) -> Stamp | None:
    """What changes when another file is put there; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
