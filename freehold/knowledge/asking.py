"""Asks for the pages of a site that wait, a few at a time and no faster than the pace allows.

Knows nothing of what the answers mean for the crawl.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from freehold.errors import FetchFailed
from freehold.knowledge.frontier import Frontier, Page
from freehold.knowledge.origin import Known
from freehold.knowledge.pace import Pace
from freehold.knowledge.visit import Visit, Visitor, given_up

AT_ONCE = 3
"""Pages asked for at the same time, the pace allowing."""

TRIES = 3
"""Times that a page is asked for in one crawl when its host asks to be asked later."""

LAST_SECONDS = 1.0
"""How long pages in hand are waited for when a crawl is ended."""

LOOK_UP_SECONDS = 0.2
"""Longest time between two looks at whether to stop."""


class Asking:
    """The pages in hand of one crawl. Used by one thread."""

    def __init__(
        self,
        frontier: Frontier,
        visitor: Visitor,
        pace: Pace,
        known: Mapping[str, Known],
        *,
        most_pages: int,
        again: bool,
        meanwhile: Callable[[], None],
    ) -> None:
        """`meanwhile` is called several times a second, and raises when the crawl is to stop."""
        self._frontier = frontier
        self._visitor = visitor
        self._pace = pace
        self._known = known
        self._most_pages = most_pages
        self._again = again
        self._meanwhile = meanwhile
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="crawl")
        self._pending: dict[Future[Visit], Page] = {}
        self._put_off: Counter[str] = Counter()

    def visits(self, only: Container[str] | None = None) -> Iterator[tuple[Page, Visit]]:
        """Asks until nothing waits or the limit of pages is reached; gives what comes in, as it comes.

        `only` these pages, where it says which; the limit does not count for them.
        """
        pending, frontier = self._pending, self._frontier
        while True:
            self._meanwhile()
            through = False
            while len(pending) < AT_ONCE and self._pace.wait_seconds() == 0:
                full = only is None and frontier.asked + len(pending) >= self._most_pages
                page = None if full else frontier.take(only)
                if page is None:
                    through = True
                    break
                self._pace.take()
                again = self._again or page.text_hash is None
                known = self._known.get(page.url)
                pending[self._pool.submit(self._visitor.visit, page.url, known, again=again)] = page
            if through and not pending:
                return
            pause = min(LOOK_UP_SECONDS, self._pace.wait_seconds() or LOOK_UP_SECONDS)
            if not pending:
                time.sleep(pause)
                continue
            for future in wait(pending, timeout=pause, return_when=FIRST_COMPLETED).done:
                came = self._came(pending.pop(future), future.result())
                if came is not None:
                    yield came

    def _came(self, page: Page, visit: Visit) -> tuple[Page, Visit] | None:
        """None of a page that is to be asked for later, and will be."""
        if visit.outcome != "later":
            return page, visit
        self._put_off[page.url] += 1
        tries = self._put_off[page.url]
        if tries < TRIES:
            self._pace.rest(visit.wait_seconds)
            self._frontier.put_back(page)
            return None
        error = FetchFailed(f"{page.url} asked to be asked later, {tries} times.")
        return page, given_up(page.url, self._known.get(page.url), error)

    def last(self) -> list[tuple[Page, Visit]]:
        """What comes in at the last moment, so that it need not be asked for again."""
        wait(self._pending, timeout=LAST_SECONDS)
        came = ((page, future.result()) for future, page in self._pending.items() if future.done())
        return [(page, visit) for page, visit in came if visit.outcome not in ("failed", "later")]

    def close(self) -> None:
        """Waits for nothing: a page in hand may take a while, and stopping is not to."""
        self._pool.shutdown(wait=False, cancel_futures=True)
