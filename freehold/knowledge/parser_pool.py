"""Runs the parsers in child processes with limits; the server's own process never reads a document."""

from __future__ import annotations

import json
import logging
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from freehold.errors import Unavailable, UnreadableDocument
from freehold.knowledge.page_facts import PageFacts
from freehold.knowledge.parsed import Parsed
from freehold.knowledge.parser_worker import LENGTH, MEMORY_EXIT

_log = logging.getLogger("freehold.parser")
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "SYSTEMROOT", "TMPDIR")
"""All that a child sees of the environment: keys and tokens are not for parsers."""
_MAX_LOG_LINES = 200
_MAX_ANSWER_BYTES = 512 * 2**20


class ParserPool:
    """Children that parse; safe to use from any thread, as many documents at once as there are children.

    A child is started when it is needed, ends after `idle_seconds` without work, and is replaced when it
    dies: one document's crash is that document's error and no other's.
    """

    def __init__(
        self,
        *,
        seconds: int = 60,
        memory_bytes: int = 1024 * 2**20,
        children: int | None = None,
        wall_seconds: float | None = None,
        idle_seconds: int = 60,
    ) -> None:
        """`seconds` of processor time and `memory_bytes` for one document; `wall_seconds` by default three
        times that and ten more, for a machine that has other work; `children` by default one a processor,
        at most two."""
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._wall_seconds = wall_seconds if wall_seconds is not None else 3.0 * seconds + 10.0
        self._idle_seconds = idle_seconds
        self.children = children if children is not None else min(2, os.cpu_count() or 1)
        self._places: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(self.children):
            self._places.put(None)
        self._closed = False
        self._living: set[_Child] = set()
        self._changing = threading.Lock()

    def parse(
        self,
        name: str,
        data: bytes | Path,
        media_type: str | None = None,
        *,
        include_root: Path | None = None,
    ) -> Parsed:
        """Reads one document (see `parse.parse`); waits for a free child.

        Raises:
            UnreadableDocument: with the reason, limits included.
            Unavailable: the pool is closed, or no child can be started.
        """
        answer = self._answer(_request(name, data, media_type, include_root), data)
        return Parsed.from_json(answer["parsed"])

    def facts(self, url: str, data: bytes, media_type: str | None = None) -> PageFacts:
        """What a web page says to a crawler (see `page_facts`); waits for a free child.

        Raises:
            UnreadableDocument, Unavailable: as `parse`.
        """
        answer = self._answer(_request(url, data, media_type, None, facts=True), data)
        return PageFacts.from_json(answer["facts"])

    def _answer(self, request: bytes, data: bytes | Path) -> dict[str, Any]:
        """What a child makes of a request that it can serve.

        Raises:
            UnreadableDocument, Unavailable: as `parse`.
        """
        content = data if isinstance(data, bytes) else b""
        place = self._places.get()
        kept: _Child | None = None
        try:
            if self._closed:
                raise _stopping()
            child, answer = self._ask(place, request, content)
            if answer.get("failed") == "memory":
                child.end()
            else:
                kept = child
        finally:
            self._places.put(kept)
        if "unreadable" in answer:
            message, hint = answer["unreadable"]
            raise UnreadableDocument(message, hint=hint)
        if "failed" in answer:
            raise self._broken(str(answer["failed"]))
        return answer

    def _ask(self, child: _Child | None, request: bytes, content: bytes) -> tuple[_Child, dict[str, Any]]:
        """The answer and who gave it: this child if it lives, else a new one."""
        if child is not None and child.is_alive():
            if (answer := child.ask(request, content, self._wall_seconds)) is not None:
                return child, answer
            rested = child.ended_by_itself()
            reason = child.end()
            if not rested and reason != "SIGKILL":  # killed from outside, perhaps while it was at rest
                raise self._broken(reason)
        elif child is not None:
            child.end()
        child = self._new_child()
        if (answer := child.ask(request, content, self._wall_seconds)) is None:
            raise self._broken(child.end())
        return child, answer

    def _new_child(self) -> _Child:
        with self._changing:
            if self._closed:
                raise _stopping()
            self._living = {child for child in self._living if child.is_alive()}
            child = _Child(self._seconds, self._memory_bytes, self._idle_seconds)
            self._living.add(child)
            return child

    def close(self) -> None:
        """Ends the children, those at work too. Documents in the making, and calls after it: Unavailable."""
        with self._changing:
            self._closed = True
            for at_work in self._living:
                at_work.kill()
        for _ in range(self.children):
            if (child := self._places.get()) is not None:
                child.end()
        for _ in range(self.children):
            self._places.put(None)

    def _broken(self, reason: str) -> UnreadableDocument | Unavailable:
        if self._closed:
            return _stopping()
        match reason:
            case "memory":
                return UnreadableDocument(
                    f"It needed more than {self._memory_bytes // 2**20} MB of memory.",
                    hint="Split it, or raise FREEHOLD_PARSER_MEMORY_BYTES.",
                )
            case "seconds":
                return UnreadableDocument(
                    f"It took longer than {self._seconds} s of processor time.",
                    hint="Split it, or raise FREEHOLD_PARSER_SECONDS.",
                )
            case "wall":
                return UnreadableDocument(
                    f"It was not read within {self._wall_seconds:.0f} s.",
                    hint="Split it, or try again later.",
                )
            case "SIGKILL":
                return UnreadableDocument(
                    "The parser was killed while reading it, most likely for want of memory on this machine."
                )
            case "error":
                return UnreadableDocument("The parser failed on it.", hint="The log has the details.")
            case _:
                return UnreadableDocument(f"The parser crashed on it ({reason}).")


