"""Writes a safetensors file piece by piece, so that no tensor has to be in memory whole."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from freehold.models.formats.new_file import new_file, write_tensor
from freehold.models.formats.safetensors_file import SIZES


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor to write."""

    name: str
    type: str
    """Such as F16."""
    shape: tuple[int, ...]
    pieces: Callable[[], Iterable[NDArray[Any]]]
    """Its bytes from first to last, in contiguous arrays of any dtype."""

    @property
    def size(self) -> int:
        """Bytes."""
        return math.prod(self.shape) * SIZES[self.type]


def write(path: Path, tensors: Sequence[Tensor], wrote: Callable[[int], None]) -> None:
    """Writes the file whole or not at all; `wrote` hears of each piece's bytes.

    Raises:
        NoRoom: the disk is full.
        InvalidInput: it cannot be written where it should be.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}  # transformers loads no file without it
    at = 0
    for tensor in tensors:
        place = [at, at + tensor.size]
        header[tensor.name] = {"dtype": tensor.type, "shape": tensor.shape, "data_offsets": place}
        at += tensor.size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with new_file(path, 8 + len(text) + at) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors:
            write_tensor(file, tensor.name, tensor.size, tensor.pieces(), wrote)
