"""Makes a GGUF model smaller: eight bits a weight (Q8_0), or four to six by what a tensor is for (Q4_K_M).

Which tensor gets which type follows llama.cpp's own choice for the same file type, so that sizes and quality
are those that others report. Rows that do not divide into a type's blocks get the type it falls back to.
"""

from __future__ import annotations

import math
import os
import re
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from freehold.errors import InvalidInput, ModelRejected
from freehold.models import gguf_writer as gguf
from freehold.models.files import Progress
from freehold.models.floats import KINDS, convert, to_float32
from freehold.models.ggml import QUANTISED, quantise
from freehold.models.gguf import TENSOR_TYPES
from freehold.models.gguf_file import GgufFile, open_gguf
from freehold.models.gguf_writer import TYPE_IDS, Tensor

Quantisation = Literal["q8_0", "q4_k_m"]
FILE_TYPES: dict[Quantisation, int] = {"q8_0": 7, "q4_k_m": 15}
VERSION = 2
"""Of the block formats: `general.quantization_version`."""
FALLBACKS = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0", "Q5_0": "F16", "Q5_1": "F16", "Q8_0": "F16"}
SLICE_VALUES = 2**20
"""Weights quantised at a time by each thread: 4 MiB in float32."""
_LAYER = re.compile(r"blk\.(\d+)\.(\w+)\.weight")


def quantize(
    source: Path,
    target: Path,
    kind: Quantisation,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Writes the Llama in `source`, stored as floats, again as `kind`, by `threads` or all processors.

    Raises:
        InvalidInput: no such kind, or `target` cannot be written.
        ModelRejected: `source` is not sound, is quantised already, or is not a Llama.
        Unavailable: this build of llama.cpp is not known.
        NoRoom: the disk is full. In every case nothing is left of the attempt.
    """
    if kind not in FILE_TYPES:
        raise InvalidInput(f"There is no quantisation {kind!r}.", hint="Quantisations: q8_0, q4_k_m.")
    workers = threads or os.cpu_count() or 1
    with open_gguf(source) as file, ThreadPoolExecutor(workers) as pool:
        types = choose(file, kind)
        metadata = file.metadata | {
            "general.file_type": gguf.uint32(FILE_TYPES[kind]),
            "general.quantization_version": gguf.uint32(VERSION),
        }
        metadata.pop("general.alignment", None)
        tensors = [
            Tensor(name, file.shapes[name], type_, partial(_pieces, file, name, type_, pool, 2 * workers))
            for name, type_ in types.items()
        ]
        gguf.write(target, metadata, tensors, progress)


def choose(file: GgufFile, kind: Quantisation) -> Mapping[str, str]:
    """The type that each tensor gets.

    Raises:
        ModelRejected: the file is quantised already, or not a Llama.
    """
    if (architecture := file.value("general.architecture")) != "llama" or file.value("llama.expert_count"):
        raise ModelRejected(
            f"{file.name} is a {str(architecture)[:40]}; only plain Llamas are quantised here.",
            hint="Take a file of this model that is quantised already.",
        )
    for name in file.types:
        file.kind(name)
    tied = "output.weight" not in file.types
    layers, heads = file.value("llama.block_count"), file.value("llama.attention.head_count")
    shared = heads != file.value("llama.attention.head_count_kv", heads)
    found = {}
    for name, shape in file.shapes.items():
        if len(shape) == 1:
            found[name] = file.types[name]
            continue
        wanted = "Q8_0" if kind == "q8_0" else _q4_k_m(name, tied, layers, shared)
        while wanted in QUANTISED and shape[-1] % TENSOR_TYPES[TYPE_IDS[wanted]][1]:
            wanted = FALLBACKS[wanted]
        found[name] = wanted
    return found


def _q4_k_m(name: str, tied: bool, layers: int, shared: bool) -> str:
    """More bits for what the output depends on most: its own matrix, values and `ffn_down` of some layers."""
    if name == "output.weight" or (tied and name == "token_embd.weight"):
        return "Q6_K"
    match = _LAYER.fullmatch(name)
    if match and match[2] in ("attn_v", "ffn_down"):
        layer, eighth = int(match[1]), layers // 8
        if layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2:
            return "Q6_K"
        if match[2] == "attn_v" and layers == 80 and shared:
            return "Q5_K"  # the 70 B models, whose values are few and shared by many heads
    return "Q4_K"


def _pieces(
    file: GgufFile, name: str, type_: str, pool: ThreadPoolExecutor, ahead: int
) -> Iterator[NDArray[Any]]:
    """A tensor's slices in order; at most `ahead` of them are worked on or wait to be written."""
    rows, *columns = file.shapes[name]
    step = max(1, SLICE_VALUES // math.prod(columns))
    waiting: deque[Future[NDArray[Any]]] = deque()
    for first in range(0, rows, step):
        waiting.append(pool.submit(_piece, file, name, type_, first, min(rows, first + step)))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _piece(file: GgufFile, name: str, type_: str, first: int, last: int) -> NDArray[Any]:
    values, kind = file.rows(name, first, last), file.kind(name)
    for plain in KINDS:
        if type_ == plain:
            return convert(values, kind, plain, name)
    return quantise(to_float32(convert(values, kind, kind, name), kind), type_)
