"""The training process: `python -m freehold.training run RECIPE.toml --folder FOLDER`.

JSON lines go to stdout (`metrics.py`), a failure as the last of them. Ctrl-C or SIGTERM ends after the step
at hand, with a checkpoint; a second one ends at once. Exit status: 0 done, 1 failed, 3 stopped early.
Several processes: the same under `torchrun` or `accelerate launch`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from freehold.errors import FreeholdError, InvalidInput, Unavailable
from freehold.training.needs import LIBRARIES

STOPPED = 3
STATUS = {"done": 0, "stopped": STOPPED}


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the arguments say; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m freehold.training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train, or go on training")
    run.add_argument("recipe", type=Path)
    run.add_argument("--folder", type=Path, required=True, help="where checkpoints and the result go")
    run.add_argument("--minutes", type=float, help="stop with a checkpoint after so long")
    run.add_argument("--fresh", action="store_true", help="begin anew")
    teach = commands.add_parser("teach", help="write a teacher's most likely tokens, or go on writing")
    teach.add_argument("recipe", type=Path)
    teach.add_argument("--teacher", type=Path, required=True, help="folder of a Hugging Face model")
    teach.add_argument("--to", type=Path, required=True, help="the file to write")
    teach.add_argument("--name", required=True, help="what the teacher is called")
    teach.add_argument("--licence", required=True, help="its licence: apache-2.0, mit, own, …")
    teach.add_argument("--k", type=int, default=128, help="tokens kept of each position")
    teach.add_argument("--temperature", type=float, default=1.0)
    pack = commands.add_parser("pack", help="put what a run has come to into an archive")
    pack.add_argument("--folder", type=Path, required=True)
    pack.add_argument("--to", type=Path, required=True, help="the archive, a .tar")
    pack.add_argument("--part-mb", type=float, help="size of its parts; without it there is one")
    unpack = commands.add_parser("unpack", help="put such an archive into a folder")
    unpack.add_argument("archive", type=Path)
    unpack.add_argument("--folder", type=Path, required=True)
    asked = parser.parse_args(arguments)
    doing = {"run": _run, "teach": _teach, "pack": _pack, "unpack": _unpack}[asked.command]
    try:
        with needed():
            return doing(asked)
    except OSError as error:
        failed: FreeholdError = InvalidInput(
            f"{error.filename or 'A file'} cannot be used: {error.strerror or error}.",
            hint="Look at its path and permissions.",
        )
    except FreeholdError as error:
        failed = error
    print(json.dumps({"event": "failed", **failed.as_json()}), flush=True)
    return 1


def _run(asked: argparse.Namespace) -> int:
    from freehold.training.recipe import load

    recipe = load(asked.recipe)
    stopping = stopper(asked.minutes)
    from freehold.training.run import run

    return STATUS[run(recipe, asked.folder, fresh=asked.fresh, stopping=stopping, out=sys.stdout)]


def _teach(asked: argparse.Namespace) -> int:
    from freehold.training.recipe import load
    from freehold.training.teacher import write_cache

    def told(done: int, total: int) -> None:
        print(json.dumps({"event": "taught", "done": done, "total": total}), flush=True)

    write_cache(
        load(asked.recipe, cached=False), asked.teacher, asked.to, name=asked.name, licence=asked.licence,
        k=asked.k, temperature=asked.temperature, told=told,
    )  # fmt: skip
    print(json.dumps({"event": "end", "outcome": "done", "result": str(asked.to)}), flush=True)
    return 0


def _pack(asked: argparse.Namespace) -> int:
    from freehold.training.bundle import results
    from freehold.training.parcel import part_bytes_of

    parts = results(asked.folder, asked.to, part_bytes=part_bytes_of(asked.part_mb))
    print(json.dumps({"event": "end", "outcome": "done", "parts": [str(part) for part in parts]}), flush=True)
    return 0


def _unpack(asked: argparse.Namespace) -> int:
    from freehold.training.parcel import unpack

    unpack(asked.archive, asked.folder)
    print(json.dumps({"event": "end", "outcome": "done", "result": str(asked.folder)}), flush=True)
    return 0


@contextlib.contextmanager
def needed() -> Iterator[None]:
    """Says how to install what is missing.

    Raises:
        Unavailable: a package that training needs is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"Training needs the package {error.name}, which is not installed.",
            hint="pip install 'freehold[train]', or what it brings for training: " + " ".join(LIBRARIES),
        ) from None


def stopper(minutes: float | None) -> Callable[[], bool]:
    """Whether to stop: because a signal said so, or because the time is up."""
    asked_at: list[float] = []
    until = None if minutes is None else time.monotonic() + 60 * minutes

    def hear(number: int, frame: FrameType | None) -> None:
        if asked_at:
            raise KeyboardInterrupt
        asked_at.append(time.monotonic())

    signal.signal(signal.SIGINT, hear)
    signal.signal(signal.SIGTERM, hear)
    return lambda: bool(asked_at) or (until is not None and time.monotonic() >= until)


if __name__ == "__main__":
    try:
        status = main()
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
