"""A Llama's sizes from the keys of a GGUF: the way back from what `convert.py` writes, and others like it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from freehold.errors import ModelRejected
from freehold.models.formats.gguf_file import GgufFile
from freehold.models.formats.llama_config import LlamaConfig, Rope
from freehold.models.formats.llama_tensors import ROPE_DIVISORS

ROPE_KEY = "freehold.rope_parameters"
"""What the rope divisors were made from, which they do not tell themselves."""
PUBLISHED = (Rope(5e5, "llama3", 8.0, 1.0, 4.0, 8192), Rope(5e5, "llama3", 32.0, 1.0, 4.0, 8192))
"""Llama 3.1's and 3.2's: tried for files that other converters wrote."""


def read_config(file: GgufFile) -> LlamaConfig:
    """
    Raises:
        ModelRejected: it is not a Llama, or one that transformers could not load with the same meaning.
    """
    architecture = file.value("general.architecture", str)
    if architecture != "llama" or file.value("llama.expert_count", int, 0):
        raise ModelRejected(
            f"{file.name} is not a plain Llama but {architecture[:40]}.", hint="Name a Llama's file."
        )
    heads, width = _size(file, "attention.head_count"), _size(file, "embedding_length")
    head_width = _size(file, "attention.key_length", max(1, width // heads))
    embeddings = file.shapes["token_embd.weight"]
    return LlamaConfig(
        vocabulary=embeddings[0],
        width=width,
        inner_width=_size(file, "feed_forward_length"),
        layers=_size(file, "block_count"),
        heads=heads,
        kv_heads=_size(file, "attention.head_count_kv", heads),
        head_width=head_width,
        context=_size(file, "context_length"),
        norm_epsilon=_number(file, "attention.layer_norm_rms_epsilon", 1e-6),
        rope=_rope(file, head_width),
        tied="output.weight" not in file.types,
    )


def _rope(file: GgufFile, head_width: int) -> Rope:
    theta = _number(file, "rope.freq_base", 10_000.0)
    scaling = file.value("llama.rope.scaling.type", str, "none")
    if scaling == "linear":
        return Rope(theta, "linear", _number(file, "rope.scaling.factor", 1.0))
    if scaling != "none":
        raise _wrong(file, f"its rope scaling is {scaling[:40]}")
    if ROPE_DIVISORS not in file.types:
        return Rope(theta)
    stored = file.rows(ROPE_DIVISORS, 0, file.shapes[ROPE_DIVISORS][0])
    for rope in (*_noted(file), *PUBLISHED):
        divisors = Rope(theta, *_rest(rope)).divisors(head_width)
        if divisors is not None and divisors.shape == stored.shape and np.allclose(divisors, stored, 1e-6):
            return Rope(theta, *_rest(rope))
    raise _wrong(file, "its rope divisors are of no known rule")


def _noted(file: GgufFile) -> list[Rope]:
    """What our own converter noted; believed only where it gives the divisors that are there."""
    try:
        noted = Rope(**json.loads(file.value(ROPE_KEY, str, "{}")))
    except (TypeError, ValueError, RecursionError):
        return []
    numbers = (noted.factor, noted.low_freq_factor, noted.high_freq_factor, noted.original_context)
    sound = all(type(each) in (int, float) and 0 < each < 1e12 for each in numbers)
    return [noted] if sound and noted.low_freq_factor < noted.high_freq_factor else []


def _rest(rope: Rope) -> tuple[Any, ...]:
    return rope.kind, rope.factor, rope.low_freq_factor, rope.high_freq_factor, rope.original_context


def _size(file: GgufFile, key: str, default: int | None = None) -> int:
    value = file.value(f"llama.{key}", int, default)
    if value < 1:
        raise _wrong(file, f"llama.{key} is {value}")
    return value


def _number(file: GgufFile, key: str, default: float) -> float:
    """The shortest decimal that is the same float32, such as 1e-05 for 9.999999747378752e-06."""
    value = file.value(f"llama.{key}", float, default)
    if not 0 < value < 1e12:
        raise _wrong(file, f"llama.{key} is {value}")
    return float(str(np.float32(value)))


def _wrong(file: GgufFile, what: str) -> ModelRejected:
    return ModelRejected(f"{file.name} cannot be used: {what}.", hint="Convert the model again.")
