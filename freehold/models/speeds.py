"""What a machine can do with weights of each type, and how long a model's tokens take there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from freehold.models.formats.gguf_writer import size_of
from freehold.models.shape import Shape, Weights

BATCH_TOKENS = 64
NEAREST = {"Q5_K": "Q6_K", "Q3_K": "Q4_K", "Q2_K": "Q4_K"}
"""Types that are not measured, by the one that is computed most alike; others count as Q4_K."""
CACHE = "F16"
"""The cache's type, about."""


@dataclass(frozen=True, slots=True)
class Speeds:
    """Measured on one machine with a number of threads."""

    threads: int
    written: Mapping[str, float]
    """By type: bytes of weights a second while one answer is written, token by token."""
    read: Mapping[str, float]
    """By type: weights a second for each token while a prompt is read, `BATCH_TOKENS` at a time."""
    layer_seconds: float
    """What each layer costs a step, whatever its weights."""
    token_seconds: float
    """What each token that is written costs besides, whatever the model."""
    seconds: float
    """How long measuring took."""

    @property
    def bandwidth(self) -> float:
        """Bytes a second at most: what the type that needs the least arithmetic comes to."""
        return max(self.written.values())

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def tokens_written(self, shape: Shape, weights: Weights, context: int) -> float:
        """Tokens a second of one answer, with so many tokens before it."""
        seconds = self.token_seconds + shape.layers * self.layer_seconds
        counts = weights.for_written.items()
        seconds += sum(size_of(kind, (count,)) / _of(self.written, kind) for kind, count in counts)
        seconds += 2 * shape.kv_width * context / self.written[CACHE]
        return 1 / seconds

    def tokens_read(self, shape: Shape, weights: Weights, prompt: int) -> float:
        """Tokens a second of a prompt of so many tokens, nothing of it read before."""
        seconds = shape.layers * self.layer_seconds / BATCH_TOKENS
        seconds += sum(count / _of(self.read, kind) for kind, count in weights.for_read.items())
        attention = shape.layers * shape.attention_width * prompt  # scores and sums, half the square each
        return 1 / (seconds + attention / self.read[CACHE])


def _of(speeds: Mapping[str, float], kind: str) -> float:
    found = speeds.get(kind) or speeds.get(NEAREST.get(kind, ""))
    return speeds["Q4_K"] if found is None else found
