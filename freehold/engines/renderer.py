"""Renders a model's chat template in a process of its own, with limits on time and memory.

A template comes with the weights and may loop, or fill the memory, in a single step of the interpreter that
no thread could interrupt; a process can always be ended. Run as a program this file is that process: it reads
one JSON object a line, the template first, then conversations, and answers each with a line.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from freehold.errors import FreeholdError, InvalidInput, ModelRejected
from freehold.models import chat_format

SECONDS: Final = 2.0
START_SECONDS: Final = 30.0
MEMORY_BYTES: Final = 384 * 2**20
MAX_CHARACTERS: Final = 4_000_000
HINT: Final = "Take the model in a version with a sound template, or convert it again with another one."


class Renderer:
    """A conversation's text, by one template. May be called from several threads, which take turns."""

    def __init__(self, *, seconds: float = SECONDS) -> None:
        """Starts the process, and does not wait for it."""
        self._first: dict[str, str] = {}
        self._seconds = seconds
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._unread = b""
        self._start()

    def prepare(self, template: str, *, bos_token: str, eos_token: str) -> None:
        """Says which template; once, before the first conversation."""
        self._first = {"template": template, "bos_token": bos_token, "eos_token": eos_token}

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The text that asks the model for the next turn.

        Raises:
            InvalidInput: the template itself refuses this conversation.
            ModelRejected: the template fails, or does not come to its end.
        """
        with self._turn:
            if self._process is None or self._process.poll() is not None:
                self._start()
            try:
                if not self._ready:
                    self._ask(self._first, START_SECONDS)
                    self._ready = True
                answer = self._ask({"messages": list(messages)}, self._seconds)
            except BaseException:
                self._end()  # what it still says would be taken for the next answer
                raise
        if "text" in answer:
            return str(answer["text"])
        kind = InvalidInput if answer["kind"] == InvalidInput.code else ModelRejected
        raise kind(answer["message"], hint=answer["hint"])

    def close(self) -> None:
        with self._turn:
            self._end()

    def _start(self) -> None:
        self._end()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):  # what was not yet written is of no use
                        pipe.close()
        self._process, self._ready, self._unread = None, False, b""

    def _ask(self, question: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """One line there, one line back."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        deadline = time.monotonic() + seconds
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise self._died() from None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise ModelRejected(
                    f"The model's chat template did not come to its end within {seconds:.0f} seconds.",
                    hint=HINT,
                )
            piece = os.read(descriptor, 2**20)
            if not piece:
                raise self._died()
            self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _died(self) -> ModelRejected:
        return ModelRejected(
            "The model's chat template ended the process that rendered it: it takes too much memory.",
            hint=HINT,
        )


def _answer(first: Mapping[str, str], messages: list[dict[str, str]]) -> dict[str, Any]:
    try:
        text = chat_format.render(
            first["template"],
            messages,
            bos_token=first["bos_token"],
            eos_token=first["eos_token"],
            add_generation_prompt=True,
        )
        if len(text) > MAX_CHARACTERS:
            raise ModelRejected(
                f"The model's chat template wrote {len(text):,} characters; {MAX_CHARACTERS:,} are allowed.",
                hint=HINT,
            )
    except FreeholdError as error:
        return {"kind": error.code, "message": error.message, "hint": error.hint}
    return {"text": text}


def main(parent: int) -> None:
    """Answers until there are no more questions."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: it ends when its parent does
    if os.getppid() != parent:
        return
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (0, 0))
    first: dict[str, str] | None = None
    for line in sys.stdin.buffer:
        question = json.loads(line)
        if first is None:
            first, answer = question, {"text": ""}
        else:
            answer = _answer(first, question["messages"])
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
