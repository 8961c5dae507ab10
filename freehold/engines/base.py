"""The protocols behind which models run. Shipped fakes: `freehold.testing`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from freehold.errors import InvalidInput
from freehold.types import Turn, Usage

FinishReason = Literal["stop", "length", "cancelled"]

MAX_TOKENS: Final = 1_000_000
MAX_LOGPROBS: Final = 20
MAX_STOPS: Final = 16
TURN_TOKENS: Final = 16
"""More than a chat template puts around a turn, for who counts without one."""


@dataclass(frozen=True, slots=True)
class AdapterUse:
    """A LoRA on a request, and how strongly it counts."""

    id: str
    """Content hash; the file is held against it."""
    path: Path
    scale: float = 1.0
    """Times what it was trained for; 0 is the base model."""

    def __post_init__(self) -> None:
        """Raises InvalidInput: the scale is none."""
        if not abs(self.scale) <= 100:
            raise InvalidInput(f"An adapter's scale is {self.scale}; it lies between -100 and 100.")


@dataclass(frozen=True, slots=True)
class Generation:
    """What is asked of a generating model."""

    messages: tuple[Turn, ...]
    system: str = ""
    max_tokens: int = 512
    """An answer also ends where the context does."""
    temperature: float = 0.0
    """0 decodes greedily."""
    top_k: int = 40
    """Only the likeliest so many tokens are drawn from; 0 for all. This and the next two count only where
    the temperature is above 0."""
    top_p: float = 0.95
    """Only the likeliest tokens that have this share of probability together."""
    min_p: float = 0.05
    """Only tokens at least this share as likely as the likeliest."""
    stop: tuple[str, ...] = ()
    """Texts that end the answer; they are not part of it."""
    seed: int | None = None
    grammar: str | None = None
    """The answer's form, in llama.cpp's GBNF."""
    json_schema: Mapping[str, Any] | None = None
    """The answer's form, as JSON that this schema describes."""
    logprobs: int | None = None
    """Tells each token's log-probability, and those of so many of the likeliest tokens."""
    adapter: AdapterUse | None = None

    def __post_init__(self) -> None:
        """Raises InvalidInput: a value is impossible; the message names it."""
        for name, value, least, most in (
            ("max_tokens", self.max_tokens, 1, MAX_TOKENS),
            ("temperature", self.temperature, 0, 100),
            ("top_k", self.top_k, 0, 2**31 - 1),
            ("top_p", self.top_p, 0, 1),
            ("min_p", self.min_p, 0, 1),
            ("logprobs", self.logprobs or 0, 0, MAX_LOGPROBS),
        ):
            if not least <= value <= most:
                raise InvalidInput(f"{name} is {value:,}; it lies between {least:,} and {most:,}.")
        if len(self.stop) > MAX_STOPS:
            raise InvalidInput(f"There are {len(self.stop)} stop texts; {MAX_STOPS} are allowed.")
        if self.grammar is not None and self.json_schema is not None:
            raise InvalidInput("An answer has one form: a grammar or a JSON schema, not both.")


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """How likely a token was, by the model's own distribution before temperature and grammar."""

    token: int
    text: str
    """May be part of a character, shown as U+FFFD."""
    logprob: float
    top: tuple[TokenLogprob, ...] = ()
    """The likeliest tokens at its place, the likeliest first."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of text; may end within a word, never within a character."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()
    """Of the tokens chosen since the piece before; their text may still be held back."""


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
