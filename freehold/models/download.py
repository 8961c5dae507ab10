"""Files of models from elsewhere: resumed where they broke off, accepted by their checksum only."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from freehold.disk import sync
from freehold.egress import Egress
from freehold.errors import FetchFailed
from freehold.models.files import PIECE_BYTES
from freehold.net import Resolve, resolve, resume
from freehold.net.response import Answer, raise_for_status


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a file is told by."""

    kind: Literal["sha256", "git"]
    """git: SHA-1 of a blob, as git names it; for files too small for anything else."""
    value: str

    def matches(self, path: Path) -> bool:
        """Reads the whole file."""
        size = path.stat().st_size
        found = hashlib.sha256()
        if self.kind == "git":
            found = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                found.update(piece)
        return found.hexdigest() == self.value


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file is, and what it must be."""

    url: str
    size: int
    checksum: Checksum
    headers: Mapping[str, str] = field(default_factory=dict)
    judge: Callable[[Answer], None] = raise_for_status
    """Raises what a refusal means there."""


def fetched(
    source: Source,
    path: Path,
    *,
    egress: Egress,
    progress: Callable[[int], None] = lambda done: None,
    sleep: Callable[[float], None] | None = None,
    resolve: Resolve = resolve,
) -> None:
    """Puts the file at `path`, whole and right; one that lies there and is right is left as it is.

    What has arrived of it lies beside it as `.part`, and is where the next call goes on.

    Raises:
        NoRoom: the disk is full; what has arrived stays.
        FetchFailed: it cannot be fetched, or is another than it must be and was dropped.
        FreeholdError: as `net.resume`.
    """
    if path.exists():
        if source.checksum.matches(path):
            progress(source.size)
            return
        path.unlink()
    part = path.with_name(f"{path.name}.part")
    part.touch()
    resume(
        source.url,
        part,
        size=source.size,
        egress=egress,
        headers=source.headers,
        judge=source.judge,
        progress=progress,
        sleep=sleep or time.sleep,
        resolve=resolve,
    )
    if not source.checksum.matches(part):
        part.unlink()
        raise FetchFailed(
            f"{path.name} is not what it should be: its checksum is not {source.checksum.value}."
            " It was dropped.",
            hint="Someone changed it on the way or at its place. Try again, or another network.",
        )
    part.replace(path)
    sync(path.parent)
    progress(source.size)


def remove(folder: Path) -> None:
    """Removes what was fetched into a folder, and the folder."""
    for path in folder.iterdir() if folder.is_dir() else ():
        path.unlink(missing_ok=True)
    if folder.is_dir():
        folder.rmdir()
