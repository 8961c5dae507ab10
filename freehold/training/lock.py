"""One run to a folder."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from freehold.errors import Conflict


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keeps other runs out of a folder; the system lets go of it when the process ends, however it does.

    Raises:
        Conflict: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"Another run is at work in {folder}.", hint="Wait for it, or stop it by Ctrl-C."
            ) from None
        yield
