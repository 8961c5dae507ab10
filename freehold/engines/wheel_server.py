"""The wheel's own `Server` as a binding of the worker: any build of it, without live adapters."""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from freehold.errors import InvalidInput
from freehold.models.chat_marks import any_of, marks_of, parted
from freehold.models.formats.gguf_file import open_gguf

Message = dict[str, Any]

SOCKET = "s.sock"
"""Of the wheel's server, in the worker's own folder: a socket's path has no room for a long one."""
CHATML_BEGIN, CHATML_END = "<|im_start|>", "<|im_end|>"


class LocalConnection(http.client.HTTPConnection):
    """HTTP to the wheel's own server in this process, over its Unix socket: no port is opened."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class WheelServer:
    """The wheel's `Server` with one model in it."""

    name = "server"

    def __init__(self, settings: Message) -> None:
        """Raises RuntimeError, without its reason, when llama.cpp does not load the file."""
        import xllamacpp

        self._key = secrets.token_hex(32)
        self._extra_stops = [] if settings["has_chat_template"] else [CHATML_END]
        with open_gguf(Path(settings["model"])) as file:
            template = file.value("tokenizer.chat_template", str, "")
        # It takes control tokens in a message for commands.
        self._control = any_of([*settings["control_tokens"], *marks_of(template), CHATML_BEGIN, CHATML_END])
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

    def generate(
        self, request: Message, emit: Callable[[Message], None], cancelled: threading.Event
    ) -> Message:
        """Blocks until the answer is complete; what it returns is the last event, processor time aside.

        Raises:
            InvalidInput: the request needs what the wheel's server cannot do.
        """
        if request["adapter"] is not None:
            raise InvalidInput(
                "This engine cannot put an adapter on a running model.",
                hint="Set engine_binding to auto, and install the version of xllamacpp that Freehold names.",
            )
        body = {
            "messages": self._plain(request["messages"]),
            "stop": [*request["stop"], *self._extra_stops],
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
        }
        for name in ("max_tokens", "temperature", "top_k", "top_p", "min_p"):
            body[name] = request[name]
        for name in ("seed", "grammar", "json_schema"):
            if request[name] is not None:
                body[name] = request[name]
        if request["logprobs"] is not None:
            body |= {"logprobs": True, "top_logprobs": max(1, request["logprobs"])}  # of 0 it tells none
        stream = Stream(emit, cancelled, top=request["logprobs"] or 0)
        self._server.handle_chat_completions(body, stream.on_chunk)
        return stream.outcome()

    def cancel(self, id: int) -> None:
        """Nothing: between its batches the server asks the stream itself."""

    def measure(self, messages: Sequence[Message]) -> int:
        """Tokens of a conversation in the model's chat template."""
        body = {"messages": self._plain(messages)}
        return int(self._post("/v1/chat/completions/input_tokens", body)["input_tokens"])

    def count(self, text: str) -> int:
        """Tokens of a text as it stands."""
        body = {"content": text, "add_special": False, "parse_special": False}
        return len(self._post("/tokenize", body)["tokens"])

    def close(self) -> bool:
        """False: there is no way to end it but with the process, and that must not ask it to end either.

        Asked before its loop has begun, as on a busy machine right after the start, it waits for ever.
        """
        return False

    def _plain(self, messages: Sequence[Message]) -> list[Message]:
        return [{**message, "content": parted(message["content"], self._control)} for message in messages]

    def _post(self, path: str, body: Message) -> Message:
        with contextlib.closing(LocalConnection(SOCKET)) as connection:
            headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
            connection.request("POST", path, json.dumps(body), headers)
            response = connection.getresponse()
            answer: Message = json.loads(response.read())
        if response.status != http.client.OK:
            raise RuntimeError(answer.get("error", {}).get("message", f"status {response.status}"))
        return answer


class Stream:
    """What the stream of one answer has told so far."""

    def __init__(self, emit: Callable[[Message], None], cancelled: threading.Event, *, top: int = 0) -> None:
        """`top` is how many of the likeliest tokens are told of each place, where any are."""
        self._top = top
        self._emit = emit
        self._cancelled = cancelled
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
        text, logprobs = "", []
        for choice in chunk.get("choices", ()):
            self._reason = choice.get("finish_reason") or self._reason
            text += choice["delta"].get("content") or ""
            told = (choice.get("logprobs") or {}).get("content") or ()
            logprobs += [_logprob(each, self._top) for each in told]
        if text or logprobs:
            self._completion += 1
            self._emit({"event": "delta", "text": text, **({"logprobs": logprobs} if logprobs else {})})
        else:
            self._emit({"event": "progress"})
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


def _logprob(entry: Message, top: int) -> Message:
    likeliest = [_named(each) for each in entry["top_logprobs"][:top]]
    return {**_named(entry), "top": likeliest}


def _named(entry: Message) -> Message:
    return {"token": entry["id"], "text": entry["token"], "logprob": entry["logprob"]}
