"""The protocols behind which models run. Shipped fakes: `freehold.testing`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from freehold.types import Turn, Usage

FinishReason = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True)
class Generation:
    """What is asked of a generating model."""

    messages: tuple[Turn, ...]
    system: str = ""
    max_tokens: int = 512
    temperature: float = 0.0
    """0 decodes greedily."""
    stop: tuple[str, ...] = ()
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of text; may end within a word, never within a character."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of every generation that did not raise."""

    reason: FinishReason
    usage: Usage


class Engine(Protocol):
    """Runs one generating model."""

    model_id: str
    """Content hash (or name) of the model it runs."""
    context_length: int
    """Tokens that prompt and answer may have together."""

    async def start(self) -> None:
        """Makes ready to answer; without it the first request does.

        Raises:
            ModelRejected: the model cannot be loaded.
        """
        ...

    def generate(self, request: Generation) -> AsyncGenerator[TextDelta | Finished, None]:
        """Streams an answer. Closing the iterator (or cancelling its task) frees the place at once.

        Raises:
            InvalidInput: the prompt does not fit the context.
            Overloaded: the queue is full.
            EngineCrashed: the model's process died with this request in flight.
            EngineError: anything else that its process reported.
        """
        ...

    async def count_tokens(self, text: str) -> int:
        """How many tokens `text` is, without template or special tokens."""
        ...

    async def close(self) -> None:
        """Stops what runs the model; in-flight requests fail by EngineCrashed."""
        ...


class Embedder(Protocol):
    """Turns text into vectors. Thread-safe."""

    name: str
    """Identity of the model: vectors of different names are never compared."""
    dimensions: int

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of unit length, shape (len(texts), dimensions). Texts are cut at the model's window."""
        ...
