"""How large a model is in each quantisation: of a Llama's configuration, or as a GGUF file has it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from freehold.models.formats import gguf
from freehold.models.formats.gguf_writer import size_of
from freehold.models.formats.llama_config import LlamaConfig
from freehold.models.formats.llama_tensors import tensors
from freehold.models.formats.mixture import QUANTISATIONS, type_of

HEADER_BYTES_A_TOKEN = 58
"""Of a vocabulary with merges, in Llama 3's header: text, type and about two merges for each token."""
SCORED_BYTES_A_TOKEN = 22
"""Of one with scores, in Llama 2's."""
REPACKED = frozenset({"Q4_K"})
"""Types that llama.cpp's processor backend lays out anew when it loads them (on x86-64 with AVX2)."""
EMBEDDINGS, OUTPUT = "token_embd.weight", "output.weight"


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's weights in one quantisation."""

    quantisation: str
    file_bytes: int
    tensor_bytes: int
    for_written: Mapping[str, int]
    """Weights, by type, that each token of an answer is multiplied with."""
    for_read: Mapping[str, int]
    """Those that each token of a prompt is: not the output matrix, nor the last layer's wide matrices, which
    llama.cpp spares all tokens but the last."""

    @property
    def repacked_bytes(self) -> int:
        """Those that are in memory twice: as the file has them, and laid out anew.

        The system takes the first back when it needs the room, so that they are held and not needed.
        """
        counts = self.for_written.items()
        return sum(size_of(kind, (count,)) for kind, count in counts if kind in REPACKED)

    @property
    def bytes_a_token(self) -> int:
        """Bytes that come from memory for each token of an answer."""
        return sum(size_of(kind, (count,)) for kind, count in self.for_written.items())


@dataclass(frozen=True, slots=True)
class Shape:
    """A model's sizes, whatever its quantisation."""

    name: str
    parameters: int
    layers: int
    width: int
    heads: int
    kv_width: int
    """Numbers a token leaves in the cache, keys and values of all layers together."""
    attention_width: int
    """Numbers in a layer's queries."""
    vocabulary: int
    context: int
    """Tokens it was made for."""


def of_config(
    config: LlamaConfig, name: str, quantisations: Sequence[str] = QUANTISATIONS
) -> tuple[Shape, list[Weights]]:
    """A Llama's sizes, and its weights in each quantisation."""
    sizes = [(each.gguf, each.shape) for each in tensors(config)]
    shape = Shape(
        name=name,
        parameters=sum(math.prod(dimensions) for _, dimensions in sizes),
        layers=config.layers,
        width=config.width,
        heads=config.heads,
        kv_width=2 * config.layers * config.kv_heads * config.head_width,
        attention_width=config.heads * config.head_width,
        vocabulary=config.vocabulary,
        context=config.context,
    )
    scored = config.rope.theta == 10_000.0 and config.vocabulary < 65_536
    header = config.vocabulary * (SCORED_BYTES_A_TOKEN if scored else HEADER_BYTES_A_TOKEN)
    kind_of = partial(type_of, layers=config.layers, tied=config.tied, shared=config.kv_heads < config.heads)
    found = []
    for quantisation in quantisations:
        typed = [(each, kind_of(quantisation, each, wide), math.prod(wide)) for each, wide in sizes]
        found.append(_weights(quantisation, typed, config.layers, header))
    return shape, found


def of_gguf(path: Path) -> tuple[Shape, Weights]:
    """What a GGUF file's header says; its weights as they are.

    Raises:
        ModelRejected: it is not the header of a model that generates text.
    """
    with gguf.header(path) as header:
        facts = header.facts(path.stem)
        typed = [(name, header.types[name], math.prod(each)) for name, each in header.shapes.items()]
    shape = Shape(
        name=facts.name,
        parameters=facts.parameters,
        layers=facts.layers,
        width=facts.embedding_length,
        heads=facts.heads,
        kv_width=facts.kv_width,
        attention_width=facts.embedding_length,
        vocabulary=facts.vocabulary,
        context=facts.context_length,
    )
    weights = _weights(facts.quantisation, typed, facts.layers, 0)
    return shape, replace(weights, file_bytes=facts.expected_size)


def _weights(
    quantisation: str, typed: Sequence[tuple[str, str, int]], layers: int, header_bytes: int
) -> Weights:
    """Of tensors' names, types and numbers of weights."""
    total = sum(size_of(kind, (count,)) for _, kind, count in typed)
    untied = any(name == OUTPUT for name, _, _ in typed)
    written: dict[str, int] = {}
    read: dict[str, int] = {}
    for name, kind, count in typed:
        if name != EMBEDDINGS or not untied:
            written[kind] = written.get(kind, 0) + count
        if name not in (EMBEDDINGS, OUTPUT) and not name.startswith(f"blk.{layers - 1}.ffn_"):
            read[kind] = read.get(kind, 0) + count
    return Weights(quantisation, header_bytes + total, total, written, read)
