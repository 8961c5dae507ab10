"""When a source is read again by itself, and how fresh what was read is.

Everything follows from what the database has of a source: nothing is remembered elsewhere, so a restart
changes nothing, and a new interval counts at once. Reads no source; `app` queues what is due.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, update

from freehold.errors import InvalidInput, NotFound
from freehold.knowledge.origin import SyncReport
from freehold.knowledge.store import sources
from freehold.store.database import Database

UNITS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
LEAST_SECONDS = 5 * 60
MOST_SECONDS = 365 * 86_400
FIRST_RETRY_SECONDS = 3_600
"""A reading that failed is tried again no sooner than after this or the interval, whichever is shorter."""
SLOWEST_RETRY_SECONDS = 86_400
JITTER = 0.1
"""Share of an interval by which readings are spread, so that sources do not all come due at once."""
OVERDUE = 0.25
"""Share of an interval, beyond it, after which a source counts as stale."""


def interval(text: str) -> int | None:
    """Seconds of `6h`, `1d`, `30m`, `2w`; 0 of `off`; None of `default`.

    Raises:
        InvalidInput: none of these, or too short or too long.
    """
    words = text.strip().lower()
    if words in ("off", "never", "0"):
        return 0
    if words == "default":
        return None
    found = re.fullmatch(r"(\d{1,6})\s*([mhdw])", words)
    if not found:
        raise InvalidInput(
            f"{text!r} is not an interval.", hint="Write 30m, 6h, 1d or 2w; or off; or default."
        )
    seconds = int(found[1]) * UNITS[found[2]]
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise InvalidInput(f"{text} is not between five minutes and a year.")
    return seconds


def spoken(seconds: int | None) -> str:
    """As `interval` reads it."""
    if seconds is None:
        return "default"
    for unit in ("w", "d", "h", "m"):
        if seconds and seconds % UNITS[unit] == 0:
            return f"{seconds // UNITS[unit]}{unit}"
    return "off"


@dataclass(frozen=True, slots=True)
class Freshness:
    """How up to date a source is. Times are seconds since the epoch."""

    every_seconds: int | None
    """How often it is read by itself; 0 never, None as the setting has it."""
    effective_seconds: int
    """The same, the setting applied."""
    read_at: float | None
    """When it was last read with success."""
    tried_at: float | None
    """When a reading last ended, well or not."""
    due_at: float | None
    """When it is read next by itself; in the past while it waits for its turn."""
    stale: bool
    """The last success is longer ago than the interval and a quarter of it."""
    failures: int
    """Readings in a row that failed."""
    changes: dict[str, int] | None
    """What the last reading with success did, in documents."""


class Schedule:
    """The intervals of sources, and what they make due."""

    def __init__(
        self, database: Database, *, default_seconds: int = 0, clock: Callable[[], float] = time.time
    ) -> None:
        """`default_seconds`: of sources for which nothing else was said; 0 never."""
        self._database = database
        self._default_seconds = default_seconds
        self._clock = clock

    def check(self, source_id: int, every_seconds: int | None) -> None:
        """Whether `set` would take it, for those who change more than this and want all or nothing.

        Raises:
            NotFound: no such source.
            InvalidInput: it holds uploaded files, which do not change by themselves.
        """
        with self._database.read() as connection:
            kind = connection.execute(select(sources.c.kind).where(sources.c.id == source_id)).scalar()
        if kind is None:
            raise NotFound(f"There is no source {source_id}.", hint="`freehold sources` lists them.")
        if kind == "upload" and every_seconds:
            raise InvalidInput("Uploaded files do not change by themselves, so they are not read again.")

    def set(self, source_id: int, every_seconds: int | None) -> None:
        """
        Raises:
            NotFound: no such source.
            InvalidInput: it holds uploaded files, which do not change by themselves.
        """
        self.check(source_id, every_seconds)
        with self._database.write() as connection:
            connection.execute(
                update(sources).where(sources.c.id == source_id).values(every_seconds=every_seconds)
            )

    def freshness(self) -> dict[int, Freshness]:
        """Of every source, by id."""
        with self._database.read() as connection:
            return {row.id: self._of(row) for row in connection.execute(select(sources))}

    def due(self) -> list[int]:
        """The sources that are to be read now, the longest due first."""
        now = self._clock()
        found = [
            (fresh.due_at, source_id)
            for source_id, fresh in self.freshness().items()
            if fresh.due_at is not None and fresh.due_at <= now
        ]
        return [source_id for _, source_id in sorted(found)]

    def _of(self, row: Row[Any]) -> Freshness:
        every = self._default_seconds if row.every_seconds is None else row.every_seconds
        if row.kind == "upload":
            every = 0
        due_at = None
        now = self._clock()
        latest = now + LEAST_SECONDS  # what is later was noted while the clock was wrong
        if every:
            tried = (row.tried_at or 0.0, row.synced_at or 0.0, row.created_at)
            last = max((when for when in tried if when <= latest), default=0.0)
            due_at = last + _wait(every, row.failures) * _spread(row.id, last)
        late = every + max(every * OVERDUE, LEAST_SECONDS)
        return Freshness(
            every_seconds=row.every_seconds,
            effective_seconds=every,
            read_at=row.synced_at,
            tried_at=row.tried_at,
            due_at=due_at,
            stale=bool(every) and not now - late <= (row.synced_at or row.created_at) <= latest,
            failures=row.failures,
            changes=None if row.changes is None else json.loads(row.changes),
        )


def succeeded(report: SyncReport, now: float) -> dict[str, Any]:
    """What the row of a source learns from a reading that went well."""
    counts = {name: getattr(report, name) for name in ("added", "changed", "removed", "unchanged", "skipped")}
    changes = json.dumps({**counts, "failed": len(report.failed)})
    return {"synced_at": now, "tried_at": now, "failures": 0, "changes": changes}


def failed(now: float) -> dict[str, Any]:
    """What it learns from one that did not."""
    return {"tried_at": now, "failures": sources.c.failures + 1}


def _wait(every: int, failures: int) -> float:
    """The interval; after failures first an hour at most, then twice as long each time, a day at least
    as the slowest."""
    if failures == 0:
        return every
    slowest = max(every, SLOWEST_RETRY_SECONDS)
    return min(min(every, FIRST_RETRY_SECONDS) * 2.0 ** min(failures - 1, 20), slowest)


def _spread(source_id: int, last: float) -> float:
    """A factor near 1, always the same for the same reading of the same source."""
    return 1 + random.Random(f"{source_id} {last}").uniform(-JITTER, JITTER)  # noqa: S311 - spreads load, keeps no secret
