"""Writes a GGUF file piece by piece, so that no tensor has to be in memory whole.

Version 3, as ggml's docs/gguf.md describes it: keys with typed values, then each tensor's name, shape, type
and place, then the tensors, aligned. Knows nothing of what keys and tensors a model needs.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.errors import ModelRejected
from freehold.models.formats.gguf_types import ARRAY, MAGIC, STRING, TENSOR_TYPES
from freehold.models.formats.new_file import Progress, new_file, write_tensor

VERSION = 3
ALIGNMENT = 32
UINT32, INT32, FLOAT32, BOOL = 4, 5, 6, 7
TYPE_IDS = {name: number for number, (name, _, _) in TENSOR_TYPES.items()}

Metadata = Mapping[str, bytes]
"""Each key's type and value, encoded."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor to write."""

    name: str
    shape: tuple[int, ...]
    """As numpy has it; the file names the dimensions the other way round."""
    type: str
    """Such as F16 or Q4_K."""
    pieces: Callable[[], Iterable[NDArray[Any]]]
    """Its bytes from first to last, in contiguous arrays of any dtype."""

    @property
    def size(self) -> int:
        """Bytes."""
        return size_of(self.type, self.shape)


def size_of(type_: str, shape: Sequence[int]) -> int:
    """Bytes of a tensor."""
    _, block, block_bytes = TENSOR_TYPES[TYPE_IDS[type_]]
    return math.prod(shape) // block * block_bytes


def write(
    target: Path, metadata: Metadata, tensors: Sequence[Tensor], progress: Progress | None = None
) -> None:
    """Writes the file; `target` is there once all of it is on the disk, and not before.

    Raises:
        NoRoom: the disk is full; nothing is left of the attempt.
        InvalidInput: it cannot be written where it should be.
        ModelRejected: a name is no text.
    """
    head = _header(metadata, tensors)
    total, done = sum(tensor.size for tensor in tensors), 0

    def wrote(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done, total)

    with new_file(target, len(head) + sum(_aligned(tensor.size) for tensor in tensors)) as file:
        file.write(head)
        for tensor in tensors:
            write_tensor(file, tensor.name, tensor.size, tensor.pieces(), wrote)
            file.write(bytes(_aligned(tensor.size) - tensor.size))


def text(value: str) -> bytes:
    return struct.pack("<I", STRING) + _string(value)


def uint32(value: int) -> bytes:
    return struct.pack("<II", UINT32, value)


def float32(value: float) -> bytes:
    return struct.pack("<If", FLOAT32, value)


def boolean(value: bool) -> bytes:
    return struct.pack("<I?", BOOL, value)


def texts(values: Sequence[str]) -> bytes:
    return _array(STRING, values) + b"".join(map(_string, values))


def int32s(values: Sequence[int]) -> bytes:
    return _array(INT32, values) + np.asarray(values, "<i4").tobytes()


def float32s(values: Sequence[float]) -> bytes:
    return _array(FLOAT32, values) + np.asarray(values, "<f4").tobytes()


def _header(metadata: Metadata, tensors: Sequence[Tensor]) -> bytes:
    parts = [MAGIC, struct.pack("<IQQ", VERSION, len(tensors), len(metadata))]
    parts += [_string(key) + value for key, value in metadata.items()]
    offset = 0
    for tensor in tensors:
        shape = tensor.shape[::-1]
        parts.append(_string(tensor.name))
        parts.append(struct.pack(f"<I{len(shape)}Q", len(shape), *shape))
        parts.append(struct.pack("<IQ", TYPE_IDS[tensor.type], offset))
        offset += _aligned(tensor.size)
    head = b"".join(parts)
    return head + bytes(_aligned(len(head)) - len(head))


def _array(of: int, values: Sequence[object]) -> bytes:
    return struct.pack("<IIQ", ARRAY, of, len(values))


def _string(value: str) -> bytes:
    try:
        data = value.encode()
    except UnicodeEncodeError:
        raise ModelRejected(
            f"{value[:40]!r} is no text: half of a character stands in it.",
            hint="Copy or download the whole folder of the model again.",
        ) from None
    return struct.pack("<Q", len(data)) + data


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
