"""What a model needs in memory and bandwidth, what this machine can give it, and what runs it where that is
too little.

Sizes and memory are arithmetic on the model's shape; speeds are extrapolated from what the machine was
measured to do with each type of weights. Nothing is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from freehold.models.memory import serving_bytes
from freehold.models.shape import Shape, Weights
from freehold.models.speeds import Speeds

PROMPT_TOKENS = 512
"""What speeds are given for: a prompt of so many, an answer with so many before it."""
COMFORTABLE = 7.0
"""Tokens a second: about as fast as people read."""
PREFERRED = ("F16", "BF16", "Q8_0", "Q4_K_M")
"""The most faithful first; F32 says nothing that 16 bits of the same checkpoint do not."""
GPU_BYTES = 80_000_000_000
GPU_SHARE = 0.9
"""Of a GPU's memory that vLLM takes for weights and cache by itself."""
GPU_COUNTS = (1, 2, 4, 8, 16, 24, 32, 48, 64)
"""Numbers that heads and nodes of eight divide into."""


@dataclass(frozen=True, slots=True)
class Row:
    """One quantisation on this machine."""

    quantisation: str
    file_bytes: int
    memory_bytes: int
    """What its process comes to hold."""
    needed_bytes: int
    """What it cannot do without: files' pages that it holds and no longer uses are given back under need."""
    fits: bool
    bytes_a_token: int
    """What comes from memory for each token of an answer: the bandwidth it needs at one token a second."""
    written: float | None
    """Tokens a second of one answer; None where nothing was measured."""
    read: float | None
    """Tokens a second of a prompt."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A model's needs, and what to run it with."""

    shape: Shape
    context: int
    slots: int
    cache_bytes: int
    machine_bytes: int
    rows: tuple[Row, ...]
    gpus: dict[str, int | None]
    """GPUs of 80 GB that vLLM needs, for 16-bit and for 8-bit weights; None: more than it is planned for."""
    speeds: Speeds | None

    @property
    def choice(self) -> Row | None:
        """What to serve here: the most faithful that is comfortable, else the fastest; None: nothing fits."""
        fitting = [row for row in self.rows if row.fits]
        for row in sorted(fitting, key=_faithfulness):
            if row.written is None or row.written >= COMFORTABLE:
                return row
        return max(fitting, key=lambda row: row.written or 0.0, default=None)

    @property
    def advice(self) -> str:
        """Which engine to use."""
        choice = self.choice
        if choice is None:
            return f"It does not fit here. Use vLLM over {self._gpus()}, and add it as an endpoint."
        if choice.written is None or choice.written >= COMFORTABLE:
            return f"Serve {choice.quantisation} here, by llama.cpp."
        return (
            f"{choice.quantisation} fits here, but writes more slowly than people read. For customers who"
            f" wait, use vLLM over {self._gpus()}, and add it as an endpoint."
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values: bytes, and tokens a second."""
        choice = self.choice
        return asdict(self) | {
            "choice": None if choice is None else choice.quantisation,
            "advice": self.advice,
        }

    def _gpus(self) -> str:
        said = [
            f"{count} GPU{'' if count == 1 else 's'} of 80 GB in {bits}"
            for bits, count in self.gpus.items()
            if count is not None
        ]
        return " or ".join(said) or f"more than {GPU_COUNTS[-1]} GPUs of 80 GB"


def plan(
    shape: Shape,
    weights: Sequence[Weights],
    *,
    context: int,
    slots: int,
    machine_bytes: int,
    speeds: Speeds | None = None,
) -> Plan:
    """Plans serving with a context of so many tokens, shared by so many slots, on a machine with so much
    memory."""
    context = min(context, shape.context)
    cache = 2 * shape.kv_width * context
    rows = []
    for each in weights:
        needed = serving_bytes(
            tensors=each.tensor_bytes,
            kv_width=shape.kv_width,
            width=shape.width,
            vocabulary=shape.vocabulary,
            context=context,
            slots=slots,
        )
        rows.append(
            Row(
                quantisation=each.quantisation,
                file_bytes=each.file_bytes,
                memory_bytes=needed + each.repacked_bytes,
                needed_bytes=needed,
                fits=needed <= machine_bytes,
                bytes_a_token=each.bytes_a_token,
                written=None if speeds is None else speeds.tokens_written(shape, each, PROMPT_TOKENS),
                read=None if speeds is None else speeds.tokens_read(shape, each, PROMPT_TOKENS),
            )
        )
    gpus = {f"{bits} bits": _gpus_for(shape.parameters * bits // 8 + cache) for bits in (16, 8)}
    return Plan(shape, context, slots, cache, machine_bytes, tuple(rows), gpus, speeds)


def _gpus_for(needed: int) -> int | None:
    return next((count for count in GPU_COUNTS if count * GPU_BYTES * GPU_SHARE >= needed), None)


def _faithfulness(row: Row) -> int:
    return PREFERRED.index(row.quantisation) if row.quantisation in PREFERRED else len(PREFERRED)
