"""One request and its redirects, each hop judged anew before it is connected to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

import httpcore
import httpx

from freehold import __version__
from freehold.egress import Egress
from freehold.errors import EgressDenied, FetchFailed, InvalidInput
from freehold.net.connection import Deadline, Door, Resolve, judged, translated, trusted
from freehold.net.response import Answer, raise_for_status

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})

USER_AGENT = f"Freehold/{__version__}"
USUAL = {
    "User-Agent": USER_AGENT,
    "Accept": "*/*",
    "Accept-Encoding": "gzip",
    "Connection": "close",
}
IMPERSONAL = frozenset({"Accept-Encoding", "Range"})
"""What may be sent to a host that we are redirected to."""


@contextlib.contextmanager
def answered(
    url: str,
    egress: Egress,
    deadline: Deadline,
    headers: Mapping[str, str],
    resolve: Resolve,
    *,
    judge: Callable[[Answer], None] | None = raise_for_status,
) -> Iterator[Answer]:
    """The answer after redirects, its body unread; `judge` raises what is no success.

    Without one, the first answer is given as it is, redirects included. Of `headers`, another origin that we
    are redirected to is sent only those that say nothing of whom we are.
    """
    place = parsed(url)
    for _ in range(MAX_REDIRECTS + 1):
        with translated(place, deadline):  # it may pass between an answer and the next lookup
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
                    *(USUAL | dict(headers)).items(),
                ],
                extensions={"timeout": {"connect": None, "read": None, "write": None, "pool": None}},
            ) as response,
        ):
            answer = Answer(place, response, door.address)
            target = answer.headers.get("location")
            if judge is None or answer.status not in REDIRECTS or target is None:
                if judge is not None:
                    judge(answer)
                yield answer
                return
        previous, place = place, _redirected(place, target)
        if _origin(previous) != _origin(place):
            headers = {name: value for name, value in headers.items() if name in IMPERSONAL}
    raise FetchFailed(f"{url} redirects more than {MAX_REDIRECTS} times.")


def _origin(place: httpx.URL) -> tuple[str, str, int | None]:
    return place.scheme, place.host, place.port


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
