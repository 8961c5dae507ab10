"""The tensors of a Llama: names and shapes in Hugging Face's files and in GGUF, and the order of their rows.

transformers rotates the two halves of a head against each other, llama.cpp neighbouring pairs; so the rows of
q and k change places within each head. Everything else is the same numbers under another name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from freehold.models.formats.floats import Floats
from freehold.models.formats.llama_config import LlamaConfig

ROPE_DIVISORS = "rope_freqs.weight"


@dataclass(frozen=True, slots=True)
class LlamaTensor:
    """One weight of a Llama."""

    hugging_face: str
    gguf: str
    shape: tuple[int, ...]
    """As numpy has it: (rows, columns), or (width,) for a norm."""
    heads: int = 0
    """Heads whose rows change places; 0 for none."""


def tensors(config: LlamaConfig) -> Iterator[LlamaTensor]:
    """All weights, in the order that they take in a GGUF."""
    yield LlamaTensor("model.embed_tokens.weight", "token_embd.weight", (config.vocabulary, config.width))
    for layer in range(config.layers):
        for part, name, shape, heads in _layer(config):
            yield LlamaTensor(
                f"model.layers.{layer}.{part}.weight", f"blk.{layer}.{name}.weight", shape, heads
            )
    yield LlamaTensor("model.norm.weight", "output_norm.weight", (config.width,))
    if not config.tied:
        yield LlamaTensor("lm_head.weight", "output.weight", (config.vocabulary, config.width))


def _layer(config: LlamaConfig) -> tuple[tuple[str, str, tuple[int, ...], int], ...]:
    width, inner = config.width, config.inner_width
    q, kv = config.heads * config.head_width, config.kv_heads * config.head_width
    return (
        ("input_layernorm", "attn_norm", (width,), 0),
        ("self_attn.q_proj", "attn_q", (q, width), config.heads),
        ("self_attn.k_proj", "attn_k", (kv, width), config.kv_heads),
        ("self_attn.v_proj", "attn_v", (kv, width), 0),
        ("self_attn.o_proj", "attn_output", (width, q), 0),
        ("post_attention_layernorm", "ffn_norm", (width,), 0),
        ("mlp.gate_proj", "ffn_gate", (inner, width), 0),
        ("mlp.up_proj", "ffn_up", (inner, width), 0),
        ("mlp.down_proj", "ffn_down", (width, inner), 0),
    )


def to_pairs(rows: Floats, heads: int) -> Floats:
    """Rows of whole heads, halves beside each other, as neighbouring pairs: (heads × head width, …)."""
    return rows.reshape(heads, 2, -1, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def to_halves(rows: Floats, heads: int) -> Floats:
    """The way back from `to_pairs`."""
    return rows.reshape(heads, -1, 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)
