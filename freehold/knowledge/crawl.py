"""Pages and sitemaps of the web as a source's origin.

A page is one fetch; a sitemap names the pages of its host. Fetched one at a time, politely. Knows
nothing of links: following them is not its work.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

from freehold.egress import Egress
from freehold.errors import (
    EgressDenied,
    FetchFailed,
    FreeholdError,
    InvalidInput,
    NotFound,
    Unavailable,
    UnreadableDocument,
)
from freehold.knowledge.origin import Content, Item, Known, Listing
from freehold.knowledge.sitemap import MAX_SITEMAP_BYTES, is_sitemap, read_sitemap
from freehold.knowledge.sources import Kind, normal_url
from freehold.net import Fetched, fetch
from freehold.store.job_context import Interrupted

MAX_PAGES = 50_000
"""Pages read of one source."""

MAX_SITEMAPS = 500
"""Sitemap files read of one index."""

DELAY_SECONDS = 0.5
"""Pause before each request but the first; none before those to a machine of one's own."""

LONGEST_WAIT_SECONDS = 60
"""Longest pause that a host may ask for; one that asks for more is tried again at the next sync."""


class Web:
    """One page, or the pages that a sitemap names on its own host (and on hosts that a setting allows)."""

    def __init__(
        self,
        location: str,
        kind: Kind,
        *,
        egress: Egress,
        max_bytes: int,
        get: Callable[..., Fetched] = fetch,
        sleep: Callable[[float], None] = time.sleep,
        delay_seconds: float = DELAY_SECONDS,
    ) -> None:
        parts = urlsplit(location)
        self._location = location
        self._kind = kind
        self._egress = egress.with_named(parts.hostname or "", parts.port)
        self._max_bytes = max_bytes
        self._get = get
        self._sleep = sleep
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        local = egress.permits_private(parts.hostname or "", port)
        self._delay_seconds = 0.0 if local else delay_seconds
        self._asked = False
        self._stopping: Callable[[], bool] = lambda: False
        self._failures: list[tuple[str, FreeholdError]] = []
        self._foreign: Counter[str] = Counter()

    def listing(self, stopping: Callable[[], bool]) -> Listing:
        self._stopping = stopping
        if self._kind == "page":
            return Listing(items=(Item(self._location),))
        pages = self._pages()
        if not pages and self._foreign:
            host = self._foreign.most_common(1)[0][0]
            raise EgressDenied(
                f"{self._location} names {self._foreign.total():,} addresses on other hosts, such as {host},"
                " and none on its own.",
                hint=f'Add the sitemap of that host, or allow it: allowed_egress = ["{host}"].',
            )
        return Listing(
            items=tuple(Item(page) for page in pages),
            failures=tuple(self._failures),
            unseen=("",) if self._failures else (),
            skipped=self._foreign.total(),
        )

    def read(self, item: Item, known: Known | None) -> Content | None:
        answer = self._fetch(item.location, self._max_bytes, conditions(known))
        if answer.not_modified:
            return None
        if is_sitemap(answer.body):
            raise UnreadableDocument(
                "It is a sitemap, not a page.", hint="Add it under a name that ends in sitemap.xml."
            )
        return Content(
            data=answer.body,
            name=item.location,
            media_type=answer.headers.get("content-type"),
            etag=condition(answer),
        )

    def _pages(self) -> list[str]:
        """The pages of the sitemap and of those that it names, each once.

        Raises:
            FreeholdError: the first sitemap cannot be had or read.
        """
        pages: dict[str, None] = {}
        waiting, met = [self._location], {self._location}
        while waiting:
            place = waiting.pop(0)
            try:
                found = read_sitemap(self._fetch(place, MAX_SITEMAP_BYTES, {}).body)
            except NotFound as error:
                self._lacks(place, Unavailable(error.message))
                continue
            except FreeholdError as error:
                self._lacks(place, error)
                continue
            for page in self._own(place, found.pages):
                pages[page] = None
            for sitemap in self._own(place, found.sitemaps):
                if sitemap not in met:
                    met.add(sitemap)
                    waiting.append(sitemap)
            if len(pages) > MAX_PAGES or len(met) > MAX_SITEMAPS:
                raise InvalidInput(
                    f"{self._location} names more than {MAX_PAGES:,} pages or {MAX_SITEMAPS:,} sitemaps.",
                    hint="Add the parts you need, each as a source of its own.",
                )
        return list(pages)

    def _lacks(self, place: str, error: FreeholdError) -> None:
        """A part of the sitemap is missing, so nothing is removed; without its root there is nothing."""
        if place == self._location:
            raise error
        self._failures.append((place, error))

    def _own(self, place: str, found: tuple[str, ...]) -> list[str]:
        """Those of the addresses that are on a host which may be asked."""
        own = []
        for address in found:
            try:
                url = normal_url(urljoin(place, address))
                parts = urlsplit(url)
                port = parts.port or {"http": 80, "https": 443}[parts.scheme]
            except (InvalidInput, ValueError):
                continue
            if self._egress.permits(parts.hostname or "", port):
                own.append(url)
            else:
                self._foreign[parts.hostname or ""] += 1
        return own

    def _fetch(self, url: str, max_bytes: int, conditions: dict[str, str]) -> Fetched:
        """One request, after a pause; once more when the host asks to be asked later."""
        if self._asked:
            self._pause(self._delay_seconds)
        self._asked = True
        try:
            return self._get(url, egress=self._egress, max_bytes=max_bytes, headers=conditions)
        except FetchFailed as error:
            if error.retry_after is None or error.retry_after > LONGEST_WAIT_SECONDS:
                raise
            self._pause(error.retry_after)
        return self._get(url, egress=self._egress, max_bytes=max_bytes, headers=conditions)

    def _pause(self, seconds: float) -> None:
        """Waits, a second at a time, so that stopping is not held up."""
        while seconds > 0:
            if self._stopping():
                raise Interrupted
            self._sleep(min(seconds, 1.0))
            seconds -= 1.0


def conditions(known: Known | None) -> dict[str, str]:
    """The headers that ask for a document only if it is another than what is known."""
    if known is None or not known.etag or known.error_code is not None:
        return {}
    name, _, value = known.etag.partition(": ")
    return {name: value}


def condition(answer: Fetched) -> str | None:
    """The header of a later conditional request."""
    if answer.etag:
        return f"If-None-Match: {answer.etag}"
    modified = answer.headers.get("last-modified")
    return f"If-Modified-Since: {modified}" if modified else None
