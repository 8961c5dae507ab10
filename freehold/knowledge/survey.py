"""What a crawl has to know of a site first: its rules, its sitemaps, how it says that there is nothing."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urljoin, urlsplit

from freehold.errors import Conflict, FetchFailed, FreeholdError, NoRoom
from freehold.knowledge.address import Address, Scope, address_of, is_document, is_endless
from freehold.knowledge.crawl import MAX_PAGES, MAX_SITEMAPS
from freehold.knowledge.missing import Missing
from freehold.knowledge.parse import kind_of
from freehold.knowledge.robots import Robots, origin_of, robots_text
from freehold.knowledge.sitemap import MAX_SITEMAP_BYTES, read_sitemap
from freehold.knowledge.visit import PageParser
from freehold.net import MAX_REDIRECTS, Fetched

Ask = Callable[..., Fetched]
"""`Visitor.ask`, when the pace allows it."""


class Rules:
    """What the hosts' robots.txt say, and which addresses belong to the site."""

    def __init__(self, scope: Scope, texts: dict[str, str], ask: Ask) -> None:
        """`texts`: by origin, what was fetched before."""
        self.scope = scope
        self.texts = texts
        self._ask = ask
        self._read: dict[str, Robots | None] = {}
        self._guests: set[str] = set()

    def of(self, url: str) -> Robots:
        """The rules for an address's host.

        Raises:
            FetchFailed, Conflict, EgressDenied: they cannot be had, so nothing there may be fetched.
        """
        origin = origin_of(url)
        if origin not in self.texts:
            self.texts[origin] = robots_text(origin, self._ask)
        found = self._read.get(origin)
        if found is None:
            found = self._read[origin] = Robots(self.texts[origin])
        return found

    def allows(self, url: str) -> bool:
        """Whether a host's rules let us ask for it; not, when they cannot be had."""
        origin = origin_of(url)
        if origin in self._read and self._read[origin] is None:
            return False
        try:
            return self.of(url).allows(url)
        except NoRoom:
            raise
        except FreeholdError:
            self._read[origin] = None
            return False

    def prepare(self, urls: Iterable[str]) -> None:
        """Fetches what has to be known to judge these addresses, so that judging them asks nobody."""
        for origin in {origin_of(url) for url in urls}:
            if origin not in self._read and urlsplit(origin).netloc == self.scope.host:
                self.allows(f"{origin}/")

    def invite(self, url: str) -> None:
        """Lets one address of another host in: one that the site leads to, and that a setting allows."""
        self._guests.add(url)

    def judge(self, url: str) -> str | None:
        """The reason for which an address is not asked for, or None."""
        if not self.scope.holds(url) and url not in self._guests:
            return "off_site"
        if is_endless(url):
            return "endless"
        if not is_document(url):
            return "kind"
        return None if self.allows(url) else "robots"


def sitemap_pages(
    rules: Rules, start: str, ask: Ask
) -> tuple[list[Address], list[tuple[str, FreeholdError]]]:
    """The site's pages in the sitemaps that robots.txt names, and which sitemaps could not be read."""
    pages: dict[str, Address] = {}
    failures: list[tuple[str, FreeholdError]] = []
    host = urlsplit(start).hostname
    waiting = [each.url for each in map(address_of, rules.of(start).sitemaps) if each is not None]
    met = set(waiting)
    while waiting:
        place = waiting.pop(0)
        if urlsplit(place).hostname != host:
            continue
        try:
            found = read_sitemap(_followed(place, MAX_SITEMAP_BYTES, rules, ask).body)
        except NoRoom:
            raise
        except FreeholdError as error:
            failures.append((place, error))
            continue
        for link in found.pages:
            address = address_of(link, place)
            if address is not None and rules.scope.holds(address.url) and len(pages) < MAX_PAGES:
                pages.setdefault(address.url, address)
        for link in found.sitemaps:
            address = address_of(link, place)
            if address is not None and address.url not in met and len(met) < MAX_SITEMAPS:
                met.add(address.url)
                waiting.append(address.url)
    return list(pages.values()), failures


def missing_page(rules: Rules, start: str, ask: Ask, parser: PageParser) -> Missing | None:
    """What the site gives for an address that cannot exist; None if it is honest about it."""
    folder = rules.scope.prefix if rules.scope.prefix.endswith("/") else f"{rules.scope.prefix}/"
    url = f"{origin_of(start)}{folder}no-such-page-{secrets.token_hex(8)}"
    if rules.judge(url) is not None:
        return None
    try:
        answer = _followed(url, 2**20, rules, ask)
        media_type = answer.headers.get("content-type")
        if kind_of(url, media_type) != "html" or answer.url == start:
            return None
        parsed = parser.parse(answer.url, answer.body, media_type)
    except NoRoom:
        raise
    except FreeholdError:
        return None
    return Missing.seen(parsed.title, parsed.text, url)


def _followed(url: str, max_bytes: int, rules: Rules, ask: Ask) -> Fetched:
    """What stands at an address, after redirects within its host that robots.txt lets us follow.

    Raises:
        FreeholdError: it cannot be had.
    """
    host = urlsplit(url).hostname
    for _ in range(MAX_REDIRECTS + 1):
        if not rules.allows(url):
            raise Conflict(f"robots.txt does not let Freehold read {url}.")
        answer = ask(url, max_bytes)
        if answer.redirect is None:
            if not 200 <= answer.status < 300:
                raise FetchFailed(f"{url} answered with status {answer.status}.")
            return answer
        try:
            url = urljoin(url, answer.redirect)
        except ValueError:  # as of half an IPv6 address
            break
        if urlsplit(url).hostname != host:
            break
    raise FetchFailed(f"{url} cannot be reached by redirects on its own host.")


def remembered(notes: dict[str, Any]) -> Missing | None:
    """What `missing_page` found, as a crawl's notes keep it."""
    found = notes.get("missing")
    return None if found is None else Missing(found["title"], tuple(found["words"]))
