"""Fakes of what is slow, heavy or never twice the same: an engine, an embedder, a clock.

They ship with the package so that whoever builds on Freehold tests as we do. They implement the protocols of
`engines/base.py` and know nothing of any model.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from freehold.engines.base import Finished, FinishReason, Generation, TextDelta
from freehold.errors import EngineCrashed, InvalidInput, Overloaded
from freehold.types import Usage

Script = str | Sequence[str | Exception] | Callable[[Generation], str]
"""What a fake engine says: always the same, one after the other (the last for ever), or by the request.

An exception in a sequence (or raised by the callable) is raised to the caller.
"""

_TOKEN = re.compile(r"\s*\S+|\s+$")
_WORD = re.compile(r"[^\W_]+")
_ENDINGS = re.compile(r"(?:ations?|ings?|ies|ed|es|ly|s|y|e)$")
_STOP_WORDS = re.compile(
    r"an?|and|are|as|at|be|by|can|do|does|for|from|how|i|in|is|it|my|of|on|or|that|the|this|to|was|what|when"
    r"|where|which|who|why|will|with|your?"
)


class FakeClock:
    """Time that moves only when told to. Call it for seconds, as `time.time` and `time.monotonic`."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Moves on by `seconds`."""
        self.now += seconds

    async def sleep(self, seconds: float) -> None:
        """Moves on at once, and lets other tasks run."""
        self.now += max(0.0, seconds)
        await asyncio.sleep(0)


class FakeEngine:
    """An engine that says what its script says, word by word at a set speed.

    Counts what it saw: `requests` in order, `running` and `waiting` now, `most_running` ever, and how many
    callers went away (`abandoned`). A word counts as a token.
    """

    def __init__(
        self,
        tokens_per_second: float = 20.0,
        script: Script = "Hello, I am a model that is not there.",
        *,
        clock: FakeClock | None = None,
        slots: int = 32,
        queue: int = 32,
        context_length: int = 8192,
        model_id: str = "fake",
    ) -> None:
        self.model_id = model_id
        self.context_length = context_length
        self.tokens_per_second = tokens_per_second
        self.script = script
        self.requests: list[Generation] = []
        self.running = 0
        self.waiting = 0
        self.most_running = 0
        self.abandoned = 0
        self.closed = False
        self._clock: Callable[[], float] = clock or time.monotonic
        self._sleep = clock.sleep if clock else asyncio.sleep
        self._queue = queue
        self._slots = asyncio.Semaphore(slots)
        self._asked = 0

    async def start(self) -> None:
        """Nothing to load."""

    async def generate(self, request: Generation) -> AsyncGenerator[TextDelta | Finished, None]:
        """Streams the scripted answer; obeys `max_tokens`, `stop`, the context, the slots and the queue."""
        if self.closed:
            raise EngineCrashed("The fake engine is closed.")
        prompt = sum(
            len(_TOKEN.findall(text)) for text in (request.system, *(m.text for m in request.messages))
        )
        if prompt >= self.context_length:
            raise InvalidInput(f"The prompt has {prompt} tokens; the context holds {self.context_length}.")
        if self._slots.locked() and self.waiting >= self._queue:
            raise Overloaded("Every place of the fake engine is taken.", retry_after=1)
        self.requests.append(request)
        started = self._clock()
        self.waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self.waiting -= 1
        began = self._clock()
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            text, reason = self._said(request)
            count = 0
            for token in _TOKEN.findall(text):
                if count == request.max_tokens:
                    reason = "length"
                    break
                count += 1
                due = began + count / self.tokens_per_second
                await self._sleep(max(0.0, due - self._clock()))
                if self.closed:
                    raise EngineCrashed("The fake engine was closed.")
                yield TextDelta(token)
            usage = Usage(prompt_tokens=prompt, completion_tokens=count, wall_seconds=self._clock() - started)
            yield Finished(reason, usage)
        except (GeneratorExit, asyncio.CancelledError):
            self.abandoned += 1
            raise
        finally:
            self.running -= 1
            self._slots.release()

    def _said(self, request: Generation) -> tuple[str, FinishReason]:
        script, turn = self.script, self._asked
        self._asked += 1
        said: str | Exception
        if isinstance(script, str):
            said = script
        elif callable(script):
            said = script(request)
        else:
            said = script[min(turn, len(script) - 1)]
        if isinstance(said, Exception):
            raise said
        ends = [place for word in request.stop if (place := said.find(word)) >= 0]
        return said[: min(ends)] if ends else said, "stop"

    async def count_tokens(self, text: str) -> int:
        """Words."""
        return len(_TOKEN.findall(text))

    async def close(self) -> None:
        """What still runs fails by EngineCrashed at its next word."""
        self.closed = True


class FakeEmbedder:
    """Bags of hashed, roughly stemmed words: texts that share words are near. Deterministic everywhere."""

    def __init__(self, dimensions: int = 64) -> None:
        self.dimensions = dimensions
        self.name = f"fake-{dimensions}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimensions); a text without words gets the first axis."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in _WORD.findall(text.lower()):
                if not _STOP_WORDS.fullmatch(word):
                    vector += _direction(_ENDINGS.sub("", word) or word, self.dimensions)
            length = float(np.linalg.norm(vector))
            if length:
                vector /= length
            else:
                vector[0] = 1.0
        return vectors


@lru_cache(maxsize=65_536)
def _direction(stem: str, dimensions: int) -> NDArray[np.float32]:
    bits = hashlib.shake_128(stem.encode()).digest((dimensions + 7) // 8)
    signs: NDArray[np.float32] = np.unpackbits(np.frombuffer(bits, np.uint8))[:dimensions].astype(np.float32)
    return signs * 2 - 1
