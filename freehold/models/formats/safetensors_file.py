"""Reads a safetensors file tensor by tensor, in slices of rows, and takes nothing in it on trust.

The format (https://huggingface.co/docs/safetensors): eight bytes with the header's length, a JSON object that
gives each tensor's type, shape and place, then the tensors one after the other. The header is held against
the file's size before a tensor is read; nothing is mapped into memory.
"""

from __future__ import annotations

import json
import math
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from freehold.errors import ModelRejected
from freehold.models.formats.floats import KINDS, Floats, Kind, read

MAX_HEADER_BYTES = 16 * 2**20
MAX_DIMENSIONS = 8
SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "U16": 2, "I16": 2, "F16": 2,
         "BF16": 2, "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8}  # fmt: skip
AGAIN = "Copy or download the file again, and compare its checksum with the publisher's."


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """Where a tensor lies in its file."""

    type: str
    shape: tuple[int, ...]
    start: int
    size: int
    """Bytes."""


class SafetensorsFile:
    """An open safetensors file. A context manager; reading is safe from several threads."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            ModelRejected: it is not a sound safetensors file, or is truncated; the message says why.
        """
        self.name = path.name
        try:
            # Without waiting, since a FIFO without a writer would block.
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise ModelRejected(
                f"{path.name} cannot be read: {error.strerror or error}.", hint="Look at its permissions."
            ) from None
        try:
            found = os.fstat(self._descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise self._wrong("it is no file")
            self.tensors: Mapping[str, StoredTensor] = self._header(found.st_size)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> SafetensorsFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._descriptor)

    def kind(self, name: str) -> Kind:
        """The float type of a tensor.

        Raises:
            ModelRejected: it is of another type, such as those of quantised weights.
        """
        for kind in KINDS:
            if self.tensors[name].type == kind:
                return kind
        raise ModelRejected(
            f"The tensor {name} is stored as {self.tensors[name].type}.",
            hint="Take the weights in float32, float16 or bfloat16.",
        )

    def rows(self, name: str, first: int = 0, last: int | None = None) -> Floats:
        """Rows `first` up to `last` along the tensor's first dimension, as stored: (rows, …).

        Raises:
            ModelRejected: not a float tensor, or the file shrank.
        """
        tensor, kind = self.tensors[name], self.kind(name)
        last = tensor.shape[0] if last is None else last
        at = tensor.start + first * (tensor.size // max(1, tensor.shape[0]))
        try:
            return read(self._descriptor, at, (last - first, *tensor.shape[1:]), kind)
        except EOFError:
            raise self._wrong("it shrank while it was read") from None

    def _header(self, size: int) -> dict[str, StoredTensor]:
        if size < 8:
            raise self._wrong("it is too short")
        (length,) = struct.unpack("<Q", os.pread(self._descriptor, 8, 0))
        if length > min(MAX_HEADER_BYTES, size - 8):
            raise self._wrong(
                f"its header claims {length:,} bytes" if length <= size else "its header is truncated"
            )
        try:
            header = json.loads(os.pread(self._descriptor, length, 8), object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise self._wrong(f"its header is no JSON ({str(error)[:80]})") from None
        if not isinstance(header, dict):
            raise self._wrong("its header is no JSON object")
        header.pop("__metadata__", None)
        tensors = {name: self._tensor(name, entry, 8 + length) for name, entry in header.items()}
        self._check_places(tensors, 8 + length, size)
        return tensors

    def _tensor(self, name: str, entry: Any, base: int) -> StoredTensor:
        fields = entry if isinstance(entry, dict) else {}
        type_ = str(fields.get("dtype"))
        shape, place = _sizes(fields.get("shape")), _sizes(fields.get("data_offsets"))
        if type_ not in SIZES or shape is None or place is None or len(place) != 2:
            raise self._wrong(f"the tensor {name[:100]} has the entry {str(entry)[:100]}")
        size = math.prod(shape) * SIZES[type_]
        if place[1] - place[0] != size:
            raise self._wrong(f"the tensor {name[:100]} has {place[1] - place[0]:,} bytes for its {size:,}")
        return StoredTensor(type_, shape, base + place[0], size)

    def _check_places(self, tensors: Mapping[str, StoredTensor], base: int, size: int) -> None:
        """One after the other without gaps, to the file's end: so no byte is read twice or hidden."""
        at = base
        for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].size)):
            if tensor.start != at:
                fault = "overlaps the one before" if tensor.start < at else "leaves a gap before it"
                raise self._wrong(f"the tensor {name[:100]} {fault}")
            at += tensor.size
        if at > size:
            raise ModelRejected(f"{self.name} is truncated: it has {size:,} bytes of {at:,}.", hint=AGAIN)
        if at < size:
            raise self._wrong(f"{size - at:,} bytes follow its last tensor")

    def _wrong(self, what: str) -> ModelRejected:
        return ModelRejected(f"{self.name} is not a sound safetensors file: {what}.", hint=AGAIN)


def _sizes(values: Any) -> tuple[int, ...] | None:
    """Up to eight sizes or places; None when they are something else."""
    if not isinstance(values, list) or len(values) > MAX_DIMENSIONS:
        return None
    sound = all(type(value) is int and 0 <= value < 2**48 for value in values)
    return tuple(values) if sound else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands in it twice")
    return found
