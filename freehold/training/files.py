"""Files and folders that appear whole or not at all, and outlast a power cut."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from freehold.disk import FULL, replacing, sync
from freehold.errors import NoRoom


@contextlib.contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A folder to write into, which takes the place of `target` when all of it is on the disk.

    Raises:
        NoRoom: the disk is full; what was at `target` is still there.
    """
    fresh = target.with_name(f".{target.name}.partial")
    old = target.with_name(f".{target.name}.old")
    target.parent.mkdir(parents=True, exist_ok=True)
    mend(target)
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        with room(target):
            fresh.mkdir()
            yield fresh
            for path in sorted(fresh.rglob("*")):
                sync(path)
            sync(fresh)
        if target.exists():
            target.rename(old)
        fresh.rename(target)
        sync(target.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def mend(target: Path) -> None:
    """Puts a folder back where a crash left it moved aside, or ends its removal."""
    old = target.with_name(f".{target.name}.old")
    if old.exists():
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            with contextlib.suppress(
                FileNotFoundError
            ):  # several processes of a run may come to this at once
                old.rename(target)


@contextlib.contextmanager
def room(target: Path) -> Iterator[None]:
    """Turns a full disk into an error that says so.

    Raises:
        NoRoom: there was no room.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise NoRoom(f"There is no room for {target}.", hint="Make room and run it again.") from None
        raise
    except Exception as error:
        # safetensors writes in Rust, which names the number of the error in its text only
        if any(f"os error {number}" in str(error) for number in FULL):
            raise NoRoom(f"There is no room for {target}.", hint="Make room and run it again.") from None
        raise


def write_json(path: Path, value: Any) -> None:
    """A JSON file, replaced at once."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1))


def write_text(path: Path, text: str) -> None:
    """A text file, replaced at once."""
    with whole_file(path) as fresh:
        fresh.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A path to write to, whose file takes the place of `target` when it is on the disk.

    Raises:
        NoRoom: the disk is full; what was at `target` is still there.
    """
    with room(target), replacing(target) as fresh:
        yield fresh
