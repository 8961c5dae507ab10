"""Files and folders that appear whole or not at all, and outlast a power cut."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from freehold.errors import NoRoom

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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
                settle(path)
            settle(fresh)
        if target.exists():
            target.rename(old)
        fresh.rename(target)
        settle(target.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def mend(target: Path) -> None:
    """Puts a folder back where a crash left it moved aside, or ends its removal."""
    old = target.with_name(f".{target.name}.old")
    if old.exists():
        if target.exists():
            shutil.rmtree(old)
        else:
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
    fresh = target.with_name(f".{target.name}.partial")
    try:
        with room(target):
            yield fresh
            settle(fresh)
        fresh.replace(target)
        settle(target.parent)
    finally:
        fresh.unlink(missing_ok=True)


def settle(path: Path) -> None:
    """Waits until a file, or a folder's list of names, is on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
