"""Keeps sources up to date: queues the reading of those that are due, one after the other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from freehold.errors import FreeholdError, NotFound
from freehold.knowledge.schedule import Schedule

log = logging.getLogger(__name__)

CALM_SECONDS = 60.0
"""After a start nothing is queued for so long: jobs that were interrupted, and people, come first."""

LOOK_SECONDS = 20.0
"""Between two looks at what is due."""


class Keeper:
    """One thread that looks at the schedule."""

    def __init__(
        self,
        schedule: Schedule,
        *,
        at_work: Callable[[], frozenset[int]],
        queue: Callable[[int], object],
        calm_seconds: float = CALM_SECONDS,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """`at_work`: the sources that are being read or wait for it. `queue` has one read."""
        self._schedule = schedule
        self._at_work = at_work
        self._queue = queue
        self._calm_seconds = calm_seconds
        self._look_seconds = look_seconds
        self._mine: int | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread."""
        self._thread = threading.Thread(target=self._work, name="keeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; what is queued stays queued."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(5)

    def look(self) -> int | None:
        """Queues the source that is due the longest, unless one of ours is still at it; gives its id."""
        at_work = self._at_work()
        if self._mine in at_work:
            return None
        self._mine = None
        for source_id in self._schedule.due():
            if source_id in at_work:
                continue
            try:
                self._queue(source_id)
            except NotFound:  # removed meanwhile
                continue
            self._mine = source_id
            return source_id
        return None

    def _work(self) -> None:
        pause = self._calm_seconds
        while not self._stopping.wait(pause):
            pause = self._look_seconds
            try:
                if self.look() is not None:
                    pause = min(1.0, pause)
            except FreeholdError as error:  # the database: full or busy
                log.warning("Sources are not kept up to date now: %s", error.message)
            except Exception:  # else they would never be again
                log.exception("Sources are not kept up to date now")
