"""Uploaded files: taken apart while they stream, counted, named safely, put in place at once.

A file stands under its final name only when all of its bytes are on disk. Names that people gave are
shown to them again; what they are stored as is made of harmless characters. Knows nothing of formats.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import unicodedata
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from anyio import CancelScope, to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from freehold.disk import FULL
from freehold.errors import Conflict, FreeholdError, InvalidInput, NoRoom, TooLarge

FILES_AT_ONCE = 200
TOTAL_FACTOR = 8
"""An upload may be this many times as large as its largest file may be."""
_APART = ".incoming"
_FIELD_BYTES = 4096
_NAME_BYTES = 120

_UNFIT = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\/]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.I)


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that was taken."""

    name: str
    """As it was sent."""
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class Upload:
    """What a form held; the files still lie apart until `keep`."""

    folder: Path
    files: tuple[Stored, ...]
    fields: dict[str, str]

    def keep(self, target: Path) -> tuple[Stored, ...]:
        """Moves the files into `target`, over those of the same name.

        Raises:
            Conflict: the target is a link, or a folder stands where a file should.
            NoRoom: the disk is full.
        """
        with _disk_errors():
            if target.is_symlink():
                raise Conflict(f"{target} is a symbolic link.", hint="Remove it; uploads go into a folder.")
            target.mkdir(parents=True, exist_ok=True)
            kept = []
            for file in self.files:
                place = target / file.path.name
                if place.is_dir() and not place.is_symlink():
                    raise Conflict(f"A folder stands where {file.path.name} should go.")
                file.path.replace(place)
                kept.append(Stored(file.name, place, file.size))
            _sync_folder(target)
        return tuple(kept)

    def discard(self) -> None:
        """Removes what was not kept."""
        shutil.rmtree(self.folder, ignore_errors=True)


def sweep(files: Path) -> None:
    """Removes what uploads and removals that broke off have left under `files`; before any begins."""
    shutil.rmtree(files / _APART, ignore_errors=True)


def put_aside(files: Path, folder: Path) -> Path | None:
    """Takes a folder of uploaded files out of its place; None where it is no such folder."""
    if folder.parent != files or folder.is_symlink() or not folder.is_dir():
        return None
    aside = files / _APART / secrets.token_hex(8)
    aside.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder.rename(aside)


