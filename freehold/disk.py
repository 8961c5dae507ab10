"""What everything that writes files needs of the operating system."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors that say that there is no room: on the disk, of a quota, under a limit on files."""


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A path to write to, whose file takes the place of `target` when it is on the disk.

    When the block fails, or the disk does, what was at `target` is still there and nothing else is left.
    """
    fresh = target.with_name(f".{target.name}.partial")
    try:
        yield fresh
        sync(fresh)
        fresh.replace(target)
        sync(target.parent)
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Waits until a file, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
