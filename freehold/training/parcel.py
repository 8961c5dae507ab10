"""A folder's files as one tar archive, in parts of a chosen size, with a list of hashes that is checked.

    NAME.tar              or, in parts, NAME.tar.000, NAME.tar.001, …: `cat NAME.tar.* | tar x` opens both

The last member is `manifest.json`: the SHA-256 of every other.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from freehold.disk import FULL
from freehold.errors import Conflict, InvalidInput, NotFound
from freehold.training.archive import forwards
from freehold.training.files import room, whole_folder
from freehold.training.places import CHECKPOINT, RUN

MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 64 * 2**20
_PART = re.compile(r"(.+\.tar)\.(\d{3,})")


def part_bytes_of(megabytes: float | None) -> int | None:
    """The size of an archive's parts, from megabytes of 10^6 bytes; None where it has one.

    Raises:
        InvalidInput: parts of no size.
    """
    if megabytes is None:
        return None
    if not 1e-6 <= megabytes < 1e12:
        raise InvalidInput(
            f"Parts of {megabytes} MB cannot be.", hint="Name the size of the parts: 45, or 0.5."
        )
    return int(megabytes * 1e6)


def pack(files: Mapping[str, Path | bytes], target: Path, *, part_bytes: int | None = None) -> list[Path]:
    """Writes `files` (by their names within) as `target`, a `.tar`, or as its parts; gives what was written.

    An archive of this name that is there goes first, so that no part of it can be taken for one of the new.

    Raises:
        NoRoom: the disk is full; nothing is left of the attempt.
    """
    assert part_bytes is None or part_bytes > 0, "as `part_bytes_of` gives it"
    target.parent.mkdir(parents=True, exist_ok=True)
    for old in [target, *parts_of(target)]:
        old.unlink(missing_ok=True)
    out = _Parts(target, part_bytes)
    try:
        with room(target), out, tarfile.open(fileobj=out, mode="w|") as tar:
            hashes = {}
            for name, content in sorted(files.items()):
                size = len(content) if isinstance(content, bytes) else content.stat().st_size
                with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
                    hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()
                    file.seek(0)
                    _add(tar, name, size, file)
            listed = json.dumps({"format": 1, "sha256": hashes}, indent=1).encode()
            _add(tar, MANIFEST, len(listed), io.BytesIO(listed))
    except BaseException:
        for part in out.written:
            part.unlink(missing_ok=True)
        raise
    return out.written


def unpack(archive: Path, folder: Path) -> list[str]:
    """Unpacks an archive (any one of its parts stands for all) so that `folder` appears whole or not at all.

    Raises:
        NotFound: there is no such archive, or a part of it is missing.
        InvalidInput: it is none of ours, was changed, or would write elsewhere.
        Conflict: there is a folder, and it holds something else than a run.
        NoRoom: the disk is full.
    """
    there = any(folder.iterdir()) if folder.is_dir() else folder.exists()
    if there and not _replaceable(folder):
        raise Conflict(f"{folder} holds no run, and is not replaced.", hint="Name another folder.")
    with whole_folder(folder) as fresh:
        with _Joined(archive) as joined, forwards(joined, archive.name) as tar:
            for member in tar:
                if not member.isfile() or member.issparse():
                    raise InvalidInput(f"{archive.name} holds {member.name[:200]}, which is no plain file.")
                try:
                    tar.extract(member, fresh, filter="data")
                except OSError as error:
                    if error.errno in FULL:
                        raise
                    what = f"{archive.name} holds {member.name[:200]}"
                    raise InvalidInput(f"{what}, which cannot be written: {error.strerror}.") from None
        names = _listed(fresh / MANIFEST, archive.name)
        found = {path.relative_to(fresh).as_posix() for path in fresh.rglob("*") if path.is_file()}
        if found != {*names, MANIFEST}:
            raise InvalidInput(f"{archive.name} does not hold the files that its list names.")
        for name, wanted in names.items():
            with (fresh / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != wanted:
                    raise InvalidInput(f"{name} in {archive.name} was changed on the way.")
    return sorted(names)


def parts_of(target: Path) -> list[Path]:
    """The parts of an archive that are there, in order."""
    matches = (_PART.fullmatch(path.name) for path in target.parent.glob("*") if path.is_file())
    found = {int(match[2]): match[0] for match in matches if match and match[1] == target.name}
    return [target.with_name(name) for _, name in sorted(found.items())]


def _replaceable(folder: Path) -> bool:
    """Whether a folder holds a run, or what came from such an archive; other things have manifests too."""
    if any((folder / name).exists() for name in (CHECKPOINT, RUN)):
        return True
    try:
        return bool(_listed(folder / MANIFEST, folder.name))
    except InvalidInput:
        return False


def _listed(manifest: Path, archive: str) -> dict[str, str]:
    """The hashes that an archive's own list names.

    Raises:
        InvalidInput: it is missing, or no list of ours.
    """
    try:
        if manifest.stat().st_size > MAX_MANIFEST_BYTES:
            raise InvalidInput(f"The list of files in {archive} is too large.")
        return dict(json.loads(manifest.read_text(encoding="utf-8"))["sha256"])
    except FileNotFoundError:
        raise InvalidInput(f"{archive} is not whole: its list of files is missing.") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidInput(f"{archive} is no archive of ours: {str(error)[:200]}.") from None


def _add(tar: tarfile.TarFile, name: str, size: int, file: IO[bytes]) -> None:
    """One file, with nothing in its header that depends on when or by whom it was packed."""
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o644
    tar.addfile(header, file)


class _Parts(io.RawIOBase):
    """A file to write to that is really several, none larger than `size`."""

    def __init__(self, target: Path, size: int | None) -> None:
        super().__init__()
        self._target = target
        self._size = size
        self._left = 0
        self._file: IO[bytes] | None = None
        self.written: list[Path] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data)
        while view:
            if self._file is None or self._left == 0:
                self._next()
            assert self._file is not None
            taken = view[: self._left]
            self._file.write(taken)
            self._left -= len(taken)
            view = view[len(taken) :]
        return len(data)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        super().close()

    def _next(self) -> None:
        if self._file is not None:
            self._file.close()
        ending = "" if self._size is None else f".{len(self.written):03d}"
        path = self._target.with_name(self._target.name + ending)
        self._file = path.open("wb")
        self._left = 2**62 if self._size is None else self._size
        self.written.append(path)


class _Joined(io.RawIOBase):
    """Parts read as the one file that they are."""

    def __init__(self, archive: Path) -> None:
        super().__init__()
        self._parts = self._named(archive)
        self._file: IO[bytes] | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._file is None:
                part = next(self._parts, None)
                if part is None:
                    return 0
                self._file = part.open("rb")
            data = self._file.read(len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
            self._file.close()
            self._file = None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()

    @staticmethod
    def _named(archive: Path) -> Iterator[Path]:
        match = _PART.fullmatch(archive.name)
        whole = archive.with_name(match[1]) if match else archive
        if match is None and whole.is_file():
            return iter([whole])
        parts = parts_of(whole)
        if not parts:
            raise NotFound(f"There is no archive {archive}.")
        for number, part in enumerate(parts):
            if int(part.suffix[1:]) != number:
                raise NotFound(f"The part {whole.name}.{number:03d} is missing.")
        return iter(parts)
