"""Hugging Face checkpoints of the Llama family to GGUF, a slice of a tensor at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Literal

from freehold.errors import InvalidInput
from freehold.models.formats import gguf_writer as gguf
from freehold.models.formats.checkpoint import Checkpoint, open_checkpoint
from freehold.models.formats.floats import Floats, Kind, convert
from freehold.models.formats.gguf_llama import ROPE_KEY
from freehold.models.formats.gguf_writer import Tensor
from freehold.models.formats.llama_config import LlamaConfig
from freehold.models.formats.llama_tensors import ROPE_DIVISORS, LlamaTensor, to_pairs
from freehold.models.formats.new_file import Progress
from freehold.models.formats.vocabulary import PREFIX_KEY, Vocabulary, read_vocabulary

Precision = Literal["f32", "f16", "bf16"]
KINDS: dict[Precision, Kind] = {"f32": "F32", "f16": "F16", "bf16": "BF16"}
FILE_TYPES: dict[Kind, int] = {"F32": 0, "F16": 1, "BF16": 32}
SLICE_VALUES = 2**20
"""Weights converted at a time: 4 MiB in float32."""


def to_gguf(folder: Path, target: Path, *, precision: Precision, progress: Progress | None = None) -> None:
    """Converts the checkpoint in `folder`; norms and rope divisors stay float32, as llama.cpp wants them.

    Raises:
        InvalidInput: there is no such folder, no such precision, or `target` cannot be written.
        ModelRejected: the checkpoint cannot be converted faithfully; the message says why.
        NoRoom: the disk is full. In every case nothing is left of the attempt.
    """
    if precision not in KINDS:
        raise InvalidInput(f"There is no precision {precision!r}.", hint="Precisions: f32, f16, bf16.")
    with open_checkpoint(folder) as checkpoint:
        config = checkpoint.config
        metadata = sizes(config) | tokens(read_vocabulary(folder, config.vocabulary))
        metadata["general.file_type"] = gguf.uint32(FILE_TYPES[KINDS[precision]])
        gguf.write(target, metadata, list(_tensors(checkpoint, KINDS[precision])), progress)


def sizes(config: LlamaConfig) -> dict[str, bytes]:
    """The keys that say how a Llama is built."""
    found = {
        "general.architecture": gguf.text("llama"),
        "general.type": gguf.text("model"),
        "llama.context_length": gguf.uint32(config.context),
        "llama.embedding_length": gguf.uint32(config.width),
        "llama.block_count": gguf.uint32(config.layers),
        "llama.feed_forward_length": gguf.uint32(config.inner_width),
        "llama.attention.head_count": gguf.uint32(config.heads),
        "llama.attention.head_count_kv": gguf.uint32(config.kv_heads),
        "llama.attention.key_length": gguf.uint32(config.head_width),
        "llama.attention.value_length": gguf.uint32(config.head_width),
        "llama.attention.layer_norm_rms_epsilon": gguf.float32(config.norm_epsilon),
        "llama.rope.dimension_count": gguf.uint32(config.head_width),
        "llama.rope.freq_base": gguf.float32(config.rope.theta),
        "llama.vocab_size": gguf.uint32(config.vocabulary),
    }
    if config.rope.kind == "linear":
        found["llama.rope.scaling.type"] = gguf.text("linear")
        found["llama.rope.scaling.factor"] = gguf.float32(config.rope.factor)
    if config.rope.kind == "llama3":
        found[ROPE_KEY] = gguf.text(json.dumps(asdict(config.rope)))
    return found


def tokens(vocabulary: Vocabulary) -> dict[str, bytes]:
    """The keys that hold the tokenizer and the chat template."""
    found = {
        "tokenizer.ggml.model": gguf.text(vocabulary.algorithm),
        "tokenizer.ggml.pre": gguf.text(vocabulary.split),
        "tokenizer.ggml.tokens": gguf.texts(vocabulary.texts),
        "tokenizer.ggml.token_type": gguf.int32s(vocabulary.types),
        "tokenizer.ggml.bos_token_id": gguf.uint32(vocabulary.bos),
        "tokenizer.ggml.eos_token_id": gguf.uint32(vocabulary.eos),
        "tokenizer.ggml.add_bos_token": gguf.boolean(vocabulary.add_bos),
        "tokenizer.ggml.add_eos_token": gguf.boolean(False),
    }
    if vocabulary.algorithm == "gpt2":
        found["tokenizer.ggml.merges"] = gguf.texts(vocabulary.merges)
    else:
        found["tokenizer.ggml.scores"] = gguf.float32s(vocabulary.scores)
        found["tokenizer.ggml.add_space_prefix"] = gguf.boolean(vocabulary.add_space_prefix)
        if vocabulary.prefix == "first":
            found[PREFIX_KEY] = gguf.text(vocabulary.prefix)
    for key, id in zip(("eot", "eom"), vocabulary.more_ends, strict=False):
        found[f"tokenizer.ggml.{key}_token_id"] = gguf.uint32(id)
    for key, other in (("unknown", vocabulary.unknown), ("padding", vocabulary.padding)):
        if other is not None:
            found[f"tokenizer.ggml.{key}_token_id"] = gguf.uint32(other)
    if vocabulary.chat_template is not None:
        found["tokenizer.chat_template"] = gguf.text(vocabulary.chat_template)
    return found


def _tensors(checkpoint: Checkpoint, kind: Kind) -> Iterator[Tensor]:
    divisors = checkpoint.config.rope.divisors(checkpoint.config.head_width)
    if divisors is not None:
        yield Tensor(ROPE_DIVISORS, divisors.shape, "F32", lambda: [divisors])
    for tensor in checkpoint.tensors:
        stored = "F32" if len(tensor.shape) == 1 else kind
        yield Tensor(tensor.gguf, tensor.shape, stored, partial(_pieces, checkpoint, tensor, stored))


def _pieces(checkpoint: Checkpoint, tensor: LlamaTensor, kind: Kind) -> Iterator[Floats]:
    source = checkpoint.kind(tensor)
    rows = tensor.shape[0]
    unit = rows // tensor.heads if tensor.heads else 1  # rows change places within a head
    step = max(unit, SLICE_VALUES // (unit * tensor.shape[-1]) * unit) if len(tensor.shape) > 1 else rows
    for first in range(0, rows, step):
        last = min(rows, first + step)
        values = checkpoint.rows(tensor, first, last)
        if tensor.heads:
            values = to_pairs(values, (last - first) // unit)
        yield convert(values, source, kind, tensor.hugging_face)
