"""What becomes of the pages that a crawl has asked for: documents, doubles, and what is left out.

Each batch of visits is one transaction with the documents that come of them. Of pages with the same words
one is the document: the one with the shortest address, whichever was met first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from urllib.parse import urlsplit

from sqlalchemy import Connection, update

from freehold.errors import Conflict
from freehold.knowledge.address import Address, Scope, address_of
from freehold.knowledge.batch import Batch, drop_documents
from freehold.knowledge.frontier import DOCUMENTS, Frontier, Links, Page
from freehold.knowledge.missing import Missing, says_missing
from freehold.knowledge.origin import Known
from freehold.knowledge.reader import Read
from freehold.knowledge.store import documents
from freehold.knowledge.survey import Rules
from freehold.knowledge.visit import Visit


class Settling:
    """The pages of one crawl, as they come in. Used by one thread."""

    def __init__(
        self,
        source_id: int,
        start: str,
        frontier: Frontier,
        batch: Batch,
        rules: Rules,
        known: dict[str, Known],
        *,
        missing: Missing | None,
        permits: Callable[[str], bool],
    ) -> None:
        """`known` is kept up to date; `permits` says whether a setting lets an address's host be asked."""
        self._source_id = source_id
        self._start = start
        self._frontier = frontier
        self._batch = batch
        self._rules = rules
        self._known = known
        self._missing = missing
        self._permits = permits
        self._owners = {
            page.text_hash: page.url
            for page in frontier.pages.values()
            if page.text_hash is not None and page.url in known
        }
        self._doubles: defaultdict[str, set[str]] = defaultdict(set)
        for page in frontier.now():
            if page.state == "duplicate" and page.text_hash is not None:
                self._doubles[page.text_hash].add(page.url)

    def settle(self, page: Page, visit: Visit) -> None:
        """Writes what came of a visit, and meets what it leads to.

        Raises:
            Conflict: the site answers every address with one page.
            NotFound: the source was removed meanwhile.
            NoRoom: the disk is full.
        """

        def write(connection: Connection) -> None:
            self._settle(connection, page, visit)
            self._frontier.save(connection)

        self._batch.write(write)

    def _settle(self, connection: Connection, page: Page, visit: Visit) -> None:
        frontier = self._frontier
        match visit.outcome:
            case "redirect":
                self._redirect(connection, page, visit.target)
            case "same":
                state = "unread" if visit.read and visit.read.error else "unchanged"
                frontier.settle(page, state, target=page.target)
                frontier.follow(connection, page)
            case "failed":
                frontier.settle(page, "failed")
                self._take(visit.read)
                frontier.follow(connection, page)  # what it led to when it could be read
            case "gone":
                frontier.settle(page, "gone", links=Links())
                self._fall_back(connection, page)
            case "document":
                self._document(connection, page, visit)
            case _:  # noindex, refused, kind
                frontier.settle(page, visit.outcome, links=self._links(visit))
                frontier.follow(connection, page)

    def _redirect(self, connection: Connection, page: Page, target: str | None) -> None:
        frontier = self._frontier
        if target is None:
            frontier.settle(page, "redirects", links=Links())
            return
        scope = self._rules.scope
        if page.url == self._start and not scope.holds(target) and urlsplit(target).netloc == scope.host:
            self._rules.scope = Scope.of(target)
            frontier.learn(connection, prefix=self._rules.scope.prefix)
        if not self._rules.scope.holds(target) and self._permits(target):
            self._rules.invite(target)
        if not frontier.is_met(target) and self._rules.judge(target) == "off_site":
            frontier.settle(page, "off_site", target=target, links=Links())
            return
        frontier.settle(page, "redirect", target=target, links=Links())
        frontier.meet(connection, Address(target), depth=page.depth, hops=page.hops + 1, steps=page.steps)

    def _fall_back(self, connection: Connection, page: Page) -> None:
        """Nothing stands there: perhaps under the name of the index file that was left out."""
        if page.found is not None:
            self._frontier.meet(connection, Address(page.found), depth=page.depth, steps=page.steps)

    def _document(self, connection: Connection, page: Page, visit: Visit) -> None:
        frontier, read = self._frontier, visit.read
        assert read is not None
        links = self._links(visit)
        named = self._named(page, visit.target)
        if read.error is not None:
            self._take(read)
            page.text_hash = None
            frontier.settle(page, "unread", links=links)
        elif read.same:  # to the byte
            self._take(read)
            frontier.settle(page, "unchanged", target=named, links=links)
        elif self._says_nothing(connection, page, read):
            frontier.settle(page, "soft_404", links=Links())
            self._fall_back(connection, page)
            return
        elif named is not None and self._is_alive(named):
            frontier.settle(page, "canonical", target=named, links=links)
        else:
            state = self._new_words(connection, page, read)
            frontier.settle(page, state, target=named if state in DOCUMENTS else page.target, links=links)
        frontier.follow(connection, page)
        if named is not None:
            frontier.meet(connection, Address(named), depth=page.depth + 1)

    def _new_words(self, connection: Connection, page: Page, read: Read) -> str:
        """Whether a page's words make it a document, or stand elsewhere already; its state."""
        text_hash = sha256(read.text.encode("utf-8", "surrogatepass")).hexdigest()
        before = page.text_hash
        page.target = None
        owner = self._frontier.pages.get(self._owners.get(text_hash, page.url), page)
        if owner is not page:
            page.text_hash = text_hash
            if not self._is_alive(owner.url) or _rank(owner) < _rank(page):
                page.target = owner.url
                self._doubles[text_hash].add(page.url)
                return "duplicate"
            self._rehome(connection, owner.url, page.url)
            self._owners[text_hash] = page.url
            was, owner.state, owner.target = owner.state, "duplicate", page.url
            self._doubles[text_hash].add(owner.url)
            self._frontier.touch(owner)
            return was
        known = self._known.get(page.url)
        if known is not None and before not in (None, text_hash) and self._hand_on(connection, page, before):
            known = None
        page.text_hash = text_hash
        self._owners[text_hash] = page.url
        self._batch.add(replace(read, known=known))
        if known is None:
            return "added"
        return "unchanged" if before == text_hash else "changed"

    def hand_on(self, connection: Connection, page: Page) -> bool:
        """Gives the document of a page that is none any more to another with the same words, if there is."""
        return page.text_hash is not None and self._hand_on(connection, page, page.text_hash)

    def _hand_on(self, connection: Connection, page: Page, text_hash: str | None) -> bool:
        met = (self._frontier.pages[url] for url in self._doubles.get(text_hash or "", ()))
        doubles = [
            each
            for each in met
            if (each.state, each.text_hash) == ("duplicate", text_hash) and each is not page
        ]
        if not doubles or text_hash is None:
            return False
        heir = min(doubles, key=_rank)
        self._rehome(connection, page.url, heir.url)
        self._owners[text_hash] = heir.url
        heir.state, heir.target = "unchanged", None
        self._frontier.touch(heir)
        for each in doubles:
            if each is not heir:
                each.target = heir.url
                self._frontier.touch(each)
        return True

    def _rehome(self, connection: Connection, before: str, after: str) -> None:
        """A document goes on under another address; its passages stay what they are."""
        if after in self._known:  # what stood there before is no more
            drop_documents(connection, [self._known.pop(after).id])
        connection.execute(
            update(documents)
            .where(documents.c.source_id == self._source_id, documents.c.location == before)
            .values(location=after, etag=None)
        )
        if before in self._known:
            self._known[after] = replace(self._known.pop(before), etag=None)

    def drop_named(self, connection: Connection) -> None:
        """Of pages that name another one to be read instead, and that has been read: they go.

        One after the other, so that of two which name each other one stays.
        """
        for page in sorted(self._frontier.now(), key=_rank):
            if page.state in DOCUMENTS and page.target is not None and self._is_alive(page.target):
                page.state = "canonical"
                self._frontier.touch(page)

    def _is_alive(self, url: str) -> bool:
        """Whether this crawl has found that a page is a document."""
        page = self._frontier.pages.get(url)
        return page is not None and page.crawl == self._frontier.number and page.state in DOCUMENTS

    def _named(self, page: Page, target: str | None) -> str | None:
        """The page of the site that another one names as the one to read instead of it.

        A site whose every page names its front page means something else.
        """
        if target is None or target == page.url or not self._rules.scope.holds(target):
            return None
        path = urlsplit(target).path
        front = path in ("/", urlsplit(self._start).path)
        return None if front and urlsplit(page.url).path != path else target

    def _says_nothing(self, connection: Connection, page: Page, read: Read) -> bool:
        """Whether a page says that there is nothing. The front page says something, whatever it says."""
        alike = self._missing is not None and self._missing.is_like(read.title, read.text, read.location)
        if page.url != self._start and not (page.depth == 0 and page.hops):
            return alike or says_missing(read.title, read.text)
        if alike:
            if len(self._known) > 1:
                raise Conflict(
                    f"{self._start} answers every address with the same page; {len(self._known):,} documents"
                    " were read from there before. Nothing was removed.",
                    hint="Is the site under maintenance? If it is gone for good, remove the source.",
                )
            self._missing = None
            self._frontier.learn(connection, missing=None)
        return False

    def _take(self, read: Read | None) -> None:
        if read is not None and read.to_write:
            self._batch.add(read)

    def _links(self, visit: Visit) -> Links:
        own: dict[str, Address] = {}
        off_site: dict[str, int] = {}
        for link in visit.links:
            address = address_of(link)
            if address is None:
                continue
            if self._rules.scope.holds(address.url):
                own.setdefault(address.url, address)
            else:
                host = urlsplit(address.url).netloc
                off_site[host] = off_site.get(host, 0) + 1
        return Links(tuple(own.values()), off_site)


def _rank(page: Page) -> tuple[bool, int, str]:
    """Which of several addresses of the same words is the better one: the lower."""
    return "?" in page.url, len(page.url), page.url
