"""A text file's lines, one at a time, whatever its encoding.

A byte order mark decides, then UTF-16 where zero bytes stand at every other place; otherwise each line is
UTF-8, or Windows-1252 where it is not: files that were pasted together from several programs are read
right line by line. Knows nothing of what stands in the lines, and never holds more than one of them.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from freehold.errors import InvalidInput, NotFound, Unavailable

LONGEST = 4_000_000
"""Characters (bytes before decoding) of one line."""
_SAMPLE = 65_536
_FOLLOWING = bytes(range(0x80, 0xC0))
_WIDE = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers from 1, and lines with their ends; `.gz` is unpacked.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is not text, not sound gzip, or a line is too long; says where.
    """
    for number, text, complete in _pieces(path):
        if not complete:
            raise InvalidInput(
                f"{path}, line {number}: it is longer than {LONGEST:,} bytes.",
                hint="CSV has one row a line, JSON Lines one object a line.",
            )
        yield number, text


def pieces(path: Path) -> Iterator[str]:
    """The file's text, a line at a time, what is longer than LONGEST in several pieces.

    Raises:
        NotFound, InvalidInput: as `lines`, but no line is too long.
    """
    return (text for _, text, _ in _pieces(path))


def _pieces(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Line numbers from 1, what stands in the line, and whether that is all of it."""
    number, complete = 0, True
    with opened(path) as file:
        try:
            for text, whole in _decoded(file, path):
                number, complete = number + complete, whole
                if "\0" in text:
                    raise InvalidInput(
                        f"{path}, line {number}: it holds binary data.", hint="Save it as UTF-8 text."
                    )
                yield number, text, whole
        except UnicodeDecodeError as error:
            raise InvalidInput(
                f"{path}, line {number + complete}: it is not {error.encoding.upper()}, as the file begins.",
                hint="Save the file as UTF-8.",
            ) from None
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise InvalidInput(
                f"{path}, after line {number}: the compressed file is damaged or cut off.",
                hint="Copy it again.",
            ) from None
        except OSError as error:
            raise Unavailable(f"{path} cannot be read: {error.strerror or error}.") from None


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file's bytes, unpacked where it is gzip.

    Raises:
        NotFound: there is no such file.
        Unavailable: it cannot be opened.
        InvalidInput: it is no sound gzip, where it should be.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.") from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be opened: {error.strerror}.") from None
    with file:
        if path.suffix != ".gz":
            yield file
            return
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield cast(BinaryIO, unpacked)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise InvalidInput(
                f"{path}: the compressed file is damaged or cut off.", hint="Copy it again."
            ) from None


def _decoded(file: BinaryIO, path: Path) -> Iterator[tuple[str, bool]]:
    """Text, and whether it is a whole line."""
    sample = file.read(_SAMPLE)
    file.seek(0)
    for mark, encoding in _WIDE:
        if sample.startswith(mark):
            file.seek(len(mark))
            return _wrapped(file, encoding)
    if (wide := _unmarked(sample)) is not None:
        return _wrapped(file, wide)
    if sample.startswith(codecs.BOM_UTF8):
        file.seek(len(codecs.BOM_UTF8))
    if b"\r" in sample.rstrip(b"\r") and b"\n" not in sample:  # a Macintosh's ends of lines
        return _wrapped(file, "utf-8" if _is_utf8(sample) else "cp1252")
    return _line_by_line(file, path)


def _wrapped(file: BinaryIO, encoding: str) -> Iterator[tuple[str, bool]]:
    # universal ends of lines, kept as they are: those within quotes are the cell's
    with io.TextIOWrapper(file, encoding=encoding, errors="strict", newline="") as text:
        while line := text.readline(LONGEST):
            yield line, len(line) < LONGEST


def _line_by_line(file: BinaryIO, path: Path) -> Iterator[tuple[str, bool]]:
    number, complete = 0, True
    while data := file.readline(LONGEST):
        number, complete = number + complete, len(data) < LONGEST
        if not complete:
            data += _rest_of_character(file)
        try:
            yield data.decode("utf-8"), complete
        except UnicodeDecodeError:
            yield _windows(data, path, number), complete


def _rest_of_character(file: BinaryIO) -> bytes:
    """What follows the first byte of a character in UTF-8: three bytes at most, all of 0x80 to 0xBF."""
    place, rest = file.tell(), file.read(3)
    rest = rest[: len(rest) - len(rest.lstrip(_FOLLOWING))]
    file.seek(place + len(rest))
    return rest


def _windows(data: bytes, path: Path, number: int) -> str:
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{path}, line {number}: byte {error.start + 1} (0x{data[error.start]:02x}) is neither UTF-8 nor"
            " Windows-1252.",
            hint="Save the file as UTF-8.",
        ) from None


def _unmarked(sample: bytes) -> str | None:
    """UTF-16 without its mark: Latin text then has a zero in every other byte."""
    half = len(sample) // 2
    if half < 2:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > 0.4 * half and even < 0.05 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 * half and odd < 0.05 * half else None


def _is_utf8(sample: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # may end within a character
    except UnicodeDecodeError:
        return False
    return True
