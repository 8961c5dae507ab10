"""Models of zeros: they say nothing, take as much room and time as real ones, and are written in moments."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from freehold.models.formats import gguf_writer as gguf
from freehold.models.formats.convert import sizes
from freehold.models.formats.llama_config import LlamaConfig
from freehold.models.formats.llama_tensors import tensors
from freehold.models.formats.mixture import type_of

PIECE = 2**22
MERGES = 2
"""For each token, as in Llama 3's vocabulary, about: they take room and memory."""
NORMAL, CONTROL, UNUSED = 1, 3, 5


def write(target: Path, config: LlamaConfig, quantisation: str) -> None:
    """Writes a GGUF of these sizes, with a vocabulary of bytes and of tokens that no text has.

    `quantisation` is one of ours, or the one type that all matrices get, such as Q6_K.

    Raises:
        NoRoom, InvalidInput: it cannot be written.
    """
    blank = []
    for each in tensors(config):
        kind = type_of(
            quantisation,
            each.gguf,
            each.shape,
            layers=config.layers,
            tied=config.tied,
            shared=config.kv_heads < config.heads,
        )
        size = gguf.size_of(kind, each.shape)
        blank.append(gguf.Tensor(each.gguf, each.shape, kind, partial(_zeros, size)))
    gguf.write(target, sizes(config) | _vocabulary(config.vocabulary), blank)


def _zeros(size: int) -> Iterator[NDArray[np.uint8]]:
    for at in range(0, size, PIECE):
        yield np.zeros(min(PIECE, size - at), np.uint8)


def _vocabulary(size: int) -> dict[str, bytes]:
    names = [*_bytes(), *(f"<|{number}|>" for number in range(256, size))]
    kinds = [NORMAL] * 256 + [CONTROL] * 2 + [UNUSED] * (size - 258)
    return {
        "tokenizer.ggml.model": gguf.text("gpt2"),
        "tokenizer.ggml.pre": gguf.text("llama-bpe"),
        "tokenizer.ggml.tokens": gguf.texts(names),
        "tokenizer.ggml.token_type": gguf.int32s(kinds),
        "tokenizer.ggml.merges": gguf.texts([f"<{number} {number}>" for number in range(MERGES * size)]),
        "tokenizer.ggml.bos_token_id": gguf.uint32(256),
        "tokenizer.ggml.eos_token_id": gguf.uint32(257),
        "tokenizer.ggml.add_bos_token": gguf.boolean(False),
    }


def _bytes() -> list[str]:
    """GPT-2's printable names of the 256 bytes."""
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]
