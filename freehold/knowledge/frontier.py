"""A crawl's memory: which addresses are known, which were asked for, and what became of each.

It lies in the database, so that a crawl that was ended at any moment goes on where it was. Every page's
outcome, its links and its document are written in one transaction (`site.py`'s).
"""

from __future__ import annotations

import heapq
import json
import time
import zlib
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    insert,
    select,
    update,
)

from freehold.knowledge.address import Address, steps_after
from freehold.store.database import Database, metadata

crawls = Table(
    "crawls",
    metadata,
    Column("source_id", Integer, ForeignKey("sources.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("running", Boolean, nullable=False),  # begun and not finished, whether or not anyone is at it
    Column("started_at", Float, nullable=False),
    Column("notes", Text, nullable=False, server_default="{}"),  # JSON, what the crawl learned of the site
    Column("off_site", Text, nullable=False, server_default="{}"),  # JSON, links to other hosts
)

crawl_pages = Table(
    "crawl_pages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", Integer, ForeignKey("sources.id", ondelete="CASCADE"), nullable=False),
    Column("url", Text, nullable=False),
    Column("crawl", Integer, nullable=False),  # the last crawl that met it
    Column("state", String, nullable=False),  # waiting, or what became of it: see `Page`
    Column("asked", Boolean, nullable=False),  # whether that crawl asked its host for it
    Column("depth", Integer, nullable=False),  # fewest links from a start
    Column("hops", Integer, nullable=False),  # fewest redirects in a row that led to it
    Column("steps", Integer, nullable=False),  # see address.steps_after
    Column("found", Text),  # as it was found, where its index file was left out
    Column("target", Text),  # where it leads, or whose words it has
    Column("text_hash", String),  # of its document's text
    Column("links", LargeBinary),  # packed: what it links to, kept for when its host says "as before"
    UniqueConstraint("source_id", "url"),
)

WAITING = "waiting"
DOCUMENTS = frozenset(["added", "changed", "unchanged", "unread"])
"""States of pages that are documents; `unread` is one that cannot be read."""
HELD_BACK = frozenset(["depth", "redirects", "endless"])
"""States that a shorter way to the page may lift."""


@dataclass(slots=True)
class Page:
    """An address of a site. `state`: waiting, one of `DOCUMENTS`, failed, or a reason of `site.REASONS`."""

    url: str
    crawl: int
    order: int
    state: str = WAITING
    asked: bool = False
    depth: int = 0
    hops: int = 0
    steps: int = 0
    found: str | None = None
    target: str | None = None
    text_hash: str | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Links:
    """What a page links to within its site, and how often to which other hosts."""

    own: tuple[Address, ...] = ()
    off_site: dict[str, int] = field(default_factory=dict)

    def packed(self) -> bytes:
        """For the database; `unpacked` undoes it."""
        own = [[each.url, each.found] if each.found else each.url for each in self.own]
        return zlib.compress(json.dumps([own, self.off_site], ensure_ascii=False).encode())

    @classmethod
    def unpacked(cls, data: bytes | None) -> Links:
        """From the database."""
        if data is None:
            return cls()
        own, off_site = json.loads(zlib.decompress(data))
        return cls(
            tuple(Address(each) if isinstance(each, str) else Address(*each) for each in own), off_site
        )


class Frontier:
    """The pages of one source's crawl. Used by one thread; a failed transaction makes it useless."""

    def __init__(
        self,
        database: Database,
        source_id: int,
        *,
        most_depth: int,
        most_hops: int,
        most_steps: int,
        judge: Callable[[str], str | None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`judge` gives the reason for which an address is not asked for, or None."""
        self._database = database
        self._source_id = source_id
        self._most_depth, self._most_hops, self._most_steps = most_depth, most_hops, most_steps
        self._judge = judge
        with database.write() as connection:
            row = connection.execute(select(crawls).where(crawls.c.source_id == source_id)).first()
            self.resumed = row is not None and row.running
            if row is None or not self.resumed:
                values = {
                    "number": 1 if row is None else row.number + 1,
                    "running": True,
                    "started_at": clock(),
                }
                connection.execute(delete(crawls).where(crawls.c.source_id == source_id))
                connection.execute(insert(crawls).values(source_id=source_id, **values))
                row = connection.execute(select(crawls).where(crawls.c.source_id == source_id)).one()
            self.number = int(row.number)
            self.started_at = float(row.started_at)
            self.notes: dict[str, Any] = json.loads(row.notes)
            self.pages = {page.url: page for page in self._stored(connection)}
        self.off_site: Counter[str] = Counter(json.loads(row.off_site))
        self._heap: list[tuple[int, bool, int, str]] = []
        self._changed: dict[str, Page] = {}
        self._links: dict[str, bytes] = {}
        self._taken: set[str] = set()
        self.waiting = self.asked = self.met = 0
        for page in self.pages.values():
            if page.crawl == self.number:
                self.met += 1
                if page.state in (WAITING, "failed"):  # what failed may have passed meanwhile
                    page.asked = False
                    self._wait(page)
                self.asked += page.asked

    def _stored(self, connection: Connection) -> Iterator[Page]:
        own = crawl_pages.c.source_id == self._source_id
        columns = [column for column in crawl_pages.c if column.name not in ("links", "source_id")]
        for row in connection.execute(select(*columns).where(own).order_by(crawl_pages.c.id)):
            yield Page(order=row.id, **row._mapping)

    def _wait(self, page: Page) -> None:
        page.state = WAITING
        self.waiting += 1
        self._push(page)

    def _push(self, page: Page) -> None:
        """Pages near the start first; among those, what was a document before."""
        heapq.heappush(self._heap, (page.depth, page.text_hash is None, page.order, page.url))

    def take(self, only: Container[str] | None = None) -> Page | None:
        """The next page to ask for, of `only` these if any are named; given once, unless it is put back."""
        while self._heap:
            depth, _, _, url = heapq.heappop(self._heap)
            page = self.pages[url]
            if only is not None and url not in only:
                continue
            if page.state == WAITING and page.depth == depth and url not in self._taken:
                self._taken.add(url)
                return page
        return None

    def put_back(self, page: Page) -> None:
        """Was not settled after all."""
        self._taken.discard(page.url)
        self._push(page)

    def is_met(self, url: str) -> bool:
        """Whether this crawl has come upon an address."""
        page = self.pages.get(url)
        return page is not None and page.crawl == self.number

    def meet(
        self, connection: Connection, address: Address, *, depth: int, hops: int = 0, steps: int = 0
    ) -> None:
        """An address was found; a shorter way to one that is known counts for all that it leads to."""
        found = [(address, depth, hops, steps)]
        while found:
            address, depth, hops, steps = found.pop()
            page = self.pages.get(address.url)
            if page is None or page.crawl != self.number:
                self._meet_new(page, address, depth, hops, steps)
                continue
            page.found = page.found or address.found
            if depth >= page.depth and hops >= page.hops and steps >= page.steps:
                continue
            nearer = depth < page.depth or steps < page.steps
            page.depth, page.hops = min(depth, page.depth), min(hops, page.hops)
            page.steps = min(steps, page.steps)
            self._changed[page.url] = page
            if page.state in HELD_BACK:
                self._admit(page)
            elif page.state == WAITING:
                if page.url not in self._taken:
                    self._push(page)
            elif nearer:
                found += [
                    (link, page.depth + 1, 0, steps_after(page.steps, page.url, link.url))
                    for link in self.links_of(connection, page).own
                ]

    def _meet_new(self, page: Page | None, address: Address, depth: int, hops: int, steps: int) -> None:
        if page is None:
            page = self.pages[address.url] = Page(address.url, self.number, order=len(self.pages) + 1)
        page.crawl, page.depth, page.hops, page.steps = self.number, depth, hops, steps
        page.found, page.asked = address.found, False
        self.met += 1
        self._changed[page.url] = page
        self._admit(page)

    def _admit(self, page: Page) -> None:
        """Lets a page wait for its turn, unless something speaks against it."""
        if page.depth > self._most_depth:
            page.state = "depth"
        elif page.hops > self._most_hops:
            page.state = "redirects"
        elif page.steps > self._most_steps:
            page.state = "endless"
        elif (reason := self._judge(page.url)) is not None:
            page.state = reason
        else:
            self._wait(page)

    def settle(
        self, page: Page, state: str, *, target: str | None = None, links: Links | None = None
    ) -> None:
        """What became of a page that was asked for. Without `links`, those of the last time stay."""
        if page.state == WAITING:
            self.waiting -= 1
        self._taken.discard(page.url)
        self.asked += not page.asked
        page.state, page.target, page.asked = state, target, True
        self._changed[page.url] = page
        if links is not None:
            self._links[page.url] = links.packed()

    def touch(self, page: Page) -> None:
        """A page was changed, and is to be saved."""
        self._changed[page.url] = page

    def ask_again(self, page: Page) -> None:
        """A page that was settled is asked for once more."""
        self._changed[page.url] = page
        self._wait(page)

    def follow(self, connection: Connection, page: Page) -> None:
        """Meets what a page links to."""
        links = self.links_of(connection, page)
        for host, count in links.off_site.items():
            self.off_site[host] += count
        for link in links.own:
            self.meet(
                connection,
                link,
                depth=page.depth + 1,
                steps=steps_after(page.steps, page.url, link.url),
            )

    def links_of(self, connection: Connection, page: Page) -> Links:
        """What a page linked to when it was last read."""
        if page.url in self._links:
            return Links.unpacked(self._links[page.url])
        if page.id is None:
            return Links()
        return Links.unpacked(
            connection.execute(
                select(crawl_pages.c.links).where(crawl_pages.c.id == page.id)
            ).scalar_one_or_none()
        )

    def save(self, connection: Connection) -> None:
        """Writes what changed since the last time."""
        for page in self._changed.values():
            values = {
                name: getattr(page, name)
                for name in (
                    "crawl",
                    "state",
                    "asked",
                    "depth",
                    "hops",
                    "steps",
                    "found",
                    "target",
                    "text_hash",
                )
            }
            if page.url in self._links:
                values["links"] = self._links[page.url]
            if page.id is None:
                page.id = connection.execute(
                    insert(crawl_pages)
                    .values(source_id=self._source_id, url=page.url, **values)
                    .returning(crawl_pages.c.id)
                ).scalar_one()
            else:
                connection.execute(update(crawl_pages).where(crawl_pages.c.id == page.id).values(values))
        self._changed.clear()
        self._links.clear()
        self._write(connection, off_site=json.dumps(dict(self.off_site.most_common(50))))

    def learn(self, connection: Connection, **notes: Any) -> None:
        """Keeps what the crawl learned of the site, until the next crawl begins."""
        self.notes |= notes
        self._write(connection, notes=json.dumps(self.notes))

    def end(self, connection: Connection) -> None:
        """The crawl is over: what it did not meet is forgotten."""
        self.save(connection)
        of_others = crawl_pages.c.crawl != self.number
        connection.execute(delete(crawl_pages).where(crawl_pages.c.source_id == self._source_id, of_others))
        self._write(connection, running=False)

    def abandon(self) -> None:
        """The crawl is over, and nothing follows from it; the next one begins anew."""
        with self._database.write() as connection:
            self._write(connection, running=False)

    def _write(self, connection: Connection, **values: Any) -> None:
        connection.execute(update(crawls).where(crawls.c.source_id == self._source_id).values(values))

    def now(self) -> Iterable[Page]:
        """The pages that this crawl met."""
        return (page for page in self.pages.values() if page.crawl == self.number)