def _stopping() -> Unavailable:
    return Unavailable("Freehold is stopping; the document was not read.")


class _Child:
    """One worker process; used by one thread at a time."""

    def __init__(self, seconds: int, memory_bytes: int, idle_seconds: int) -> None:
        numbers = [str(number) for number in (seconds, memory_bytes, idle_seconds)]
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "freehold.knowledge.parser_worker", *numbers],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={**kept, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"},
            )
        except OSError as error:
            raise Unavailable(
                f"No parser could be started: {error.strerror}.", hint="Look at memory and process limits."
            ) from None
        self._reason = ""
        assert self._process.stderr is not None
        self._logger = threading.Thread(target=_log_lines, args=(self._process.stderr,), daemon=True)
        self._logger.start()

    def ask(self, request: bytes, content: bytes, wall_seconds: float) -> dict[str, Any] | None:
        """The answer, or None when the child died or took too long; then `end` tells why."""
        assert self._process.stdin is not None
        deadline = time.monotonic() + wall_seconds
        try:
            for part in (LENGTH.pack(len(request)) + request, content):
                self._write(part, deadline)
            head = self._read(LENGTH.size, deadline)
            size = LENGTH.unpack(head)[0]
            if size > _MAX_ANSWER_BYTES:
                self._reason = "memory"
                return None
            answer: dict[str, Any] = json.loads(self._read(size, deadline))
            return answer
        except TimeoutError:
            self._reason = "wall"
        except (OSError, EOFError, ValueError):
            pass
        except BaseException:
            self._process.kill()
            raise
        return None

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """Ends it at once, from any thread; who waits for its answer gets none."""
        self._process.kill()

    def ended_by_itself(self) -> bool:
        """Whether it had gone for want of work (or with much memory) before it took the last request."""
        try:
            return not self._reason and self._process.wait(timeout=5) == 0
        except subprocess.TimeoutExpired:
            return False

    def end(self) -> str:
        """Ends it if it lives; a word for why it had died: memory, seconds, wall, or the signal's name."""
        assert self._process.stdin is not None and self._process.stdout is not None
        died = not self._reason
        self._process.stdin.close()
        if not died:
            self._process.kill()
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._process.stdout.close()
        self._logger.join(timeout=5)
        if self._reason:
            return self._reason
        if code == -signal.SIGXCPU:
            return "seconds"
        if code == MEMORY_EXIT:
            return "memory"
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"

    def _write(self, data: bytes, deadline: float) -> None:
        assert self._process.stdin is not None
        view = memoryview(data)
        while view:
            self._wait(self._process.stdin, deadline, write=True)
            view = view[os.write(self._process.stdin.fileno(), view[: select.PIPE_BUF]) :]

    def _read(self, size: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        data = bytearray()
        while len(data) < size:
            self._wait(self._process.stdout, deadline, write=False)
            part = os.read(self._process.stdout.fileno(), min(size - len(data), 2**20))
            if not part:
                raise EOFError
            data += part
        return bytes(data)

    def _wait(self, stream: IO[bytes], deadline: float, *, write: bool) -> None:
        poll = select.poll()
        poll.register(stream, select.POLLOUT if write else select.POLLIN)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError


def _request(
    name: str,
    data: bytes | Path,
    media_type: str | None,
    include_root: Path | None,
    *,
    facts: bool = False,
) -> bytes:
    return json.dumps(
        {
            "name": name,
            "facts": facts,
            "media_type": media_type,
            "include_root": str(include_root.absolute()) if include_root is not None else None,
            "path": str(data.absolute()) if isinstance(data, Path) else None,
            "size": len(data) if isinstance(data, bytes) else 0,
        }
    ).encode()


def _log_lines(stream: IO[bytes]) -> None:
    """What a child prints, to the log: so many lines, the rest read and dropped so that it never blocks."""
    with stream:
        for n, line in enumerate(stream):
            if n < _MAX_LOG_LINES:
                _log.info("parser: %s", line[:500].decode("utf-8", "replace").rstrip())
