"""Reading a whole site by following its links, and keeping up with it.

Breadth first, a few pages at a time and no faster than the pace allows, within one host and path; what
robots.txt, the pages or limits forbid is left alone. Each page is written as it comes, so a crawl that was
ended at any moment goes on from there. Only a crawl that came to its end removes anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from dataclasses import asdict
from urllib.parse import urlsplit

from freehold.egress import Egress
from freehold.errors import Conflict, EgressDenied, FetchFailed, FreeholdError, NotFound
from freehold.knowledge.address import MAX_STEPS, Address, Scope, address_of
from freehold.knowledge.asking import Asking
from freehold.knowledge.batch import BATCH_SECONDS, FIRST_SECONDS, Batch, known_documents
from freehold.knowledge.crawl import DELAY_SECONDS
from freehold.knowledge.frontier import DOCUMENTS, WAITING, Frontier, Page
from freehold.knowledge.options import SiteOptions
from freehold.knowledge.origin import SyncReport
from freehold.knowledge.pace import Pace
from freehold.knowledge.robots import origin_of
from freehold.knowledge.settling import Settling
from freehold.knowledge.site_report import REASONS, report_of
from freehold.knowledge.survey import Rules, missing_page, remembered, sitemap_pages
from freehold.knowledge.visit import PageParser, Visit, Visitor
from freehold.net import MAX_REDIRECTS, Fetched
from freehold.store.database import Database
from freehold.store.job_context import Interrupted

PAGES = 10_000
DEPTH = 20
"""Limits of a site for which nothing else was said."""

FAILURES_IN_A_ROW = 10
"""After so many the host is looked at before it is asked for more."""

FEW = 10
"""Fewer documents than this, or less than half, may go because nothing links to them any more; more are
asked for first."""

RULES_SECONDS = 86_400.0
"""How long a robots.txt is believed."""


class SiteSync:
    """One crawl of one site."""

    def __init__(
        self,
        source_id: int,
        start: str,
        options: SiteOptions,
        database: Database,
        parser: PageParser,
        egress: Egress,
        *,
        max_bytes: int,
        written: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`written` is called now and then, when there is something for the indexes."""
        parts = urlsplit(start)
        address = address_of(start)
        assert address is not None  # the source was made of it
        self._start = address
        self._source_id = source_id
        self._settings = egress
        self._database = database
        self._parser = parser
        self._written = written
        self._clock = clock
        named = egress.with_named(parts.hostname or "", parts.port)
        self._visitor = Visitor(parser, named, max_bytes=max_bytes)
        self._batch = Batch(database, source_id, written=lambda: None, clock=clock)
        self._most_pages = PAGES if options.pages is None else options.pages
        self._most_depth = DEPTH if options.depth is None else options.depth
        local = egress.permits_private(parts.hostname or "", _port(start))
        delay = options.delay if options.delay is not None else 0.0 if local else DELAY_SECONDS
        self._pace = Pace(delay)
        self._failing: list[Page] = []

    def run(
        self,
        progress: Callable[..., None],
        stopping: Callable[[], bool],
        *,
        again: bool = False,
    ) -> SyncReport:
        """Reads what is new or changed, then removes what is gone.

        Raises:
            Interrupted: `stopping` became true; what was read until then stays, and is not read again.
            Conflict: the site's rules forbid it, or it looks as if the site were away; nothing was removed.
            FreeholdError: the site cannot be reached; nothing was removed.
        """
        self._progress, self._stopping = progress, stopping
        with self._database.read() as connection:
            self._known = known_documents(connection, self._source_id)
        before = len(self._known)
        self._rules = rules = Rules(Scope.of(self._start.url), {}, self._ask)
        self._frontier = frontier = Frontier(
            self._database,
            self._source_id,
            most_depth=self._most_depth,
            most_hops=MAX_REDIRECTS,
            most_steps=MAX_STEPS,
            judge=rules.judge,
            clock=self._clock,
        )
        self._survey(rules)
        self._settling = Settling(
            self._source_id,
            self._start.url,
            frontier,
            self._batch,
            rules,
            self._known,
            missing=remembered(frontier.notes),
            permits=self._permits,
        )
        self._index_at, self._stale = time.monotonic() + FIRST_SECONDS, False
        asking = Asking(
            frontier,
            self._visitor,
            self._pace,
            self._known,
            most_pages=self._most_pages,
            again=again,
            meanwhile=self._meanwhile,
        )
        try:
            self._crawl(asking)
            if lost := self._unlinked():
                self._crawl(asking, None if frontier.asked < self._most_pages else lost)
        except (Interrupted, FetchFailed):
            for page, visit in asking.last():
                self._settling.settle(page, visit)
                self._stale = True
            raise
        except Conflict:  # what was learned of the site may be as wrong as its pages
            frontier.abandon()
            raise
        finally:
            asking.close()
            self._refresh()
        removed = self._remove(before)
        with self._database.read() as connection:
            return report_of(connection, source_id=self._source_id, frontier=frontier, removed=removed)

    def _look_up(self) -> None:
        if self._stopping():
            raise Interrupted

    def _meanwhile(self) -> None:
        """Ends the crawl when it is to stop; else gives the indexes what came, when it is time."""
        self._look_up()
        if self._stale and time.monotonic() >= self._index_at:
            self._refresh()
            frontier = self._frontier
            self._progress(frontier.met - frontier.waiting, frontier.met, "", saved=True)

    def _ask(self, url: str, max_bytes: int) -> Fetched:
        """One request beside the pages', when the pace allows it."""
        left = self._pace.take()
        while left > 0:
            self._look_up()
            time.sleep(min(left, 1.0))
            left -= 1.0
        return self._visitor.ask(url, max_bytes)

    def _survey(self, rules: Rules) -> None:
        """Learns the site's rules, or remembers them, and meets where the crawl begins.

        Raises:
            Conflict: robots.txt does not let the start page be read.
            FreeholdError: robots.txt cannot be had.
        """
        frontier, start = self._frontier, self._start.url
        self._progress(0, 0, f"{origin_of(start)}/robots.txt")
        notes = frontier.notes
        robots_at = notes.get("robots_at", 0.0)
        if self._clock() - robots_at < RULES_SECONDS:
            rules.texts.update(notes["robots"])
        else:
            robots_at = self._clock()
        if "prefix" in notes:
            rules.scope = Scope(rules.scope.host, notes["prefix"])
        own = rules.of(start)
        self._pace.slow_down(own.delay_seconds)
        if not own.allows(start):
            raise Conflict(
                f"The robots.txt of {urlsplit(start).netloc} does not let Freehold read {start}.",
                hint="If the site is yours, allow it there: User-agent: Freehold, Allow: /.",
            )
        learned = {"robots": rules.texts, "robots_at": robots_at}
        if "begun" in notes:
            with self._database.write() as connection:
                frontier.learn(connection, **learned)
            return
        pages, failures = sitemap_pages(rules, start, self._ask)
        missing = missing_page(rules, start, self._ask, self._parser)
        rules.prepare(page.url for page in pages)
        with self._database.write() as connection:
            frontier.meet(connection, self._start, depth=0)
            for page in pages:
                frontier.meet(connection, page, depth=0)
            frontier.save(connection)
            frontier.learn(
                connection,
                **learned,
                begun=True,
                missing=None if missing is None else asdict(missing),
                sitemaps=[[place, error.code, error.message] for place, error in failures],
            )

    def _crawl(self, asking: Asking, only: Container[str] | None = None) -> None:
        for page, visit in asking.visits(only):
            self._arrived(page, visit)

    def _arrived(self, page: Page, visit: Visit) -> None:
        frontier = self._frontier
        if page.url == self._start.url and visit.outcome != "document":
            self._must_begin(visit)
        self._prepare(page, visit)
        self._settling.settle(page, visit)
        self._stale = True
        self._progress(frontier.met - frontier.waiting, frontier.met, page.url)
        if visit.outcome == "failed" and isinstance(visit.error, FetchFailed):
            self._failing.append(page)
            if len(self._failing) >= FAILURES_IN_A_ROW:
                self._look_at_host()
        else:
            self._failing.clear()

    def _prepare(self, page: Page, visit: Visit) -> None:
        """Fetches the rules that settling a visit will ask for: while it writes, nothing is waited for."""
        urls = list(visit.links)
        if visit.outcome in ("same", "failed"):
            with self._database.read() as connection:
                urls += [link.url for link in self._frontier.links_of(connection, page).own]
        if visit.target is not None:
            urls.append(visit.target)
            if self._permits(visit.target):
                self._rules.allows(visit.target)
        self._rules.prepare(urls)

    def _must_begin(self, visit: Visit) -> None:
        """
        Raises:
            FreeholdError: the start page cannot be had, so nothing may be concluded.
        """
        start = self._start.url
        if visit.outcome == "failed":
            assert visit.error is not None
            raise visit.error
        if visit.outcome == "gone" and self._start.found is None:
            raise NotFound(f"{start} does not exist (status 404 or 410).", hint="Look at its spelling.")
        if visit.outcome in ("refused", "kind"):
            raise Conflict(f"{start} cannot be read: {REASONS[visit.outcome].replace('they', 'it', 1)}.")
        if visit.outcome == "redirect" and visit.target is not None:
            host = urlsplit(visit.target).netloc
            if host != urlsplit(start).netloc and not self._permits(visit.target):
                raise EgressDenied(
                    f"{start} leads to another host, {host}.", hint=f"Add {visit.target} instead."
                )

    def _permits(self, url: str) -> bool:
        """Whether a setting, and not only the name of the source, lets an address's host be asked."""
        return self._settings.permits(urlsplit(url).hostname or "", _port(url))

    def _look_at_host(self) -> None:
        """After many failures in a row: is it the pages, or the host?

        Raises:
            FetchFailed: it is the host. The pages that failed wait for the next sync.
        """
        failing, self._failing = self._failing, []
        try:
            answer = self._ask(f"{origin_of(self._start.url)}/robots.txt", 2**20)
            if answer.status < 500 and answer.status != 429:
                return
        except FreeholdError:
            pass
        with self._database.write() as connection:
            for page in failing:
                self._frontier.ask_again(page)
            self._frontier.save(connection)
        raise FetchFailed(
            f"{urlsplit(self._start.url).netloc} stopped answering after"
            f" {self._frontier.met - self._frontier.waiting:,} pages. What was read stays.",
            hint="The next sync goes on where this one stopped.",
        )

    def _unlinked(self) -> frozenset[str]:
        """Meets documents that no link led to, where they may yet be there; gives their addresses.

        Nothing links to them any more, if every page was seen that could; one that could not be read
        before either led to none of them. If not, or if it is many at once, they are asked for themselves.
        """
        frontier = self._frontier
        lost = frozenset(url for url in self._known if not frontier.is_met(url))
        seen_all = not any(
            page.state == WAITING or (page.state == "failed" and page.url not in self._known)
            for page in frontier.now()
        )
        if seen_all and (len(lost) < FEW or 2 * len(lost) < len(self._known)):
            return frozenset()
        self._rules.prepare(lost)
        with self._database.write() as connection:
            for url in sorted(lost):
                frontier.meet(connection, Address(url), depth=self._most_depth)
            frontier.save(connection)
        return lost

    def _remove(self, before: int) -> int:
        """Removes what is gone, and ends the crawl; gives the number of documents that went.

        Raises:
            Conflict: nothing at all would be left of what was read before.
        """
        frontier = self._frontier

        def lives(url: str) -> bool:
            page = frontier.pages.get(url)
            if page is None or page.crawl != frontier.number:
                return False
            return page.state in DOCUMENTS or page.state in ("failed", WAITING)

        with self._database.write() as connection:
            self._settling.drop_named(connection)
            for url in [url for url in self._known if not lives(url) and url in frontier.pages]:
                self._settling.hand_on(connection, frontier.pages[url])
            frontier.save(connection)
        with self._database.read() as connection:
            self._known = known_documents(connection, self._source_id)
        gone = [known.id for url, known in self._known.items() if not lives(url)]
        if before and gone and len(gone) == len(self._known):
            frontier.abandon()
            raise Conflict(
                f"{self._start.url} holds nothing that is read any more; {len(gone):,} documents were read"
                " from it before. Nothing was removed.",
                hint="Look at the site, or remove the source if it is gone for good.",
            )
        self._batch.remove(gone, self._look_up)
        with self._database.write() as connection:
            frontier.end(connection)
        self._stale = True
        self._refresh()
        self._progress(frontier.met, frontier.met, "", saved=True)
        return len(gone)

    def _refresh(self) -> None:
        if self._stale:
            self._written()
        self._stale, self._index_at = False, time.monotonic() + BATCH_SECONDS


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or {"http": 80, "https": 443}[parts.scheme]
