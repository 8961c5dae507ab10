"""What goes wrong with tantivy's files, in our words."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from freehold.errors import NoRoom, Unavailable


class Fault(Exception):
    """tantivy could not read or write its files."""


@contextlib.contextmanager
def faults() -> Iterator[None]:
    """Turns what tantivy raises into `Fault`: ValueError, OSError and a panic, which is no Exception."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise Fault(str(error)) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise Fault(str(error)) from error


@contextlib.contextmanager
def unreadable() -> Iterator[None]:
    try:
        yield
    except Fault as error:
        raise Unavailable(
            f"The index of words cannot be read: {error}.",
            hint="Restart Freehold: it rebuilds a damaged index.",
        ) from error


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) != errno.ENOSPC and "No space left" not in str(error):
            raise
        raise NoRoom(
            "The index of words cannot be written: the disk is full.",
            hint="Free space on the data folder's disk.",
        ) from error