async def receive(
    pieces: AsyncIterator[bytes], content_type: str, *, files: Path, max_file_bytes: int
) -> Upload:
    """Reads a multipart form; what comes lies apart under `files` until it is kept.

    Raises:
        InvalidInput: no multipart form, a malformed one, or one without a file.
        TooLarge: a file, the whole, or their number is over the limit.
        NoRoom: the disk is full.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise InvalidInput("Files are taken as multipart/form-data.", hint="Send them in the field `files`.")
    form = await to_thread.run_sync(_Form, files / _APART / secrets.token_hex(8), max_file_bytes)
    try:
        parser = form.parser(options[b"boundary"])
        total, refusal = 0, None
        async for piece in pieces:
            total += len(piece)
            if total > max_file_bytes * TOTAL_FACTOR:
                raise TooLarge(
                    f"An upload may have at most {max_file_bytes * TOTAL_FACTOR // 2**20} MB.",
                    hint="Send fewer files at a time.",
                )
            if refusal is None:
                try:
                    await to_thread.run_sync(form.feed, parser, piece)
                except FreeholdError as error:
                    refusal = error  # the rest is read and dropped, so that the sender hears why
        if refusal is not None:
            raise refusal
        return form.finish()
    except BaseException:
        with CancelScope(shield=True):
            await to_thread.run_sync(form.abandon)
        raise


class _Form:
    """A multipart form on its way to disk. Called in threads, one call at a time."""

    def __init__(self, folder: Path, max_file_bytes: int) -> None:
        self._folder = folder
        self._max = max_file_bytes
        self._files: list[Stored] = []
        self._fields: dict[str, str] = {}
        self._ended = False
        self._header: list[bytes] = [b"", b""]
        self._disposition = b""
        self._field: tuple[str, bytearray] | None = None
        self._file: tuple[str, Path, BinaryIO] | None = None
        self._size = 0
        with _disk_errors():
            folder.mkdir(parents=True, mode=0o700)

    def parser(self, boundary: bytes) -> MultipartParser:
        """A parser that tells this form what it finds."""
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_header_field": lambda data, start, end: self._add_header(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._add_header(1, data[start:end]),
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_part_data": lambda data, start, end: self._add(data[start:end]),
                "on_part_end": self._part_ends,
                "on_end": self._end,
            },
        )

    def feed(self, parser: MultipartParser, piece: bytes) -> None:
        """Takes the next piece of the body."""
        try:
            with _disk_errors():
                parser.write(piece)
        except FormParserError:
            raise InvalidInput("The form is malformed.", hint="Send it as browsers and curl do.") from None

    def finish(self) -> Upload:
        if not self._ended:
            raise InvalidInput("The form ends too early.", hint="Send it again.")
        if not self._files:
            raise InvalidInput("The form holds no file.", hint="Send files in the field `files`.")
        return Upload(self._folder, tuple(self._files), self._fields)

    def abandon(self) -> None:
        if self._file is not None:
            self._file[2].close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _part_begins(self) -> None:
        self._disposition = b""
        self._field = self._file = None

    def _add_header(self, part: int, data: bytes) -> None:
        self._header[part] += data

    def _header_ends(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = self._header[1]
        self._header = [b"", b""]

    def _headers_end(self) -> None:
        _kind, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" not in options:
            self._field = (name, bytearray())
            return
        if name != "files":
            raise InvalidInput(
                f"{name[:80]!r} is no field for files.", hint="Send them in the field `files`."
            )
        if len(self._files) >= FILES_AT_ONCE:
            raise TooLarge(
                f"At most {FILES_AT_ONCE} files are taken at a time.", hint="Send fewer at a time."
            )
        shown = options[b"filename"].decode("utf-8", "replace")
        path = self._free(safe_name(shown))
        self._file, self._size = (shown, path, path.open("xb")), 0

    def _free(self, name: str) -> Path:
        path, number = self._folder / name, 1
        while path.exists():
            number += 1
            path = self._folder / f"{Path(name).stem} ({number}){Path(name).suffix}"
        return path

    def _add(self, data: bytes) -> None:
        if self._file is not None:
            self._size += len(data)
            if self._size > self._max:
                raise TooLarge(
                    f"{self._file[0][:200]} is larger than {self._max // 2**20} MB.",
                    hint="Raise max_upload_bytes, or use `freehold add` on the server.",
                )
            self._file[2].write(data)
        elif self._field is not None:
            self._field[1].extend(data)
            if len(self._field[1]) > _FIELD_BYTES:
                raise TooLarge(f"The field {self._field[0][:80]!r} is too long.")

    def _part_ends(self) -> None:
        if self._file is not None:
            shown, path, file = self._file
            file.flush()
            os.fsync(file.fileno())
            file.close()
            self._files.append(Stored(shown, path, self._size))
        elif self._field is not None:
            self._fields[self._field[0]] = self._field[1].decode("utf-8", "replace")
        self._field = self._file = None

    def _end(self) -> None:
        self._ended = True


def safe_name(name: str) -> str:
    """The name under which a file is stored: its last part, harmless on any system, at most 120 bytes."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name).replace("\0", "_"))[-1]
    plain = "".join(letter if letter.isprintable() else "_" for letter in _UNFIT.sub("_", last))
    plain = plain.strip(" .") or "file"
    if _RESERVED.match(plain):
        plain = f"_{plain}"
    stem, dot, ending = plain.rpartition(".")
    if not dot or len(ending.encode()) > 16:
        stem, dot, ending = plain, "", ""
    room = _NAME_BYTES - len((dot + ending).encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + dot + ending


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise NoRoom(
                "The disk is full; nothing of the upload was kept.",
                hint="Free space on the data folder's disk.",
            ) from error
        raise
