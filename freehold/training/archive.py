"""Tar archives from elsewhere, read forwards, so that nothing in them is believed that costs memory.

A member's name, or what else is said of it, may claim gigabytes, which the library would read at once; a file
with holes may claim any size at all; packed data may be a thousand times as large as it looks. Where members
are written to, and how many of their bytes are wanted, is for the caller to judge.
"""

from __future__ import annotations

import contextlib
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from typing import IO, Self

from freehold.errors import InvalidInput

MAX_SAID_BYTES = 2**20
"""Of what stands before a member: its long name, its attributes."""
MOST_BEYOND = 16
"""Reads behind the end: the library makes two or three of a sound archive."""
_SAID = (b"x", b"g", b"X", b"L", b"K")


class Member(tarfile.TarInfo):
    """A member whose head claims nothing that could not be."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """
        Raises:
            tarfile.ReadError: its size is none, or too large for what it is.
        """
        found = super().frombuf(buf, encoding, errors)
        if found.size < 0 or (found.type in _SAID and found.size > MAX_SAID_BYTES):
            raise tarfile.ReadError(f"a member claims {found.size:,} bytes")
        if found.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError("a member has holes")
        return found


class _Ending(io.RawIOBase):
    """A file that says so when it is read on and on behind its end, as the library does to pass over a member
    that claims more bytes than there are."""

    def __init__(self, file: IO[bytes] | io.RawIOBase) -> None:
        super().__init__()
        self._file = file
        self._beyond = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """
        Raises:
            EOFError: the end was passed long ago.
        """
        found = self._file.read(size) or b""
        self._beyond = 0 if found else self._beyond + 1
        if self._beyond > MOST_BEYOND:
            raise EOFError("it is cut off")
        return found


@contextlib.contextmanager
def forwards(file: IO[bytes] | io.RawIOBase, name: str, *, packed: bool = False) -> Iterator[tarfile.TarFile]:
    """An archive to go through once, `packed` by any of the usual programs or by none.

    Raises:
        InvalidInput: here or in the block: it is none, is cut off, or has a member with holes.
    """
    try:
        with tarfile.open(fileobj=_Ending(file), mode="r|*" if packed else "r|", tarinfo=Member) as tar:
            yield tar
    except (tarfile.TarError, EOFError, ValueError, IndexError, zlib.error, lzma.LZMAError) as error:
        raise InvalidInput(f"{name} is not a sound archive: {error}.") from None
