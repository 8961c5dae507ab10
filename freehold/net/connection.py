"""Connections: to judged addresses only, each step of them within one deadline, failures in our words."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpcore
import httpx

from freehold.egress import Egress, is_public, literal_address
from freehold.errors import EgressDenied, FetchFailed, FreeholdError

Resolve = Callable[[str, int], Sequence[str]]
"""Addresses of a host, in the order in which they are to be tried; raises OSError when it has none."""


def resolve(host: str, port: int) -> list[str]:
    """The system's own lookup."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Deadline:
    """A moment by which everything is done."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = time.monotonic() + seconds

    def renew(self) -> None:
        """As many seconds again from now on."""
        self._at = time.monotonic() + self.seconds

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

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
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


class Door(httpcore.NetworkBackend):
    """Connects to the judged addresses, whatever host it is asked for."""

    def __init__(self, addresses: Sequence[str], deadline: Deadline) -> None:
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


def judged(place: httpx.URL, egress: Egress, deadline: Deadline, resolve: Resolve) -> list[str]:
    """The host's addresses that may be connected to.

    Raises:
        EgressDenied: nothing allows the host, or none of its addresses may be connected to.
        FetchFailed: it has no address.
    """
    host, port = host_of(place), place.port or {"http": 80, "https": 443}[place.scheme]
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


def host_of(place: httpx.URL) -> str:
    """The name that is looked up and judged."""
    return place.raw_host.decode("ascii").strip("[]").lower().removesuffix(".")


def _looked_up(host: str, port: int, deadline: Deadline, resolve: Resolve) -> list[str]:
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


@contextlib.contextmanager
def translated(place: httpx.URL, deadline: Deadline) -> Iterator[None]:
    """Failures to connect and to speak, as our errors."""
    host = host_of(place)
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
    while found is not None and isinstance(found.__cause__, OSError):  # anyio wraps one in another
        found = found.__cause__
    return found or error


@functools.cache
def trusted() -> ssl.SSLContext:
    """The system's authorities, where it has any; else the list that httpx brings."""
    paths = ssl.get_default_verify_paths()
    folder = Path(paths.capath) if paths.capath else None
    if paths.cafile or (folder is not None and any(folder.iterdir())):
        return ssl.create_default_context()
    return httpx.create_ssl_context(trust_env=False)
