"""Steps through a GGUF file's header, and never further than the file goes."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Any

from freehold.errors import ModelRejected

WINDOW_BYTES = 2**20
LENGTH = struct.Struct("<Q")
MAX_ELEMENTS = 8_000_000
"""Strings in all arrays of a header together; the largest vocabularies with merges have under a million."""
AGAIN = "Copy or download the file again, and compare its checksum with the publisher's."


class Cursor:
    """Reads a file forwards through a small window; every step is checked against the file's size."""

    def __init__(self, descriptor: int, size: int, name: str) -> None:
        self.descriptor = descriptor
        self.size = size
        self.name = name
        self.at = 0
        self._window = b""
        self._start = 0
        self._elements = 0

    def wrong(self, what: str, hint: str = AGAIN) -> ModelRejected:
        return ModelRejected(f"{self.name} is not a sound GGUF file: {what}.", hint=hint)

    def skip(self, count: int) -> None:
        if count > self.size - self.at:
            raise self.wrong("its header is truncated")
        self.at += count

    def take(self, count: int) -> bytes:
        """The next `count` bytes; callers ask for 64 KiB at most."""
        start = self.at
        self.skip(count)
        if start < self._start or self.at > self._start + len(self._window):
            self._window = os.pread(self.descriptor, max(WINDOW_BYTES, count), start)
            self._start = start
        piece = self._window[start - self._start : self.at - self._start]
        if len(piece) != count:
            raise self.wrong("it shrank while it was read")
        return piece

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def integers(self, count: int) -> Iterator[int]:
        """The next `count` signed 32-bit numbers."""
        for done in range(0, count, 16_384):
            some = min(count - done, 16_384)
            yield from struct.unpack(f"<{some}i", self.take(4 * some))

    def text(self, limit: int, what: str) -> str:
        length = self.number("<Q")
        if length > limit:
            raise self.wrong(f"{what} has {length:,} bytes" if length <= self.size else f"{what} has no end")
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            raise self.wrong(f"{what} is not UTF-8") from None

    def skip_strings(self, count: int, what: str) -> None:
        self._elements += count
        if count > (self.size - self.at) // 8 or self._elements > MAX_ELEMENTS:
            raise self.wrong(f"{what} claims {count:,} entries")
        while count:
            self.take(8)
            at, start, window = self.at - 8, self._start, self._window
            last = start + len(window) - 8
            while count and at <= last:
                at += 8 + LENGTH.unpack_from(window, at - start)[0]
                count -= 1
            self.at = min(at, self.size)
            if at > self.size:
                raise self.wrong("its header is truncated")
