"""A GGUF model on this machine: its worker process kept alive, its callers kept in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import re
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from freehold.engines.base import Finished, FinishReason, Generation, TextDelta, TokenLogprob
from freehold.engines.places import Places
from freehold.engines.process import Conversation, Message, WorkerProcess
from freehold.errors import EngineCrashed, EngineError, InvalidInput, ModelRejected, Overloaded, Unavailable
from freehold.models import memory
from freehold.models.formats import gguf
from freehold.types import Usage

BATCH_TOKENS = 64
CACHE_MIB = 64
AGAIN = "The model's process starts again by itself; ask again."

PASSED_ON = ("temperature", "top_k", "top_p", "min_p", "seed", "grammar", "json_schema", "logprobs")
"""Fields of a request that the worker takes as they are."""
FAILURES = {kind.code: kind for kind in (InvalidInput, ModelRejected)}

Binding = Literal["auto", "own", "server"]
"""What runs the model in its process: Freehold's binding of llama.cpp, the wheel's server, or the first
where it knows the build of llama.cpp and else the second."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long things may take, in seconds."""

    load: float = 60.0
    """Loading the model, besides a second for each 20 MB of it."""
    wait: float = 20.0
    """How long a request waits for a worker that is not up."""
    render: float = 30.0
    """Putting a conversation into the model's chat template, and counting its tokens."""
    stall: float = 300.0
    """How long a worker may do nothing for an answer that has begun."""
    ping: float = 10.0
    """Time between two questions whether the worker is well."""
    hang: float = 60.0
    """How long it may take to answer one."""
    pause: float = 5.0
    """How long a model that could not be loaded is not tried again."""
    close: float = 5.0
    """How long a worker may take to end by itself."""


