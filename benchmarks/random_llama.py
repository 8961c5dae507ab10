"""Writes Llama-shaped models with random weights: as fast and as large as real ones, and as wise as dice.

Quantised blocks are drawn directly, not quantised from floats: how long they take does not depend on what is
in them. Tokenizer and chat template are Llama 3's in form, over a vocabulary of bytes and made-up words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.models.formats import gguf_writer as writer
from freehold.models.formats.gguf_types import TENSOR_TYPES

SPECIAL = ["<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>"]
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{{ message['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
ROWS_AT_ONCE = 4_096
BLOCKS = {name: (weights, size) for name, weights, size in TENSOR_TYPES.values()}


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers that make a Llama."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    hidden: int
    vocabulary: int
    context: int = 8192


SHAPES = {
    "76M": Shape(512, 12, 8, 4, 1536, 32_000),
    "300M": Shape(1024, 20, 16, 8, 2816, 64_000),
    "1B": Shape(2048, 16, 32, 8, 8192, 128_256),
}
"""`1B` is Llama 3.2 1B's, its head tied to its embeddings; so are the others'."""


def write(target: Path, shape: Shape, kind: str, seed: int = 7) -> Path:
    """Writes a model in `Q8_0` or `Q4_K_M`."""
    random = np.random.default_rng(seed)
    tensors = [_matrix("token_embd.weight", shape.vocabulary, shape.width, _of(kind, large=True), random)]
    for layer in range(shape.layers):
        name = f"blk.{layer}."
        # A share of Q4_K_M is in six bits: value and down projections of some layers.
        larger = layer < shape.layers // 8 or layer >= 7 * shape.layers // 8 or layer % 3 == 2
        for part, rows, columns in _projections(shape):
            of = _of(kind, large=larger and part in ("attn_v", "ffn_down"))
            tensors.append(_matrix(f"{name}{part}.weight", rows, columns, of, random))
        tensors += [_ones(f"{name}{part}.weight", shape.width) for part in ("attn_norm", "ffn_norm")]
    tensors.append(_ones("output_norm.weight", shape.width))
    writer.write(target, _metadata(shape, kind), tensors)
    return target


def write_adapter(target: Path, shape: Shape, *, rank: int = 16, seed: int = 0) -> Path:
    """Writes a LoRA on all projections of every layer, in 16 bits."""
    random = np.random.default_rng(seed)
    tensors = []
    for layer in range(shape.layers):
        for part, rows, columns in _projections(shape):
            name = f"blk.{layer}.{part}.weight"
            tensors += [
                _halves(f"{name}.lora_a", rank, columns, random),
                _halves(f"{name}.lora_b", rows, rank, random),
            ]
    metadata = {
        "general.architecture": writer.text("llama"),
        "general.type": writer.text("adapter"),
        "adapter.type": writer.text("lora"),
        "adapter.lora.alpha": writer.float32(float(rank)),
    }
    writer.write(target, metadata, tensors)
    return target


def _projections(shape: Shape) -> list[tuple[str, int, int]]:
    """A layer's matrices: name, rows, columns."""
    kv_width = shape.width // shape.heads * shape.kv_heads
    return [
        ("attn_q", shape.width, shape.width),
        ("attn_k", kv_width, shape.width),
        ("attn_v", kv_width, shape.width),
        ("attn_output", shape.width, shape.width),
        ("ffn_gate", shape.hidden, shape.width),
        ("ffn_up", shape.hidden, shape.width),
        ("ffn_down", shape.width, shape.hidden),
    ]


def _halves(name: str, rows: int, columns: int, random: np.random.Generator) -> writer.Tensor:
    values = (random.standard_normal((rows, columns)) / columns).astype("<f2")
    return writer.Tensor(name, (rows, columns), "F16", lambda: [values])


def _of(kind: str, *, large: bool) -> str:
    return "Q8_0" if kind == "Q8_0" else "Q6_K" if large else "Q4_K"


def _ones(name: str, width: int) -> writer.Tensor:
    return writer.Tensor(name, (width,), "F32", lambda: [np.ones(width, "<f4")])


def _matrix(name: str, rows: int, columns: int, of: str, random: np.random.Generator) -> writer.Tensor:
    def pieces() -> Iterator[NDArray[Any]]:
        for start in range(0, rows, ROWS_AT_ONCE):
            yield _blocks(min(ROWS_AT_ONCE, rows - start), columns, of, random)

    return writer.Tensor(name, (rows, columns), of, pieces)


def _blocks(rows: int, columns: int, of: str, random: np.random.Generator) -> NDArray[np.uint8]:
    """Random blocks whose weights spread like 1 / sqrt(columns)."""
    weights, size = BLOCKS[of]
    blocks = random.integers(0, 256, (rows * columns // weights, size), np.uint8)
    spread = columns**-0.5
    if of == "Q8_0":
        _put(blocks, 0, spread / 73)
    elif of == "Q4_K":
        _put(blocks, 0, spread / 256)
        _put(blocks, 2, spread / 256)
    else:
        _put(blocks, size - 2, spread / 1_400)
    return blocks


def _put(blocks: NDArray[np.uint8], at: int, scale: float) -> None:
    blocks[:, at : at + 2] = np.frombuffer(np.float16(scale).tobytes(), np.uint8)


def _metadata(shape: Shape, kind: str) -> writer.Metadata:
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    names = [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]
    words = [f"Ġw{number}" for number in range(shape.vocabulary - len(names) - len(SPECIAL))]
    ordinary = [*names, *words]
    return {
        "general.architecture": writer.text("llama"),
        "general.name": writer.text("random"),
        "general.file_type": writer.uint32(7 if kind == "Q8_0" else 15),
        "llama.context_length": writer.uint32(shape.context),
        "llama.embedding_length": writer.uint32(shape.width),
        "llama.block_count": writer.uint32(shape.layers),
        "llama.feed_forward_length": writer.uint32(shape.hidden),
        "llama.attention.head_count": writer.uint32(shape.heads),
        "llama.attention.head_count_kv": writer.uint32(shape.kv_heads),
        "llama.attention.layer_norm_rms_epsilon": writer.float32(1e-5),
        "llama.rope.dimension_count": writer.uint32(shape.width // shape.heads),
        "llama.rope.freq_base": writer.float32(500_000.0),
        "llama.vocab_size": writer.uint32(shape.vocabulary),
        "tokenizer.ggml.model": writer.text("gpt2"),
        "tokenizer.ggml.pre": writer.text("llama-bpe"),
        "tokenizer.ggml.tokens": writer.texts([*ordinary, *SPECIAL]),
        "tokenizer.ggml.token_type": writer.int32s([1] * len(ordinary) + [3] * len(SPECIAL)),
        "tokenizer.ggml.merges": writer.texts(["Ġ w"]),
        "tokenizer.ggml.bos_token_id": writer.uint32(len(ordinary)),
        "tokenizer.ggml.eos_token_id": writer.uint32(len(ordinary) + 1),
        "tokenizer.ggml.add_bos_token": writer.boolean(False),
        "tokenizer.chat_template": writer.text(TEMPLATE),
    }
