"""Makes a GGUF model smaller: eight bits a weight (Q8_0), or four to six by what a tensor is for (Q4_K_M).

Which tensor gets which type is said in `mixture`.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from freehold.errors import InvalidInput, ModelRejected
from freehold.models.formats import gguf_writer as gguf
from freehold.models.formats.floats import KINDS, convert, to_float32
from freehold.models.formats.ggml import quantise
from freehold.models.formats.gguf_file import GgufFile, open_gguf
from freehold.models.formats.gguf_writer import Tensor
from freehold.models.formats.mixture import type_of
from freehold.models.formats.new_file import Progress

Quantisation = Literal["q8_0", "q4_k_m"]
FILE_TYPES: dict[Quantisation, int] = {"q8_0": 7, "q4_k_m": 15}
VERSION = 2
"""Of the block formats: `general.quantization_version`."""
SLICE_VALUES = 2**20
"""Weights quantised at a time by each thread: 4 MiB in float32."""


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
    architecture = file.value("general.architecture", str)
    if architecture != "llama" or file.value("llama.expert_count", int, 0):
        raise ModelRejected(
            f"{file.name} is a {architecture[:40]}; only plain Llamas are quantised here.",
            hint="Take a file of this model that is quantised already.",
        )
    for name, shape in file.shapes.items():
        file.kind(name)
        if len(shape) > 2:
            raise ModelRejected(f"The tensor {name} is not a Llama's.", hint="Convert the model again.")
    tied = "output.weight" not in file.types
    layers, heads = file.value("llama.block_count", int), file.value("llama.attention.head_count", int)
    shared = heads != file.value("llama.attention.head_count_kv", int, heads)
    return {
        name: file.types[name]
        if len(shape) == 1
        else type_of(kind.upper(), name, shape, layers=layers, tied=tied, shared=shared)
        for name, shape in file.shapes.items()
    }


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
