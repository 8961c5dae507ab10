"""Large files, fetched so that what has arrived is kept whatever happens."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from freehold.egress import Egress
from freehold.errors import FetchFailed, NoRoom
from freehold.net.connection import Deadline, Resolve, resolve
from freehold.net.request import answered
from freehold.net.response import Answer, raise_for_status

PACE_BYTES = 2**20
PACE_SECONDS = 60.0
"""A host that takes longer for a MiB, or to begin, is given up."""

ATTEMPTS = 6
"""In a row that may bring nothing."""

LONGEST_WAIT = 60
"""Seconds that a host may ask to be left alone for; when it asks for more, the caller is told so."""

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses of a host that may answer another time."""

_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


def resume(
    url: str,
    path: Path,
    *,
    size: int,
    egress: Egress,
    headers: Mapping[str, str] | None = None,
    judge: Callable[[Answer], None] = raise_for_status,
    progress: Callable[[int], None] = lambda done: None,
    sleep: Callable[[float], None] = time.sleep,
    resolve: Resolve = resolve,
) -> None:
    """GETs what `path` lacks of a file of `size` bytes and appends it; cut off, it goes on where it was.

    Whether the bytes are the right ones is for the caller to say. `progress` is told how many are there; an
    exception from it ends the transfer, and what has arrived stays.

    Raises:
        FetchFailed: the host went on failing, or gives something of another size.
        NoRoom: the disk is full; what has arrived stays.
        FreeholdError: as `net.fetch`; or what `judge` makes of a status.
    """
    left = ATTEMPTS
    while (before := path.stat().st_size if path.exists() else 0) < size:
        status: list[int] = []

        def looked_at(answer: Answer, status: list[int] = status) -> None:
            status.append(answer.status)
            judge(answer)

        try:
            _append(url, path, before, size, egress, headers or {}, looked_at, progress, resolve)
        except OSError as error:
            raise NoRoom(
                f"{path.name} cannot be written: {error.strerror or error}.", hint="Free space on its disk."
            ) from error
        except FetchFailed as error:
            left = ATTEMPTS if path.exists() and path.stat().st_size > before else left - 1
            refused = status and status[-1] >= 400 and status[-1] not in PASSING
            if refused or not left or (error.retry_after or 0) > LONGEST_WAIT:
                raise
            sleep(error.retry_after or 2.0 ** (ATTEMPTS - left - 1))
    if before > size:
        path.unlink()
        raise FetchFailed(f"{url} gave more than the {size:,} bytes that it should have; they were dropped.")


def size_of(url: str, *, egress: Egress, resolve: Resolve = resolve) -> int:
    """How many bytes a file has, as its host says; nothing of it is read.

    Raises:
        FetchFailed: the host does not say.
        FreeholdError: as `net.fetch`.
    """
    deadline = Deadline(PACE_SECONDS)
    with answered(url, egress, deadline, {"Accept-Encoding": "identity"}, resolve) as answer:
        if answer.length is None:
            raise FetchFailed(f"{url} does not say how large it is.")
        return answer.length


def _append(
    url: str,
    path: Path,
    start: int,
    size: int,
    egress: Egress,
    headers: Mapping[str, str],
    judge: Callable[[Answer], None],
    progress: Callable[[int], None],
    resolve: Resolve,
) -> None:
    """One request: the rest of the file, or the whole of it from a host that gives no parts."""
    asked = {**headers, "Accept-Encoding": "identity"}
    if start:
        asked["Range"] = f"bytes={start}-"
    deadline = Deadline(PACE_SECONDS)
    with answered(url, egress, deadline, asked, resolve, judge=judge) as answer:
        if start and answer.status != 206:
            start = 0
        elif start and _start(answer) != start:
            raise FetchFailed(f"{url} does not give the part that it was asked for.")
        if answer.length is not None and start + answer.length > size:
            raise FetchFailed(f"{url} has {start + answer.length:,} bytes, not the {size:,} it should have.")
        with path.open("r+b" if path.exists() else "xb") as file:
            file.truncate(start)
            file.seek(start)
            done = paced = start
            for piece in answer.content(size - start):
                file.write(piece)
                done += len(piece)
                if done - paced >= PACE_BYTES:
                    paced = done
                    deadline.renew()
                progress(done)
            file.flush()
            os.fsync(file.fileno())
    if done < size:
        raise FetchFailed(f"{url} broke off after {done:,} of {size:,} bytes.")


def _start(answer: Answer) -> int | None:
    found = _RANGE.fullmatch(answer.headers.get("content-range", "").strip())
    return int(found[1]) if found else None
