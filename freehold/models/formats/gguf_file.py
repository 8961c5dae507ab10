"""Reads what is in a GGUF file beyond the facts of its header: all its keys, and its tensors by slices."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from freehold.errors import ModelRejected
from freehold.models.formats.floats import KINDS, Floats, Kind, read
from freehold.models.formats.gguf import Header, check_sound, header
from freehold.models.formats.gguf_types import ARRAY, SCALARS, STRING

MAX_METADATA_BYTES = 256 * 2**20

Value = TypeVar("Value", int, float, bool, str)


class GgufFile:
    """An open GGUF file."""

    def __init__(self, found: Header) -> None:
        self._found = found
        self.name = found.cursor.name
        self.types: Mapping[str, str] = found.types
        """Of each tensor, in the file's order."""
        self.shapes = {name: shape[::-1] for name, shape in found.shapes.items()}
        """As numpy has them."""
        last = max(end for _, end in found.spans.values())
        if last > MAX_METADATA_BYTES:
            raise found.wrong(f"its keys take {last:,} bytes")
        data = os.pread(found.cursor.descriptor, last, 0)
        self.metadata = {key: data[start:end] for key, (start, end) in found.spans.items()}
        """Each key's type and value, encoded as the file has them."""

    def value(self, key: str, kind: type[Value], default: Value | None = None) -> Value:
        """A number, a truth or a text.

        Raises:
            ModelRejected: it is of another kind, or missing where there is no default.
        """
        if key not in self.metadata and default is not None:
            return default
        value = self._decoded(key)
        if type(value) is not kind:
            raise self._found.wrong(f"the key {key[:80]!r} is {str(value)[:40]}")
        return value

    def items(self, key: str, kind: type[Value]) -> list[Value]:
        """A list of numbers or texts.

        Raises:
            ModelRejected: it is missing or something else.
        """
        values = self._decoded(key)
        if not isinstance(values, list) or not all(type(value) is kind for value in values):
            raise self._found.wrong(f"the key {key[:80]!r} is no list of its kind")
        return values

    def _decoded(self, key: str) -> Any:
        if key not in self.metadata:
            raise self._found.wrong(f"the key {key[:80]!r} is missing")
        try:
            return decode(self.metadata[key])
        except UnicodeDecodeError:
            raise self._found.wrong(f"the key {key[:80]!r} is not UTF-8") from None

    def rows(self, name: str, first: int, last: int) -> Floats:
        """Rows `first` up to `last` of a tensor of floats, as stored.

        Raises:
            ModelRejected: the file shrank, or the tensor is quantised.
        """
        shape, kind = self.shapes[name], self.kind(name)
        width = int(np.prod(shape[1:])) * {"F32": 4, "F16": 2, "BF16": 2}[kind]
        at = self._found.data + self._found.offsets[name] + first * width
        try:
            return read(self._found.cursor.descriptor, at, (last - first, *shape[1:]), kind)
        except EOFError:
            raise self._found.wrong("it shrank while it was read") from None

    def kind(self, name: str) -> Kind:
        """The float type of a tensor.

        Raises:
            ModelRejected: it is quantised.
        """
        for kind in KINDS:
            if self.types[name] == kind:
                return kind
        raise ModelRejected(
            f"{self.name} is quantised: its tensor {name} is stored as {self.types[name]}.",
            hint="Start from the model in float32, float16 or bfloat16; what was rounded off is gone.",
        )


@contextlib.contextmanager
def open_gguf(path: Path) -> Iterator[GgufFile]:
    """Opens a model's file that is sound and whole.

    Raises:
        ModelRejected: it is not.
    """
    check_sound(path)
    with header(path) as found:
        yield GgufFile(found)


def decode(data: bytes) -> Any:
    """The value of a key, from its type and value as a file has them."""
    (kind,) = struct.unpack_from("<I", data)
    if kind == STRING:
        return data[12:].decode()
    if kind != ARRAY:
        return struct.unpack_from(SCALARS[kind], data, 4)[0]
    of, count = struct.unpack_from("<IQ", data, 4)
    if of != STRING:
        return np.frombuffer(data, np.dtype(SCALARS[of]), count, 16).tolist()
    texts, at = [], 16
    for _ in range(count):
        (length,) = struct.unpack_from("<Q", data, at)
        texts.append(data[at + 8 : at + 8 + length].decode())
        at += 8 + length
    return texts
