"""Files that a command writes for its user."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from freehold.disk import FULL
from freehold.errors import InvalidInput, NoRoom


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Says in words why a file was not written.

    Raises:
        NoRoom: the disk is full.
        InvalidInput: it cannot be written there.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise NoRoom(f"The disk is full: {path} was not written.", hint="Make room.") from None
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.") from None
