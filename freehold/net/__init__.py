"""The only door out: every outbound connection of Freehold is opened here.

A host must have been named by a command or allowed by a setting. Its addresses are looked up once and
judged; the connection is made to a judged address, so what a name means cannot change in between.
Redirects are followed by hand, each hop judged anew. Proxies named in the environment are not used.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpcore
import httpx

from freehold import __version__
from freehold.egress import Egress
from freehold.errors import EgressDenied, FetchFailed, InvalidInput, NoRoom
from freehold.net.connection import Deadline, Door, Resolve, judged, resolve, translated, trusted
from freehold.net.response import Answer, raise_for_status

__all__ = ["Egress", "Fetched", "Resolve", "download", "fetch", "resolve"]

MAX_REDIRECTS = 5
USER_AGENT = f"Freehold/{__version__}"

REDIRECTS = frozenset({301, 302, 303, 307, 308})


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
    with _answer(url, egress, deadline, dict(headers or {}), resolve, as_it_is=as_it_is) as answer:
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
        with _answer(url, egress, deadline, {}, resolve) as answer, part.open("wb") as file:
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


@contextlib.contextmanager
def _answer(
    url: str,
    egress: Egress,
    deadline: Deadline,
    headers: dict[str, str],
    resolve: Resolve,
    *,
    as_it_is: bool = False,
) -> Iterator[Answer]:
    """The answer after redirects, its body unread; a failure status is raised."""
    place = parsed(url)
    for _ in range(MAX_REDIRECTS + 1):
        addresses = judged(place, egress, deadline, resolve)
        door = Door(addresses, deadline)
        with (
            translated(place, deadline),
            httpcore.ConnectionPool(ssl_context=trusted(), network_backend=door) as pool,
            pool.stream(
                "GET",
                httpcore.URL(
                    scheme=place.raw_scheme, host=place.raw_host, port=place.port, target=place.raw_path
                ),
                headers=[
                    ("Host", place.netloc.decode("ascii")),
                    ("User-Agent", USER_AGENT),
                    ("Accept", "*/*"),
                    ("Accept-Encoding", "gzip"),
                    ("Connection", "close"),
                    *headers.items(),
                ],
                extensions={"timeout": {"connect": None, "read": None, "write": None, "pool": None}},
            ) as response,
        ):
            answer = Answer(place, response, door.address)
            target = answer.headers.get("location")
            if as_it_is or answer.status not in REDIRECTS or target is None:
                if not as_it_is:
                    raise_for_status(answer)
                yield answer
                return
        previous, place = place, _redirected(place, target)
        if previous.host != place.host:
            headers = {}
    raise FetchFailed(f"{url} redirects more than {MAX_REDIRECTS} times.")


def parsed(url: str) -> httpx.URL:
    """
    Raises:
        InvalidInput: not an http(s) URL that may be asked for.
    """
    try:
        place = httpx.URL(url.strip())
        host = place.raw_host.decode("ascii")
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise InvalidInput(f"{url} is not a web address: {error}.") from None
    if place.scheme not in ("http", "https"):
        raise InvalidInput(f"{url} is not read: only http and https addresses are.")
    if not host:
        raise InvalidInput(f"{url} names no host.")
    if place.port is not None and not 0 < place.port < 65536:
        raise InvalidInput(f"{url} names no port that there is.")
    if place.userinfo:
        raise InvalidInput("A web address with a name or password in it is not read.")
    return place


def _redirected(place: httpx.URL, target: str) -> httpx.URL:
    try:
        return parsed(str(place.join(target)))
    except (InvalidInput, httpx.InvalidURL) as error:
        raise EgressDenied(f"{place} redirects to an address that is not read: {error}") from None
