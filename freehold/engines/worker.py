"""The model's own process: loads one GGUF with llama.cpp and generates until told to close.

Started by `engines/process.py` as a program of its own, with the number of an inherited socket as its only
argument. Both sides speak JSON, one object a line. The first line it gets are its settings; it answers
`ready` (with `binding`, and `why` it is not our own) or `rejected` (with `message`), and from then on

    in   generate  id, messages, max_tokens, temperature, top_k, top_p, min_p, seed, stop,
                   grammar, json_schema, logprobs, adapter (id, path, scale)
         measure   id, messages                tokens of a prompt in the model's chat template
         count     id, text                    tokens of a text as it stands
         cancel    id
         ping, close
    out  delta     id, text, logprobs
         progress  id                          something was done that adds no text
         finished  id, reason, prompt_tokens, cached_tokens, completion_tokens, cpu_seconds
         counted   id, tokens
         failed    id, kind, message, hint
         pong

named by `op` on the way in and `event` on the way out. It imports little of Freehold's, knows neither queue
nor deadline, and dies with its parent. llama.cpp writes to stderr, where the parent keeps the last lines:
they hold the reason when a file is not loaded.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from freehold.errors import FreeholdError, Unavailable

Message = dict[str, Any]
Emit = Callable[[Message], None]

JOIN_SECONDS = 4.0
PR_SET_PDEATHSIG = 1


class Meter:
    """Processor time of this process, shared out among the requests that run.

    While several run at once, each is charged an equal part of what the process used, whatever it really
    took: a short request beside a long prompt is charged too much, and the sum over all requests is right.
    """

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._running = 0
        self._last = 0.0
        self._each = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[Callable[[], float]]:
        """Counts one more request in; the function it yields tells that request's seconds so far."""
        begun = self._change(+1)
        try:
            yield lambda: self._change(0) - begun
        finally:
            self._change(-1)

    def _change(self, by: int) -> float:
        """What a request that ran since the beginning of time would be charged."""
        with self._lock:
            now = self._clock()
            if self._running:
                self._each += (now - self._last) / self._running
            self._last = now
            self._running += by
            return self._each


class Binding(Protocol):
    """What runs the model: `llama_cpp.LlamaCpp` or `wheel_server.WheelServer`. Called from many threads."""

    name: str

    def generate(self, request: Message, emit: Emit, cancelled: threading.Event) -> Message: ...

    def cancel(self, id: int) -> None: ...

    def measure(self, messages: Sequence[Message]) -> int: ...

    def count(self, text: str) -> int: ...

    def close(self) -> bool: ...


class Worker:
    """Serves one parent: each request in its own thread, so that the socket is always listened to."""

    def __init__(self, binding: Binding, send: Callable[[Message], None]) -> None:
        self._binding = binding
        self._send = send
        self._meter = Meter()
        self._cancelled: dict[int, threading.Event] = {}
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()

    def serve(self, messages: Iterator[Message]) -> None:
        """Until the parent says `close` or is gone."""
        works = {"generate": self._generate, "measure": self._measure, "count": self._count}
        for message in messages:
            op = message["op"]
            if op == "close":
                return
            if op == "ping":
                self._send({"event": "pong"})
            elif op == "cancel":
                if event := self._cancelled.get(message["id"]):
                    event.set()
                    self._binding.cancel(message["id"])
            else:
                self._start(works[op], message)

    def stop(self) -> bool:
        """Cancels everything; True when nothing runs any more (exiting before crashes in C++)."""
        deadline = time.monotonic() + JOIN_SECONDS
        for event in list(self._cancelled.values()):
            event.set()
        closed = self._binding.close()
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))
        return closed and not any(thread.is_alive() for thread in list(self._threads))

    def _start(self, work: Callable[[Message], Message], message: Message) -> None:
        self._cancelled[message["id"]] = threading.Event()
        thread = threading.Thread(target=self._run, args=(work, message), daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def _run(self, work: Callable[[Message], Message], message: Message) -> None:
        try:
            answer = work(message)
        except Exception as error:  # whatever it is, the parent waits for an answer
            answer = failure(error)
        del self._cancelled[message["id"]]
        self._send({"id": message["id"], **answer})
        with self._lock:
            self._threads.discard(threading.current_thread())

    def _measure(self, message: Message) -> Message:
        return {"event": "counted", "tokens": self._binding.measure(message["messages"])}

    def _count(self, message: Message) -> Message:
        return {"event": "counted", "tokens": self._binding.count(message["text"])}

    def _generate(self, message: Message) -> Message:
        id = message["id"]
        with self._meter.running() as seconds:
            outcome = self._binding.generate(
                message, lambda event: self._send({**event, "id": id}), self._cancelled[id]
            )
            return {**outcome, "cpu_seconds": seconds()}


def bind(settings: Message) -> tuple[Binding, str]:
    """The model, loaded, by the binding that is set; and why not by our own, where that could not be.

    Raises:
        ModelRejected, RuntimeError: it cannot be loaded.
        Unavailable: only our own binding is wanted, and it does not know this build.
    """
    from freehold.engines.wheel_server import WheelServer

    why = ""
    if settings["binding"] != "server":
        try:
            from freehold.engines.llama_cpp import LlamaCpp

            return LlamaCpp(settings), why
        except Unavailable as error:
            if settings["binding"] == "own":
                raise
            why = error.message
    return WheelServer(settings), why


def failure(error: Exception) -> Message:
    """How an error is told to the parent: one of ours in its own words."""
    if isinstance(error, FreeholdError):
        return {"event": "failed", "kind": error.code, "message": error.message, "hint": error.hint}
    return {"event": "failed", "kind": "engine_failed", "message": str(error)[:500]}


def die_with_parent(parent: int) -> None:
    """Asks the kernel to kill this process when its parent ends; elsewhere the closed socket tells."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def main() -> None:
    """Loads, serves, and leaves no thread of llama.cpp behind."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    os.dup2(2, 1)  # llama.cpp prints here and there
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    lock = threading.Lock()

    def send(message: Message) -> None:
        line = json.dumps(message).encode() + b"\n"
        with lock, contextlib.suppress(OSError):  # a parent that is gone is noticed where we read
            channel.sendall(line)

    with channel, channel.makefile("rb") as lines:
        messages = (json.loads(line) for line in lines)
        settings = next(messages, None)
        if settings is None:
            return
        die_with_parent(settings["parent"])
        os.chdir(settings["folder"])
        if limit := settings["memory_limit"]:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        try:
            binding, why = bind(settings)
        except Exception as error:
            send({**failure(error), "event": "rejected"})
            return
        send({"event": "ready", "binding": binding.name, "why": why})
        worker = Worker(binding, send)
        worker.serve(messages)
        if not worker.stop():
            os._exit(0)  # what does not end in time, or at all; joining it would keep the parent waiting


if __name__ == "__main__":
    main()
