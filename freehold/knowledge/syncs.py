"""Adds sources, and has each read by a job of its own."""

from __future__ import annotations

from pathlib import Path

from freehold.knowledge.options import SiteOptions
from freehold.knowledge.schedule import Schedule, interval
from freehold.knowledge.sources import WEB, Source, Sources
from freehold.store.jobs import Job, Jobs

SYNC = "sync"

CRAWL = "crawl"
"""Reading what lies on the web takes as long as its hosts like; it holds up no folder."""


class Syncs:
    """The reading of sources. Knows nothing of how they are read: `Ingest` handles these jobs."""

    def __init__(self, sources: Sources, schedule: Schedule, jobs: Jobs) -> None:
        self._sources = sources
        self._schedule = schedule
        self._jobs = jobs

    def add(
        self,
        location: str,
        assistant_id: str,
        title: str | None,
        site: SiteOptions | None,
        every: str | None,
    ) -> tuple[int, Job]:
        """A source's id, and the job that reads it.

        Raises:
            FreeholdError: as `Sources.add`.
            InvalidInput: `every` is no interval.
        """
        seconds = None if every is None else interval(every)
        source = self._sources.add(location, assistant_id, title=title, site=site)
        if every is not None:
            self._schedule.set(source.id, seconds)
        return source.id, self._queued(source)

    def add_upload(self, folder: Path, assistant_id: str) -> tuple[int, Job]:
        """The same of a folder of uploaded files."""
        source = self._sources.add(str(folder), assistant_id, title="Uploaded files", upload=True)
        return source.id, self._queued(source)

    def queue(self, source_id: int) -> Job:
        """Queues the reading of a source; gives the job that waits for it already, if one does.

        Raises:
            NotFound: there is no such source.
        """
        return self._queued(self._sources.get(source_id))

    def at_work(self) -> frozenset[int]:
        """The sources that are being read or wait for it."""
        jobs = (job for job in self._jobs.active() if job.kind in (SYNC, CRAWL))
        return frozenset(int(job.payload["source_id"]) for job in jobs)

    def _queued(self, source: Source) -> Job:
        return self._jobs.enqueue(CRAWL if source.kind in WEB else SYNC, {"source_id": source.id})
