"""One running worker, seen from the server: started, spoken to, ended.

Knows no policy: what to do when it dies, and who may ask, is decided in `engines/local.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import freehold
from freehold.errors import EngineCrashed, ModelRejected

Message = dict[str, Any]

PROGRAM = "freehold.engines.worker"
ROOT = Path(freehold.__file__).parents[1]
"""The worker finds Freehold where we did."""
TAIL_BYTES = 16_384
LINE_BYTES = 2**20
_FOR_PROGRAMS = re.compile(
    r"PATH|HOME|USER|LANG|LANGUAGE|TZ|TMPDIR|LC_\w+|(DY)?LD_\w+|PYTHON\w+|VIRTUAL_ENV"
    r"|(OMP|GOMP|KMP|MKL|OPENBLAS|GGML|CUDA|NVIDIA|HIP|HSA|ROCR|VK|MTL|METAL)_\w+"
)


class Conversation:
    """What the worker says to one request; its last event is `finished`, `counted`, `failed` or `died`."""

    def __init__(self, worker: WorkerProcess, id: int, on_end: Callable[[], None]) -> None:
        self._worker = worker
        self._id = id
        self._on_end = on_end
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self.ended = False

    def hear(self, event: Message) -> None:
        """Takes one event from the worker."""
        self._events.put_nowait(event)
        if event["event"] not in ("delta", "progress"):
            self.ended = True
            self._on_end()

    async def next(self) -> Message:
        """The next event, waiting for it."""
        return await self._events.get()

    def cancel(self) -> None:
        """Tells the worker to stop; `on_end` is called when it has."""
        if not self.ended:
            self._worker.post({"op": "cancel", "id": self._id})


class WorkerProcess:
    """A worker with its model loaded. Made by `start`; belongs to one event loop."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._conversations: dict[int, Conversation] = {}
        self._ids = itertools.count(1)
        self._replies: asyncio.Queue[Message] = asyncio.Queue()
        self._tail = b""
        self._ending = False
        self.pid = process.pid
        self.binding = self.why = ""
        """What runs the model there, and why it is not our own binding."""
        self.died = asyncio.Event()
        self.doomed = False
        """Dead, or killed and soon dead."""
        self._tasks = [asyncio.create_task(self._keep_tail()), asyncio.create_task(self._listen())]

    @classmethod
    async def start(cls, settings: Mapping[str, Any], *, seconds: float) -> WorkerProcess:
        """Starts a process and waits until its model is loaded.

        Raises:
            ModelRejected: llama.cpp does not load the file, or not within `seconds`.
            EngineCrashed: the process died while loading.
        """
        folder = tempfile.mkdtemp(prefix="freehold-engine-")  # holds the worker's own socket, mode 0700
        try:
            worker = await cls._spawn()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        worker._tasks.append(asyncio.create_task(worker._clean_up(folder)))
        try:
            worker.post({**settings, "folder": folder, "parent": os.getpid()})
            async with asyncio.timeout(seconds):
                reply = await worker._replies.get()
        except TimeoutError:
            await worker.end(0)
            raise ModelRejected(
                f"The model was not loaded within {seconds:.0f} seconds.",
                hint="Its disk may be slow, or its chat template may not end.",
            ) from None
        except BaseException:
            await worker.end(0)
            raise
        if reply["event"] == "died":
            await worker.end(0)
            raise EngineCrashed(
                f"The model's process died while loading: it {reply['how']}.",
                hint=worker.said() or "The machine may be short of memory.",
            )
        if reply["event"] == "rejected":
            await worker.end(1)
            if "hint" in reply:
                raise ModelRejected(reply["message"], hint=reply["hint"])
            raise ModelRejected(
                f"llama.cpp does not load this model: {worker.said() or reply['message']}.",
                hint="Convert the model again, or take another file of it.",
            )
        worker.binding, worker.why = reply["binding"], reply["why"]
        return worker

    @classmethod
    async def _spawn(cls) -> WorkerProcess:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-P",
                    "-m",
                    PROGRAM,
                    str(theirs.fileno()),
                    pass_fds=[theirs.fileno()],
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,
                    env=_environment(),
                )
            except BaseException:
                ours.close()
                raise
        try:
            reader, writer = await asyncio.open_unix_connection(sock=ours, limit=LINE_BYTES)
        except BaseException:
            ours.close()
            process.kill()
            await process.wait()
            raise
        return cls(process, reader, writer)

    def post(self, message: Message) -> None:
        """Says something; in vain when the process is gone."""
        if not self._writer.is_closing():
            self._writer.write(json.dumps(message).encode() + b"\n")

    def open(self, op: str, *, on_end: Callable[[], None] = lambda: None, **fields: Any) -> Conversation:
        """Asks for something; the answer is a conversation. `on_end` is called once, when it has ended."""
        id = next(self._ids)
        conversation = Conversation(self, id, on_end)
        if self.died.is_set():
            conversation.hear(self._obituary())
        else:
            self.post({"op": op, "id": id, **fields})  # first: what cannot be sent is waited for by nobody
            self._conversations[id] = conversation
        return conversation

    async def ping(self, seconds: float) -> bool:
        """Whether it answers within `seconds`."""
        self.post({"op": "ping"})
        try:
            async with asyncio.timeout(seconds):
                await self._replies.get()
        except TimeoutError:
            return False
        return True

    def kill(self) -> None:
        """Ends it at once."""
        self.doomed = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def end(self, seconds: float) -> int:
        """Asks it to close, kills it after `seconds`; returns its exit code."""
        self._ending = self.doomed = True
        self.post({"op": "close"})
        try:
            async with asyncio.timeout(seconds):
                await self.died.wait()
        except TimeoutError:
            self.kill()
        await self.died.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        code = self._process.returncode
        assert code is not None
        return code

    def _obituary(self) -> Message:
        code = self._process.returncode
        how = f"was ended by {signal.Signals(-code).name}" if code and code < 0 else f"ended with code {code}"
        return {"event": "died", "how": how}

    def said(self) -> str:
        """The last reason that llama.cpp wrote, or nothing."""
        lines = [line.strip() for line in self._tail.decode(errors="replace").splitlines() if line.strip()]
        for line in lines:
            if "error loading model: " in line:
                return line.partition("error loading model: ")[2][:300]
        return lines[-1][:300] if lines else ""

    async def _keep_tail(self) -> None:
        assert self._process.stderr is not None
        while piece := await self._process.stderr.read(4096):
            self._tail = (self._tail + piece)[-TAIL_BYTES:]

    async def _listen(self) -> None:
        try:
            while line := await self._reader.readline():
                event = json.loads(line)
                if "id" not in event:
                    self._replies.put_nowait(event)
                elif conversation := self._conversations.get(event["id"]):
                    conversation.hear(event)
                    if conversation.ended:
                        del self._conversations[event["id"]]
        except (OSError, ValueError):
            pass  # it died in the middle of a line
        finally:
            await self._bury()

    async def _bury(self) -> None:
        """The socket is closed: either it was asked to end, or it is dead, or as good as."""
        self.doomed = True
        try:
            async with asyncio.timeout(None if self._ending else 1):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        self.died.set()
        self._writer.close()
        self._replies.put_nowait(self._obituary())
        for conversation in self._conversations.values():
            conversation.hear(self._obituary())
        self._conversations.clear()

    async def _clean_up(self, folder: str) -> None:
        await self.died.wait()
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _environment() -> dict[str, str]:
    """Of ours what programs run by: keys are not for a process that reads files of others."""
    kept = {name: value for name, value in os.environ.items() if _FOR_PROGRAMS.fullmatch(name)}
    found = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    quiet = {"GGML_NO_BACKTRACE": "1"}  # or an assertion that fails calls for a debugger, for many seconds
    return {**kept, **quiet, "PYTHONPATH": os.pathsep.join(found)}
