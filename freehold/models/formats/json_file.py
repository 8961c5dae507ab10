"""Reads the JSON files that lie beside weights, which may be missing, huge or something else altogether."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from freehold.errors import ModelRejected

MAX_BYTES = 2**20


def read_json(path: Path, limit: int = MAX_BYTES) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        ModelRejected: it is missing, larger than `limit` bytes, or no JSON object.
    """
    try:
        text = read_text(path, limit)
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelRejected(f"{path.name} is no JSON: {str(error)[:100]}.", hint=_COPY) from None
    if not isinstance(found, dict):
        raise ModelRejected(f"{path.name} is no JSON object.", hint=_COPY)
    return found


def read_text(path: Path, limit: int = MAX_BYTES) -> str:
    """A small text file, in UTF-8.

    Raises:
        ModelRejected: it is missing, no file, not UTF-8 or larger than `limit` bytes.
    """
    try:
        # Without waiting, since a FIFO without a writer would block.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise ModelRejected(f"{path.name} is no file.", hint=_COPY)
            if found.st_size > limit:
                raise ModelRejected(
                    f"{path.name} has {found.st_size:,} bytes, more than {limit:,} believed of such a file.",
                    hint=_COPY,
                )
            return file.read().decode()
    except FileNotFoundError:
        raise ModelRejected(f"{path.name} is missing.", hint=_COPY) from None
    except UnicodeDecodeError:
        raise ModelRejected(f"{path.name} is not UTF-8.", hint=_COPY) from None
    except OSError as error:
        raise ModelRejected(
            f"{path.name} cannot be read: {error.strerror or error}.", hint="Look at its permissions."
        ) from None


_COPY = "Copy or download the whole folder of the model again."
