"""The only door out: every outbound connection of Freehold is opened here.

A host must have been named by a command or allowed by a setting. Its addresses are looked up once and
judged; the connection is made to a judged address, so what a name means cannot change in between.
Redirects are followed by hand, each hop judged anew. Proxies named in the environment are not used.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import ipaddress
import math
import os
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpcore
import httpx

from freehold import __version__
from freehold.egress import Egress, is_public, literal_address
from freehold.errors import EgressDenied, FetchFailed, FreeholdError, InvalidInput, NoRoom, NotFound, TooLarge

__all__ = ["Egress", "Fetched", "Resolve", "download", "fetch", "resolve"]

MAX_REDIRECTS = 5
USER_AGENT = f"Freehold/{__version__}"

Resolve = Callable[[str, int], Sequence[str]]
"""Addresses of a host, in the order in which they are to be tried; raises OSError when it has none."""


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


def resolve(host: str, port: int) -> list[str]:
    """The system's own lookup."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def fetch(
    url: str,
    *,
    egress: Egress,
    max_bytes: int,
    deadline_seconds: float = 30.0,
    headers: Mapping[str, str] | None = None,
    resolve: Resolve = resolve,
) -> Fetched:
    """GETs a URL. `max_bytes` counts what was unpacked; the deadline covers everything, redirects included.

    Raises:
        InvalidInput: not an http(s) URL that may be asked for.
        EgressDenied: nothing allows the host, its port or its address, here or at a redirect.
        NotFound: the host says that there is nothing (404, 410).
        FetchFailed: no answer, an error, or one that is not HTTP; `retry_after` where the host asks for it.
        TooLarge: the answer is larger than `max_bytes`.
    """
    deadline = _Deadline(deadline_seconds)
    with _answer(url, egress, deadline, dict(headers or {}), resolve) as answer:
        body = b"" if answer.status == 304 else b"".join(answer.content(max_bytes))
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
    deadline = _Deadline(deadline_seconds)
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


class _Deadline:
    """A moment by which everything is done."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = time.monotonic() + seconds

    def left(self, most: float | None = None) -> float:
        """Seconds until then, at most `most`.

        Raises:
            httpcore.TimeoutException: it has passed.
        """
        left = self._at - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return left if most is None else min(left, most)


class _Stream(httpcore.NetworkStream):
    """A connection whose every step ends by the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return _Stream(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Door(httpcore.NetworkBackend):
    """Connects to the judged addresses, whatever host it is asked for."""

    def __init__(self, addresses: Sequence[str], deadline: _Deadline) -> None:
        self._addresses = addresses
        self._deadline = deadline
        self._backend = httpcore.SyncBackend()
        self.address = ""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        for number, address in enumerate(self._addresses):
            fair = self._deadline.left() / (len(self._addresses) - number)
            try:
                inner = self._backend.connect_tcp(address, port, self._deadline.left(fair))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            self.address = address
            return _Stream(inner, self._deadline)
        raise failure


class _Answer:
    """The head of a host's answer, and its body to be read once."""

    def __init__(self, url: httpx.URL, response: httpcore.Response, address: str) -> None:
        self.url = url
        self.status = response.status
        self.address = address
        self.headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
        }
        said = Message()
        said["content-type"] = self.headers.get("content-type", "")
        self.content_type = said.get_content_type() if self.headers.get("content-type") else ""
        self.charset = said.get_content_charset()
        length = self.headers.get("content-length", "")
        self.length = int(length) if length.isascii() and length.isdigit() else None
        self._response = response

    def content(self, max_bytes: int) -> Iterator[bytes]:
        """The body, unpacked.

        Raises:
            TooLarge: it is larger than `max_bytes`.
            FetchFailed: it is packed in a way we did not ask for, or breaks off.
        """
        too_large = TooLarge(f"{self.url} gives more than {max_bytes:,} bytes.")
        if self.length is not None and self.length > max_bytes:
            raise too_large
        coding = self.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise FetchFailed(f"{self.url} is packed as {coding!r}, which was not asked for.")
        packed = coding not in ("", "identity")
        size = 0
        for piece in _unpacked(self._response.iter_stream()) if packed else self._response.iter_stream():
            size += len(piece)
            if size > max_bytes:
                raise too_large
            yield piece


def _unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """gzip or zlib undone piece by piece, never more than 64 KiB at a time."""
    inflater, started = zlib.decompressobj(wbits=47), False
    try:
        for piece in pieces:
            while piece:
                started = True
                yield inflater.decompress(piece, 65536)
                piece = inflater.unconsumed_tail
                if inflater.eof:
                    piece = inflater.unused_data.lstrip(b"\0")
                    if piece:
                        inflater = zlib.decompressobj(wbits=47)
    except zlib.error as error:
        raise FetchFailed(f"The answer is not packed as it says: {error}.") from error
    if started and not inflater.eof:
        raise FetchFailed("The answer breaks off.")


