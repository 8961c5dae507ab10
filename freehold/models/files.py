"""The registry's files on disk: named by their SHA-256, whole or not there, and intact before they are used.

Knows nothing of names or rows. A file under way lies in `incoming/`; a mark beside it says that a file and
its row are being changed together, so that whoever opens the folder next can settle what a crash left.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from freehold.disk import FULL, sync
from freehold.errors import NoRoom, Unavailable
from freehold.models.formats.new_file import Progress

PIECE_BYTES = 4 * 2**20
SPARE_BYTES = 64 * 2**20
"""Room left on the disk for the database when a model is added."""

Stamp = tuple[int, int, int, int]


class ModelFiles:
    """A folder of content-addressed files. One process at a time has it."""

    def __init__(
        self, folder: Path, free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
    ) -> None:
        self.folder = folder
        self.incoming = folder / "incoming"
        self._free_bytes = free_bytes
        self._intact: dict[str, Stamp] = {}
        """Files whose hash this process has found right, as they were then."""

    def path(self, id: str) -> Path:
        """Where the file of this hash lies, if it is here."""
        return self.folder / id[:2] / f"{id}.gguf"

    def check_room(self, size: int) -> None:
        """
        Raises:
            NoRoom: the disk has no room for a file of this size.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        free = self._free_bytes(self.folder)
        if free < size + SPARE_BYTES:
            raise _full(f"it takes {size:,} bytes, {free:,} are free")

    @contextlib.contextmanager
    def part(self) -> Iterator[Path]:
        """A path for a file under way; what lies there at the end is removed."""
        self.incoming.mkdir(parents=True, exist_ok=True)
        part = self.incoming / f"{uuid.uuid4().hex}.part"
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def taken(
        self, source: Path, size: int, *, move: bool = False, progress: Progress | None = None
    ) -> Iterator[tuple[Path, str]]:
        """`source` as a part, flushed to the disk, and its SHA-256.

        A copy; with `move`, where both are on one disk, a second name of the file itself.

        Raises:
            NoRoom: the disk is full.
            OSError: it cannot be read or written.
        """
        with self.part() as part:
            if move and _linked(source, part):
                yield part, hash_of(part, progress)
                return
            self.check_room(size)
            yield part, copy(source, part, size, progress)

    def place(self, part: Path, id: str) -> None:
        """Puts a part that is on the disk in its place, also over a damaged file of the same name."""
        path = self.path(id)
        path.parent.mkdir(exist_ok=True)
        part.chmod(0o444)
        part.replace(path)
        for folder in (path.parent, self.folder):
            sync(folder)

    @contextlib.contextmanager
    def pending(self, id: str, wanted: Callable[[str], bool]) -> Iterator[None]:
        """Afterwards, or once swept if this process dies, the file is there only if `wanted` says so."""
        mark = self.incoming / f"{id}.pending"
        self.incoming.mkdir(parents=True, exist_ok=True)
        mark.touch()
        sync(self.incoming)
        try:
            yield
        finally:
            self._settle(mark, wanted)

    def sweep(self, wanted: Callable[[str], bool]) -> None:
        """Removes what an interrupted addition or removal left behind."""
        for left in self.incoming.glob("*.part"):
            left.unlink(missing_ok=True)
        for mark in self.incoming.glob("*.pending"):
            self._settle(mark, wanted)

    def _settle(self, mark: Path, wanted: Callable[[str], bool]) -> None:
        if not wanted(mark.stem):
            self.path(mark.stem).unlink(missing_ok=True)
            self._intact.pop(mark.stem, None)
        mark.unlink(missing_ok=True)

    def there(self, id: str, size: int, name: str) -> Path:
        """Where the file of a model is; a look at its size only.

        Raises:
            Unavailable: it is missing, or not of the size that it had.
        """
        path = self.path(id)
        try:
            found = path.stat().st_size
        except FileNotFoundError:
            raise Unavailable(
                f"The file of the model {name} is missing.", hint="Add the same file again."
            ) from None
        if found != size:
            raise Unavailable(
                f"The file of the model {name} has changed: {found:,} bytes, not {size:,}.", hint=_ANEW
            )
        return path

    def intact(self, id: str, size: int, name: str, *, progress: Progress | None = None) -> Path:
        """Where the file of a model is, read and found to be what was added.

        Read in full once by each process, and again when anything about the file has changed since.

        Raises:
            Unavailable: it is missing, or other bytes than were added.
        """
        path = self.there(id, size, name)
        if self._intact.get(id) == (before := stamp(path)):
            return path
        return self.reread(id, size, name, before=before, progress=progress)

    def reread(
        self, id: str, size: int, name: str, *, before: Stamp | None = None, progress: Progress | None = None
    ) -> Path:
        """As `intact`, but reads it whatever was found before."""
        path = self.there(id, size, name)
        before = before or stamp(path)
        if hash_of(path, progress) != id:
            self._intact.pop(id, None)
            raise Unavailable(
                f"The file of the model {name} has changed: its hash is no longer {id}.", hint=_ANEW
            )
        self._intact[id] = before
        return path


_ANEW = "Remove the model and add its file again."


def stamp(path: Path) -> Stamp:
    """Which file it is and when it was last changed; the last part no program can set back."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def hash_of(path: Path, progress: Progress | None = None) -> str:
    """SHA-256 of a file."""
    found, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        while piece := file.read(PIECE_BYTES):
            found.update(piece)
            done += len(piece)
            if progress:
                progress(done, size)
    return found.hexdigest()


def copy(source: Path, target: Path, size: int, progress: Progress | None = None) -> str:
    """Copies, flushes to the disk and hashes in one pass; gives the SHA-256."""
    found, done = hashlib.sha256(), 0
    with source.open("rb") as reader, target.open("xb") as writer:
        while piece := reader.read(PIECE_BYTES):
            found.update(piece)
            writer.write(piece)
            done += len(piece)
            if progress:
                progress(done, size)
        writer.flush()
        os.fsync(writer.fileno())
    return found.hexdigest()


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no second names
        return False
    return True


@contextlib.contextmanager
def room() -> Iterator[None]:
    """Failures to write, as our errors.

    Raises:
        NoRoom: the disk is full.
        Unavailable: anything else that keeps a file from being read or written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise _full(error.strerror or "no space left") from error
        raise Unavailable(
            f"The model cannot be copied: {error.strerror or error}.",
            hint="Look at the permissions of the file and of the data folder.",
        ) from error


def _full(why: str) -> NoRoom:
    return NoRoom(f"There is no room for this model: {why}.", hint="Free space on the data folder's disk.")
