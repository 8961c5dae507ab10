"""The model's own process: loads one GGUF with llama.cpp and generates until told to close.

Started by `engines/process.py` as a program of its own, with the number of an inherited socket as its only
argument. Both sides speak JSON, one object a line. The first line it gets are its settings; it answers
`ready` or `rejected` (with `message`), and from then on

    in   generate  id, messages, max_tokens, temperature, stop, seed
         measure   id, messages                tokens of a prompt in the model's chat template
         count     id, text                    tokens of a text as it stands
         cancel    id
         ping, close
    out  delta     id, text
         progress  id                          something was done that adds no text
         finished  id, reason, prompt_tokens, cached_tokens, completion_tokens, cpu_seconds
         counted   id, tokens
         failed    id, kind, message
         pong

named by `op` on the way in and `event` on the way out. It imports nothing of Freehold's, knows neither queue
nor deadline, and dies with its parent. llama.cpp writes to stderr, where the parent keeps the last lines:
they hold the reason when a file is not loaded.
"""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import json
import os
import resource
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

Message = dict[str, Any]

SOCKET = "s.sock"
"""Of the wheel's server, in the worker's own folder: a socket's path has no room for a long one."""
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


class LocalConnection(http.client.HTTPConnection):
    """HTTP to the wheel's own server in this process, over its Unix socket: no port is opened."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Model:
    """The wheel's `Server` with one model in it."""

    def __init__(self, settings: Message) -> None:
        """Raises RuntimeError, without its reason, when llama.cpp does not load the file."""
        import xllamacpp

        self._key = secrets.token_hex(32)
        self._extra_stops: list[str] = settings["extra_stops"]
        params = xllamacpp.CommonParams()
        params.model.path = settings["model"]
        params.n_ctx = settings["context"]
        params.n_parallel = settings["slots"]
        params.kv_unified = True  # else the context is split over the slots
        params.n_batch = params.n_ubatch = settings["batch"]  # between batches others go on and cancels act
        params.cache_ram_mib = settings["cache_mib"]
        params.fit_params = False  # the parent has checked; silently less context would be a lie
        params.cpuparams.n_threads = settings["threads"]
        params.cpuparams_batch.n_threads = settings["threads"]
        params.hostnames = [SOCKET]
        params.api_keys = [self._key]
        params.ui = False
        params.endpoint_slots = False
        params.offline = True
        params.n_ctx_checkpoints = 4  # 32 of them can take more than the model does
        params.verbosity = 1
        self._server = xllamacpp.Server(params)

    def chat(self, request: Message, on_chunk: Callable[[Message], bool]) -> None:
        """Blocks until the answer is complete; `on_chunk` returns True to cancel."""
        body = {
            "messages": request["messages"],
            "max_tokens": request["max_tokens"],
            "temperature": request["temperature"],
            "stop": [*request["stop"], *self._extra_stops],
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
        }
        if request["seed"] is not None:
            body["seed"] = request["seed"]
        self._server.handle_chat_completions(body, on_chunk)

    def prompt_tokens(self, messages: list[Message]) -> int:
        """Tokens of a conversation in the model's chat template."""
        return int(self._post("/v1/chat/completions/input_tokens", {"messages": messages})["input_tokens"])

    def count(self, text: str) -> int:
        """Tokens of a text as it stands."""
        body = {"content": text, "add_special": False, "parse_special": False}
        return len(self._post("/tokenize", body)["tokens"])

    def _post(self, path: str, body: Message) -> Message:
        with contextlib.closing(LocalConnection(SOCKET)) as connection:
            headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
            connection.request("POST", path, json.dumps(body), headers)
            response = connection.getresponse()
            answer: Message = json.loads(response.read())
        if response.status != http.client.OK:
            raise RuntimeError(answer.get("error", {}).get("message", f"status {response.status}"))
        return answer


class Worker:
    """Serves one parent: each request in its own thread, so that the socket is always listened to."""

    def __init__(self, model: Model, send: Callable[[Message], None]) -> None:
        self._model = model
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
            else:
                self._start(works[op], message)

    def stop(self) -> bool:
        """Cancels everything; True when nothing runs any more (exiting before crashes in C++)."""
        deadline = time.monotonic() + JOIN_SECONDS
        for event in list(self._cancelled.values()):
            event.set()
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in list(self._threads))

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
            answer = {"event": "failed", "kind": "engine_failed", "message": str(error)[:500]}
        del self._cancelled[message["id"]]
        self._send({"id": message["id"], **answer})
        with self._lock:
            self._threads.discard(threading.current_thread())

    def _measure(self, message: Message) -> Message:
        return {"event": "counted", "tokens": self._model.prompt_tokens(message["messages"])}

    def _count(self, message: Message) -> Message:
        return {"event": "counted", "tokens": self._model.count(message["text"])}

    def _generate(self, message: Message) -> Message:
        generation = Generating(message["id"], self._cancelled[message["id"]], self._send)
        with self._meter.running() as seconds:
            self._model.chat(message, generation.on_chunk)
            return {**generation.outcome(), "cpu_seconds": seconds()}


class Generating:
    """What the stream of one answer has told so far."""

    def __init__(self, id: int, cancelled: threading.Event, send: Callable[[Message], None]) -> None:
        self._id = id
        self._cancelled = cancelled
        self._send = send
        self._reason: str | None = None
        self._failure: Message | None = None
        self._prompt = self._cached = self._completion = 0

    def on_chunk(self, chunk: Message) -> bool:
        """Takes one chunk; True cancels. Must not raise: the wheel would swallow it."""
        if error := chunk.get("error"):
            overflow = error.get("type") == "exceed_context_size_error"
            self._failure = {
                "event": "failed",
                "kind": "invalid_input" if overflow else "engine_failed",
                "message": str(error.get("message", error))[:500],
            }
            return True
        if progress := chunk.get("prompt_progress"):
            self._prompt, self._cached = progress["total"], progress["cache"]
        text = ""
        for choice in chunk.get("choices", ()):
            self._reason = choice.get("finish_reason") or self._reason
            text += choice["delta"].get("content") or ""
        if text:
            self._completion += 1
            self._send({"event": "delta", "id": self._id, "text": text})
        else:
            self._send({"event": "progress", "id": self._id})
        if usage := chunk.get("usage"):
            self._prompt, self._completion = usage["prompt_tokens"], usage["completion_tokens"]
            self._cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
        return self._cancelled.is_set()

    def outcome(self) -> Message:
        """The last event, processor time aside."""
        if self._failure:
            return self._failure
        complete = self._reason is not None
        if not complete and not self._cancelled.is_set():
            return {"event": "failed", "kind": "engine_failed", "message": "the answer broke off"}
        return {
            "event": "finished",
            "reason": ("length" if self._reason == "length" else "stop") if complete else "cancelled",
            "prompt_tokens": self._prompt,
            "cached_tokens": self._cached,
            "completion_tokens": self._completion,
        }


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
        begun = time.monotonic()
        try:
            model = Model(settings)
        except Exception as error:
            send({"event": "rejected", "message": str(error)[:500]})
            return
        send({"event": "ready", "seconds": time.monotonic() - begun})
        worker = Worker(model, send)
        worker.serve(messages)
        if not worker.stop():
            os._exit(0)  # a batch that takes seconds; joining it would keep the parent waiting


if __name__ == "__main__":
    main()