@contextlib.contextmanager
def _answer(
    url: str, egress: Egress, deadline: _Deadline, headers: dict[str, str], resolve: Resolve
) -> Iterator[_Answer]:
    """The answer after redirects, its body unread; a failure status is raised."""
    place = _parsed(url)
    for _ in range(MAX_REDIRECTS + 1):
        addresses = _judged(place, egress, deadline, resolve)
        door = _Door(addresses, deadline)
        with (
            _translated(place, deadline),
            httpcore.ConnectionPool(ssl_context=_trusted(), network_backend=door) as pool,
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
            answer = _Answer(place, response, door.address)
            target = answer.headers.get("location")
            if answer.status not in (301, 302, 303, 307, 308) or target is None:
                _raise_for_status(answer)
                yield answer
                return
        previous, place = place, _redirected(place, target)
        if previous.host != place.host:
            headers = {}
    raise FetchFailed(f"{url} redirects more than {MAX_REDIRECTS} times.")


def _parsed(url: str) -> httpx.URL:
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
        return _parsed(str(place.join(target)))
    except (InvalidInput, httpx.InvalidURL) as error:
        raise EgressDenied(f"{place} redirects to an address that is not read: {error}") from None


def _judged(place: httpx.URL, egress: Egress, deadline: _Deadline, resolve: Resolve) -> list[str]:
    """The host's addresses that may be connected to.

    Raises:
        EgressDenied: nothing allows the host, or none of its addresses may be connected to.
        FetchFailed: it has no address.
    """
    host, port = _host(place), place.port or {"http": 80, "https": 443}[place.scheme]
    if not egress.permits(host, port):
        raise EgressDenied(
            f"Nothing allows a connection to {host}:{port}.",
            hint=f'Name it in the command, or allow it: allowed_egress = ["{host}"].',
        )
    literal = literal_address(host)
    found = [host] if literal is not None else _looked_up(host, port, deadline, resolve)
    if egress.permits_private(host, port):
        return found
    public = [address for address in found if is_public(ipaddress.ip_address(address))]
    if not public:
        raise EgressDenied(
            f"{host} is a private address." if literal is not None else f"{host} has only private addresses.",
            hint=f'If it is meant, allow it: allowed_private = ["{host}"].',
        )
    return public


def _host(place: httpx.URL) -> str:
    return place.raw_host.decode("ascii").strip("[]").lower().removesuffix(".")


def _looked_up(host: str, port: int, deadline: _Deadline, resolve: Resolve) -> list[str]:
    """A lookup that ends by the deadline; the system's own cannot be told to."""
    found: list[str] = []
    failure: list[OSError | UnicodeError] = []

    def look_up() -> None:
        try:
            found.extend(resolve(host, port))
        except (OSError, UnicodeError) as error:
            failure.append(error)

    thread = threading.Thread(target=look_up, name="lookup", daemon=True)
    thread.start()
    thread.join(deadline.left())
    if thread.is_alive():
        raise FetchFailed(f"The name {host} was not found in time.")
    if failure or not found:
        raise FetchFailed(f"The name {host} is not known.", hint="Look at its spelling and at the network.")
    return found


def _raise_for_status(answer: _Answer) -> None:
    status = answer.status
    if 200 <= status < 300 or status == 304:
        return
    if status in (404, 410):
        raise NotFound(f"{answer.url} does not exist (status {status}).")
    raise FetchFailed(
        f"{answer.url} answered with status {status}.", retry_after=_retry_after(answer.headers)
    )


def _retry_after(headers: Mapping[str, str]) -> int | None:
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return min(int(said[:9]), 86_400)
    try:
        seconds = parsedate_to_datetime(said).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(0, math.ceil(seconds)), 86_400)


@contextlib.contextmanager
def _translated(place: httpx.URL, deadline: _Deadline) -> Iterator[None]:
    host = _host(place)
    try:
        yield
    except FreeholdError:
        raise
    except (httpcore.TimeoutException, TimeoutError) as error:
        raise FetchFailed(f"{host} took longer than {deadline.seconds:g} seconds.") from error
    except (httpcore.ConnectError, ssl.SSLError) as error:
        cause = _cause(error)
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise FetchFailed(
                f"The certificate of {host} is not to be trusted: {cause.verify_message}.",
                hint="Its owner has to mend it; connections without a valid certificate are not made.",
            ) from error
        if isinstance(cause, ssl.SSLError):
            raise FetchFailed(f"{host} does not speak TLS as it should: {cause.reason or cause}.") from error
        raise FetchFailed(f"{host} cannot be connected to: {cause}.") from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise FetchFailed(f"{host} did not give a whole HTTP answer: {error}.") from error


def _cause(error: BaseException) -> BaseException:
    """The system's own error behind one of httpcore's, which hides it on its way up."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, OSError):  # ssl's errors are OSErrors too
        found = found.__cause__ or found.__context__
    return found or error


@functools.cache
def _trusted() -> ssl.SSLContext:
    """The system's authorities, where it has any; else the list that httpx brings."""
    paths = ssl.get_default_verify_paths()
    folder = Path(paths.capath) if paths.capath else None
    if paths.cafile or (folder is not None and any(folder.iterdir())):
        return ssl.create_default_context()
    return httpx.create_ssl_context(trust_env=False)
