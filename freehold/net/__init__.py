"""The only door out: every outbound connection of Freehold is opened here.

A host must have been named by a command or allowed by a setting. Its addresses are looked up once and
judged; the connection is made to a judged address, so what a name means cannot change in between.
Redirects are followed by hand, each hop judged anew. Proxies named in the environment are not used.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from freehold.egress import Egress
from freehold.errors import FetchFailed, NoRoom
from freehold.net.connection import Deadline, Resolve, resolve
from freehold.net.request import MAX_REDIRECTS, REDIRECTS, answered
from freehold.net.response import raise_for_status
from freehold.net.transfer import resume

__all__ = ["MAX_REDIRECTS", "Egress", "Fetched", "Resolve", "download", "fetch", "resolve", "resume"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a host gave."""

    url: str
    """Where it was found, after redirects."""
    status: int
    headers: Mapping[str, str]
    """Names in lower case; of several of one name, the last."""
    content_type: str
    """As the host says, in lower case, without parameters; empty when it says nothing."""
    charset: str | None
    body: bytes
    etag: str | None
    not_modified: bool
    """The host says that what the caller has is still right; the body is empty."""
    address: str
    """The address that was connected to."""
    lines: tuple[tuple[str, str], ...] = ()
    """Every line of the head: name in lower case, value."""

    @property
    def redirect(self) -> str | None:
        """Where it sends us, as written there; only an answer taken as it is can have it."""
        return self.headers.get("location") if self.status in REDIRECTS else None


def fetch(
    url: str,
    *,
    egress: Egress,
    max_bytes: int,
    deadline_seconds: float = 30.0,
    headers: Mapping[str, str] | None = None,
    as_it_is: bool = False,
    takes: Callable[[str], bool] = lambda content_type: True,
    resolve: Resolve = resolve,
) -> Fetched:
    """GETs a URL. `max_bytes` counts what was unpacked; the deadline covers everything, redirects included.

    `as_it_is` gives redirects and failures with their status instead of following and raising them; their
    bodies, and those of types that `takes` does not take, are left unread.

    Raises:
        InvalidInput: not an http(s) URL that may be asked for.
        EgressDenied: nothing allows the host, its port or its address, here or at a redirect.
        NotFound: the host says that there is nothing (404, 410).
        FetchFailed: no answer, an error, or one that is not HTTP; `retry_after` where the host asks for it.
        TooLarge: the answer is larger than `max_bytes`.
    """
    deadline = Deadline(deadline_seconds)
    judge = None if as_it_is else raise_for_status
    with answered(url, egress, deadline, dict(headers or {}), resolve, judge=judge) as answer:
        wanted = 200 <= answer.status < 300 and takes(answer.content_type)
        body = b"".join(answer.content(max_bytes)) if wanted else b""
        return Fetched(
            url=str(answer.url),
            status=answer.status,
            headers=answer.headers,
            content_type=answer.content_type,
            charset=answer.charset,
            body=body,
            etag=answer.headers.get("etag"),
            not_modified=answer.status == 304,
            address=answer.address,
            lines=answer.lines,
        )


def download(
    url: str,
    path: Path,
    *,
    sha256: str,
    egress: Egress,
    max_bytes: int,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    deadline_seconds: float = 3600.0,
    resolve: Resolve = resolve,
) -> None:
    """GETs a file to `path`, which is there whole and with this SHA-256, or not at all.

    `progress` is told bytes so far and of how many, where the host says.

    Raises:
        NoRoom: the disk is full.
        FetchFailed: also when the file is another than asked for.
        FreeholdError: as `fetch`.
    """
    deadline = Deadline(deadline_seconds)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    digest, done = hashlib.sha256(), 0
    try:
        with answered(url, egress, deadline, {}, resolve) as answer, part.open("wb") as file:
            for piece in answer.content(max_bytes):
                file.write(piece)
                digest.update(piece)
                done += len(piece)
                progress(done, answer.length)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != sha256.lower():
            raise FetchFailed(
                f"What {url} gave has SHA-256 {digest.hexdigest()}, not {sha256.lower()}; it was dropped.",
                hint="Someone changed it on the way or at its place. Try another network or another place.",
            )
        part.replace(path)
    except OSError as error:
        raise NoRoom(
            f"{path} cannot be written: {error.strerror}.", hint="Free space on its disk."
        ) from error
    finally:
        part.unlink(missing_ok=True)
