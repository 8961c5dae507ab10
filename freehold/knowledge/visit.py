"""One page of a site: asked for, judged by what its host and it say, and read.

Runs in several threads at once. Knows nothing of the crawl: not what was met before, nor what comes next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urljoin

from freehold.egress import Egress
from freehold.errors import FetchFailed, FreeholdError, NoRoom, UnreadableDocument
from freehold.knowledge.address import address_of
from freehold.knowledge.crawl import LONGEST_WAIT_SECONDS, condition, conditions
from freehold.knowledge.origin import Content, Item, Known
from freehold.knowledge.page_facts import PageFacts
from freehold.knowledge.parse import kind_of
from freehold.knowledge.reader import Parser, Read, digest, failed, same
from freehold.knowledge.robots import directives, words_of
from freehold.knowledge.sitemap import is_sitemap
from freehold.knowledge.sources import normal_url
from freehold.net import Fetched, fetch
from freehold.net.response import retry_after

DEADLINE_SECONDS = 20.0
"""A page that takes longer is given up, until the next crawl."""


class PageParser(Parser, Protocol):
    """What reads documents and pages' links: `parser_pool.ParserPool`. Called from several threads."""

    def facts(self, url: str, data: bytes, media_type: str | None = None) -> PageFacts:
        """
        Raises:
            UnreadableDocument: it is not HTML that can be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class Visit:
    """What asking for a page came to."""

    outcome: str
    """document, same (as its host says), redirect, gone, refused, kind, noindex, failed or later."""
    read: Read | None = None
    links: tuple[str, ...] = ()
    """As the page writes them, made whole."""
    target: str | None = None
    """Where it leads, or which page it names as the one to read instead of it."""
    error: FreeholdError | None = None
    wait_seconds: int = 0
    """Of `later`: how long its host asks to be left alone."""


class Visitor:
    """Asks for the pages of one site."""

    def __init__(self, parser: PageParser, egress: Egress, *, max_bytes: int) -> None:
        self._parser = parser
        self._egress = egress
        self._max_bytes = max_bytes

    def ask(self, url: str, max_bytes: int, **more: Any) -> Fetched:
        """The answer as it is: redirects unfollowed, failures unraised.

        Raises:
            FreeholdError: as `net.fetch`.
        """
        return fetch(
            url,
            egress=self._egress,
            max_bytes=max_bytes,
            deadline_seconds=DEADLINE_SECONDS,
            as_it_is=True,
            **more,
        )

    def visit(self, url: str, known: Known | None, *, again: bool = False) -> Visit:
        """
        Raises:
            NoRoom: the disk is full. Every other failure is in what it returns.
        """
        item = Item(url)
        try:
            answer = self.ask(
                url,
                self._max_bytes,
                headers={} if again else conditions(known),
                takes=lambda content_type: kind_of(url, content_type) is not None,
            )
        except FreeholdError as error:
            return given_up(item.location, known, error)
        if answer.not_modified and known is not None:
            return Visit("same", same(item, known, known.modified_ns, known.etag))
        if answer.redirect is not None:
            return Visit("redirect", target=_led_to(url, answer.redirect))
        if not 200 <= answer.status < 300:
            return self._without(item, known, answer)
        media_type = answer.headers.get("content-type")
        if kind_of(url, media_type) is None or is_sitemap(answer.body):
            return Visit("kind")
        return self._read(item, known, answer, again=again)

    def _without(self, item: Item, known: Known | None, answer: Fetched) -> Visit:
        """An answer that is no page."""
        if answer.status in (404, 410):
            return Visit("gone")
        wait = retry_after(answer.headers)
        if answer.status in (429, 503) and wait is not None and wait <= LONGEST_WAIT_SECONDS:
            return Visit("later", wait_seconds=wait)
        if 400 <= answer.status < 500 and answer.status not in (408, 425, 429) and known is None:
            return Visit("refused")
        error = FetchFailed(f"{item.location} answered with status {answer.status}.")
        return given_up(item.location, known, error)

    def _read(self, item: Item, known: Known | None, answer: Fetched, *, again: bool) -> Visit:
        url, media_type = item.location, answer.headers.get("content-type")
        facts = PageFacts()
        if kind_of(url, media_type) == "html":
            try:
                facts = self._parser.facts(url, answer.body, media_type)
            except NoRoom:
                raise
            except UnreadableDocument:  # reading it says so too, and why
                pass
            except FreeholdError as error:
                return given_up(item.location, known, error)
        said = directives(answer.lines).union(*(words_of(each) for each in facts.robots))
        links = () if "nofollow" in said else facts.links
        if "noindex" in said:
            return Visit("noindex", links=links)
        refresh = address_of(facts.refresh) if facts.refresh else None
        if refresh is not None and refresh.url != url:
            return Visit("redirect", target=refresh.url)
        content = Content(data=answer.body, name=url, media_type=media_type, etag=condition(answer))
        read = digest(self._parser, item, known, content, again=again)
        canonical = address_of(facts.canonical) if facts.canonical else None
        target = canonical.url if canonical is not None and canonical.url != url else None
        return Visit("document", read, links, target)


def given_up(url: str, known: Known | None, error: FreeholdError) -> Visit:
    """A page that could not be had this time."""
    return Visit("failed", failed(Item(url), known, error), error=error)


def _led_to(url: str, redirect: str) -> str | None:
    """Where a redirect leads; word for word, where what is usually left out makes the difference."""
    address = address_of(redirect, url)
    if address is None:
        return None
    if address.url != url:
        return address.url
    exact = normal_url(urljoin(url, redirect))
    return None if exact == url else exact