class LocalEngine:
    """Implements `Engine` over one worker process at a time; belongs to one event loop.

    Starts at the first request, or by `start`. A worker that dies takes the requests in flight with it
    (EngineCrashed) and is started again, at once at first and ever more slowly while it keeps dying;
    meanwhile requests wait. A model without a chat template of its own is spoken to in ChatML, llama.cpp's
    default.
    """

    def __init__(
        self,
        model_path: Path,
        model_id: str,
        *,
        facts: gguf.GgufFacts | None = None,
        threads: int = 1,
        context: int = 8192,
        slots: int = 4,
        queue: int = 32,
        binding: Binding = "auto",
        deadlines: Deadlines = Deadlines(),
        available: Callable[[], int] = memory.available_memory,
    ) -> None:
        """Reads the file's header unless its `facts` are given.

        Raises:
            ModelRejected: it is not a sound GGUF file.
        """
        self.facts = facts or gguf.check_sound(model_path)
        self.model_id = model_id
        self.context_length = min(context, self.facts.context_length)
        self.restarts = 0
        self._path = model_path.absolute()
        self._threads = threads
        self._slots = slots
        self._queue = queue
        self._binding = binding
        self._deadlines = deadlines
        self._available = available
        self._places = Places(slots, self.context_length)
        self._inside = 0
        self._typical_seconds = 5.0
        self._worker: WorkerProcess | None = None
        self._changed = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None
        self._failure: ModelRejected | None = None
        self._failed_at = -math.inf
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Process id of the worker, while one is up."""
        return self._worker.pid if self._worker else None

    @property
    def running(self) -> int:
        """Requests that hold a place, those included that are being cancelled."""
        return self._slots - self._places.slots

    async def start(self) -> None:
        """Loads the model now.

        Raises:
            ModelRejected: it does not fit in memory, or llama.cpp does not load it.
        """
        await self._up(math.inf)

    async def generate(self, request: Generation) -> AsyncGenerator[TextDelta | Finished, None]:
        """See `Engine.generate`. Processor seconds are the worker's, shared equally by those who run at once.

        Raises:
            Unavailable: the model is still loading, or does not come up again.
            ModelRejected: it cannot be loaded, its chat template fails, or the adapter does not fit it.
        """
        if self._inside >= self._slots + self._queue:
            raise Overloaded(
                "The model has as many questions as it can take.",
                hint="Ask again in a moment; the setting engine_queue allows more to wait.",
                retry_after=self._retry_after(),
            )
        self._inside += 1
        begun = time.monotonic()
        try:
            conversation = await self._admit(request)
            try:
                while (event := await self._next(conversation, self._deadlines.stall))["event"] != "finished":
                    if event["event"] == "delta":
                        yield TextDelta(event["text"], _logprobs(event.get("logprobs", ())))
            finally:
                conversation.cancel()
            seconds = time.monotonic() - begun
            self._typical_seconds += (seconds - self._typical_seconds) * 0.2
            yield _finished(event, seconds)
        finally:
            self._inside -= 1

    async def count_tokens(self, text: str) -> int:
        """See `Engine.count_tokens`."""
        return await self._count("count", text=_encodable(text))

    async def close(self) -> None:
        """Ends the worker within about 5 seconds; requests in flight fail by EngineCrashed."""
        self._closed = True
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
        self._changed.set()

    async def _admit(self, request: Generation) -> Conversation:
        """Measures the prompt, waits for a place, and puts the question to the worker."""
        messages = self._messages(request)
        prompt = await self._count("measure", messages=messages)
        if prompt >= self.context_length:
            raise InvalidInput(
                f"The prompt has {prompt} tokens; the model's context holds {self.context_length}.",
                hint="Ask a shorter question, or raise the setting engine_context.",
            )
        tokens = min(self.context_length, prompt + request.max_tokens)
        fields = {name: getattr(request, name) for name in PASSED_ON} | {
            "messages": messages,
            "max_tokens": tokens - prompt,
            "stop": [_encodable(text) for text in request.stop],
            "adapter": request.adapter
            and {
                "id": request.adapter.id,
                "path": str(request.adapter.path.absolute()),
                "scale": request.adapter.scale,
            },
        }
        await self._places.take(tokens)
        try:
            worker = await self._up(self._deadlines.wait)
            return worker.open("generate", on_end=lambda: self._places.give(tokens), **fields)
        except BaseException:
            self._places.give(tokens)
            raise

    def _messages(self, request: Generation) -> list[dict[str, str]]:
        system = [{"role": "system", "content": request.system}] if request.system else []
        turns = [{"role": turn.role, "content": turn.text} for turn in request.messages]
        return [{"role": m["role"], "content": _encodable(m["content"])} for m in (*system, *turns)]

    async def _count(self, op: str, **fields: Any) -> int:
        """Asks for a number; once more when the worker dies, which others may have brought about."""
        for last in (False, True):
            conversation = (await self._up(self._deadlines.wait)).open(op, **fields)
            try:
                return int((await self._next(conversation, self._deadlines.render))["tokens"])
            except EngineCrashed:
                if last or self._closed or not conversation.ended:
                    raise
        raise AssertionError("the second attempt returns or raises")

    async def _next(self, conversation: Conversation, seconds: float) -> Message:
        """The next event; failures as errors."""
        try:
            async with asyncio.timeout(seconds):
                event = await conversation.next()
        except TimeoutError:
            if self._worker is not None:
                self._worker.kill()
            raise EngineCrashed(
                f"The model's process did nothing for {seconds:.0f} seconds.", hint=AGAIN
            ) from None
        kind = event["event"]
        if kind == "died" or (kind == "finished" and event["reason"] == "cancelled"):
            if self._closed:
                raise EngineCrashed("The model was stopped while it answered.", hint="Ask again.")
            raise EngineCrashed(f"The model's process died while it answered: it {event['how']}.", hint=AGAIN)
        if kind == "failed":
            if "hint" in event:
                raise FAILURES.get(event["kind"], EngineError)(event["message"], hint=event["hint"])
            if event["kind"] == "invalid_input":
                raise InvalidInput(f"The model does not take this prompt: {event['message']}.")
            raise EngineError(f"The model failed: {event['message']}.", hint="Ask again.")
        return event

    async def _up(self, seconds: float) -> WorkerProcess:
        """A worker that is up, waiting for it."""
        try:
            async with asyncio.timeout(None if seconds == math.inf else seconds):
                while True:
                    if self._closed:
                        raise Unavailable("The model was stopped.", hint="Start the server again.")
                    if self._worker is not None and not self._worker.doomed:
                        return self._worker
                    failure = self._failure
                    if failure is not None and time.monotonic() < self._failed_at + self._deadlines.pause:
                        raise ModelRejected(failure.message, hint=failure.hint)
                    if self._supervisor is None:
                        self._supervisor = asyncio.create_task(self._supervise())
                    self._changed.clear()
                    await self._changed.wait()
                    if self._failure is not None and self._failure is not failure:
                        raise ModelRejected(self._failure.message, hint=self._failure.hint)
        except TimeoutError:
            raise Unavailable(
                "The model is not up yet.", hint="It is being loaded; ask again.", retry_after=5
            ) from None

    async def _supervise(self) -> None:
        """Keeps a worker up, until closed or until the file cannot be loaded."""
        deaths = 0
        try:
            while True:
                begun = time.monotonic()
                try:
                    worker = await self._load()
                except (ModelRejected, EngineCrashed) as error:
                    if isinstance(error, ModelRejected) or self.restarts == 0:
                        self._failure = ModelRejected(error.message, hint=error.hint)
                        self._failed_at = time.monotonic()
                        return
                else:
                    try:
                        self._worker, self._failure = worker, None
                        self._changed.set()
                        await self._watch(worker)
                    finally:
                        self._worker = None
                        await worker.end(self._deadlines.close)
                self.restarts += 1
                deaths = deaths + 1 if time.monotonic() - begun < 60 else 0
                await asyncio.sleep(min(30.0, 0.05 * 2**deaths))
        finally:
            self._supervisor = None
            self._changed.set()

    async def _load(self) -> WorkerProcess:
        if not await asyncio.to_thread(self._path.is_file):
            raise ModelRejected(f"The model's file {self._path.name} is missing.", hint="Add it again.")
        needed = memory.memory_needed(self.facts, self.context_length, self._slots)
        memory.check_fits(self.facts, self.context_length, self._slots, available=self._available())
        settings = {
            "model": str(self._path),
            "context": self.context_length,
            "slots": self._slots,
            "threads": self._threads,
            "batch": BATCH_TOKENS,
            "cache_mib": CACHE_MIB,
            "binding": self._binding,
            "has_chat_template": self.facts.has_chat_template,
            "control_tokens": self.facts.control_tokens,
            "memory_limit": 2 * needed + 4 * 2**30,
        }
        seconds = self._deadlines.load + self.facts.file_size / 20e6
        worker = await WorkerProcess.start(settings, seconds=seconds)
        if worker.why:
            log.warning(
                "%s The server of its wheel runs the model instead: adapters cannot be put on it.", worker.why
            )
        return worker

    async def _watch(self, worker: WorkerProcess) -> None:
        """Returns when the worker is dead; kills one that does not answer."""
        while not worker.died.is_set():
            try:
                async with asyncio.timeout(self._deadlines.ping):
                    await worker.died.wait()
            except TimeoutError:
                if not await worker.ping(self._deadlines.hang):
                    worker.kill()

    def _retry_after(self) -> int:
        """Seconds until a place is likely to be free, by how long answers took lately."""
        rounds = (self._inside - self._slots + 1) / self._slots
        return max(1, min(120, math.ceil(self._typical_seconds * max(1.0, rounds))))


def _finished(event: Message, wall_seconds: float) -> Finished:
    reason: FinishReason = event["reason"]
    usage = Usage(
        prompt_tokens=event["prompt_tokens"],
        cached_tokens=event["cached_tokens"],
        completion_tokens=event["completion_tokens"],
        cpu_seconds=event["cpu_seconds"],
        wall_seconds=wall_seconds,
    )
    return Finished(reason, usage)


def _logprobs(told: Iterable[Message]) -> tuple[TokenLogprob, ...]:
    return tuple(
        TokenLogprob(each["token"], each["text"], each["logprob"], _logprobs(each.get("top", ())))
        for each in told
    )


_SURROGATE = re.compile(r"[\ud800-\udfff]")


def _encodable(text: str) -> str:
    """Without half characters, which JSON would carry and llama.cpp refuse."""
    return _SURROGATE.sub("\ufffd", text)
