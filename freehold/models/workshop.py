"""Makes a GGUF of a folder, in a process of its own: ggml may end the process that it is in.

`python -m freehold.models.workshop FOLDER TARGET [--base GGUF] [--quantise KIND]`. Each line on stdout is a
JSON object: `{"done", "total"}` in bytes, at the end `{"made", "files"}`, or `{"error": …}` and status 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from freehold.errors import FreeholdError, Unavailable
from freehold.models.checkpoint import open_checkpoint
from freehold.models.convert import Precision, to_gguf
from freehold.models.files import hash_of

TELL_SECONDS = 0.2
PRECISIONS: dict[str, Precision] = {"F32": "f32", "F16": "f16", "BF16": "bf16"}


def main(arguments: list[str] | None = None) -> int:
    """Works, and gives the process's exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("target", type=Path)
    given = parser.parse_args(arguments)
    try:
        say(made(given.folder, given.target))
    except MemoryError:
        say(Unavailable("There is not enough memory to convert this model.").as_json())
        return 1
    except FreeholdError as error:
        say(error.as_json())
        return 1
    return 0


def made(folder: Path, target: Path) -> dict[str, Any]:
    """Converts a checkpoint in the precision that most of its weights have.

    Raises:
        FreeholdError: as `to_gguf`.
    """
    with open_checkpoint(folder) as checkpoint:
        kinds = Counter[str]()
        for tensor in checkpoint.tensors:
            kinds[checkpoint.kind(tensor)] += 1
    precision = PRECISIONS[kinds.most_common(1)[0][0]]
    to_gguf(folder, target, precision=precision, progress=Teller())
    weights = sorted(path for path in folder.glob("*.safetensors"))
    files = [{"name": path.name, "sha256": hash_of(path), "size": path.stat().st_size} for path in weights]
    return {"made": {"how": "convert", "to": precision}, "files": files}


class Teller:
    """Says how far it is, now and then."""

    def __init__(self) -> None:
        self._said = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._said >= TELL_SECONDS or done == total:
            self._said = now
            say({"done": done, "total": total})


def say(value: dict[str, Any]) -> None:
    """One line; fails, and so ends the work, when nobody listens any more."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
