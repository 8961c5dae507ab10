"""Folders and files on this machine as a source's origin."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from freehold.errors import FreeholdError, NotFound, TooLarge, Unavailable, UnreadableDocument
from freehold.knowledge.origin import Content, Item, Known, Listing
from freehold.store.job_context import Interrupted

SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__"})

SETTLED_NS = 2_000_000_000
"""A file changed this shortly ago may change again within its stamp's grain; it is read again next time."""


class Folder:
    """The readable files under a root, or the one file that the root is."""

    def __init__(
        self,
        root: Path,
        *,
        suffixes: frozenset[str],
        max_bytes: int,
        single: bool = False,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """`suffixes` (with dot, lower case) are what a walk takes; a `single` file is always taken."""
        self._root = root
        self._single = single
        self._suffixes = suffixes
        self._max_bytes = max_bytes
        self._now_ns = now_ns
        self._paths: dict[str, Path] = {}

    def listing(self, stopping: Callable[[], bool]) -> Listing:
        try:
            status = self._root.stat()
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                raise Unavailable(
                    f"{self._root} cannot be looked at: {error.strerror}.",
                    hint="Nothing was removed. Is its disk there, and may Freehold read it?",
                ) from error
            if self._single and self._root.parent.is_dir():
                return Listing(items=(), deleted=True)
            raise NotFound(
                f"{self._root} is not there any more.",
                hint="Nothing was removed. Put it back, or remove the source.",
            ) from error
        if self._single:
            self._paths = {self._root.name: self._root}
            return Listing(items=(self._item(self._root.name, status),))
        walk = _Walk(self._root, self._suffixes)
        items = []
        for location, path, status in walk:
            if stopping():
                raise Interrupted
            if location in self._paths:
                double = UnreadableDocument(
                    "Another file's name, which is not UTF-8, is written like this one."
                )
                walk.failures.append((location, double))
                continue
            self._paths[location] = path
            items.append(self._item(location, status))
        return Listing(
            items=tuple(items), failures=tuple(walk.failures), unseen=tuple(walk.unseen), skipped=walk.skipped
        )

    def read(self, item: Item, known: Known | None) -> Content | None:
        path = self._paths[item.location]
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(f"{item.location} is gone.") from None
        except OSError as error:
            raise Unavailable(f"It cannot be opened: {error.strerror}.") from error
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableDocument("It is not a file.")
            if status.st_size > self._max_bytes:
                raise TooLarge(
                    f"It has {status.st_size:,} bytes; at most {self._max_bytes:,} are read.",
                    hint="Split it, or raise max_document_bytes.",
                )
            try:
                data = file.read(self._max_bytes + 1)
            except OSError as error:
                raise Unavailable(f"It cannot be read: {error.strerror}.") from error
        if len(data) > self._max_bytes:
            raise TooLarge(f"It grew beyond {self._max_bytes:,} bytes while it was read.")
        return Content(
            data=data, name=item.location, modified_ns=self._item(item.location, status).modified_ns
        )

    def _item(self, location: str, status: os.stat_result) -> Item:
        settled = status.st_mtime_ns < self._now_ns() - SETTLED_NS
        return Item(location, status.st_size, status.st_mtime_ns if settled else None)


class _Walk:
    """The files under a root in a stable order. Hidden ones are left out; links never lead outside."""

    def __init__(self, root: Path, suffixes: frozenset[str]) -> None:
        self._root = root
        self._inside = root.resolve()
        self._suffixes = suffixes
        self.failures: list[tuple[str, FreeholdError]] = []
        self.unseen: list[str] = []
        self.skipped = 0

    def __iter__(self) -> Iterator[tuple[str, Path, os.stat_result]]:
        folders = [(self._root, "")]
        while folders:
            folder, prefix = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    found = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                if folder == self._root:
                    raise Unavailable(
                        f"{self._root} cannot be looked into: {error.strerror}.",
                        hint="Nothing was removed. May Freehold read it?",
                    ) from error
                self._fail(prefix, error)
                continue
            below = []
            for entry in found:
                if entry.name.startswith(".") or entry.name in SKIPPED_FOLDERS:
                    continue
                path = Path(entry.path)
                location = prefix + os.fsencode(entry.name).decode("utf-8", "backslashreplace")
                try:
                    status = entry.stat()
                    outside = entry.is_symlink() and not path.resolve().is_relative_to(self._inside)
                except FileNotFoundError:  # gone since, or a link to nothing
                    continue
                except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
                    self._fail(location, error)
                    continue
                if stat.S_ISDIR(status.st_mode):
                    if not entry.is_symlink():  # what a link leads to inside is met under its own name
                        below.append((path, f"{location}/"))
                elif outside or not stat.S_ISREG(status.st_mode) or path.suffix.lower() not in self._suffixes:
                    self.skipped += 1
                else:
                    yield location, path, status
            folders.extend(reversed(below))

    def _fail(self, location: str, error: Exception) -> None:
        reason = getattr(error, "strerror", None) or str(error)
        self.failures.append((location, Unavailable(f"It cannot be looked into: {reason}.")))
        self.unseen.append(location)
