"""Writing a file of tensors so that it is whole or not there, and no tensor in memory whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from freehold.disk import FULL, sync
from freehold.errors import InvalidInput, NoRoom

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""


@contextlib.contextmanager
def new_file(target: Path, size: int) -> Iterator[BinaryIO]:
    """A file to write; it takes the place of `target` once the block ends well and its bytes are on the disk.

    Raises:
        NoRoom: there is no room for `size` bytes, or it ran out; nothing is left of the attempt.
        InvalidInput: the folder is missing or cannot be written to.
    """
    part = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        free = shutil.disk_usage(target.parent).free
        if free < size:
            raise _full(target, f"it takes {size:,} bytes, {free:,} are free")
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
        sync(target.parent)
    except OSError as error:
        if error.errno in FULL:
            raise _full(target, error.strerror or "no space left") from error
        raise InvalidInput(
            f"{target.name} cannot be written: {error.strerror or error}.",
            hint="Look at the folder's path and permissions.",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def write_tensor(
    file: BinaryIO, name: str, size: int, pieces: Iterable[NDArray[Any]], wrote: Callable[[int], None]
) -> None:
    """A tensor of `size` bytes, piece by piece; `wrote` hears of each piece's bytes."""
    left = size
    for piece in pieces:
        data = memoryview(np.ascontiguousarray(piece).data).cast("B")
        file.write(data)
        left -= len(data)
        wrote(len(data))
    assert not left, f"{name} is {left} bytes short"


def _full(target: Path, why: str) -> NoRoom:
    return NoRoom(f"There is no room for {target.name}: {why}.", hint="Free space on that disk.")
