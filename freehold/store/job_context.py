"""What the handler of a job sees of it: its payload, whether to stop, and where to show how far it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from freehold.store.jobs import Job, Jobs

PROGRESS_SECONDS = 0.3
"""Least time between two writes of a job's progress."""


class Interrupted(Exception):
    """Ends a handler whose job was cancelled, or whose process is stopping. Never reaches a user."""


class JobContext:
    """What a handler sees of its job."""

    def __init__(
        self, jobs: Jobs, job: Job, stopping: threading.Event, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.job = job
        self._jobs = jobs
        self._stopping = stopping
        self._monotonic = monotonic
        self._written = float("-inf")
        self._unwritten: tuple[int, int, str] | None = None

    @property
    def payload(self) -> dict[str, Any]:
        return self.job.payload

    @property
    def stopping(self) -> bool:
        """Whether the handler should end soon, because the process stops or the job was cancelled."""
        return self._stopping.is_set() or self._jobs.is_cancelled(self.job.id)

    def progress(self, done: int, total: int, current: str = "", *, saved: bool = False) -> None:
        """Shows how far the work is; written at most every `PROGRESS_SECONDS`.

        `saved` says that something of the work is on disk: it is written at once, and crashes are
        counted anew from here.
        """
        now = self._monotonic()
        if not saved and now - self._written < PROGRESS_SECONDS:
            self._unwritten = (done, total, current)
            return
        self._written, self._unwritten = now, None
        self._jobs.save_progress(self.job, done, total, current, saved=saved)

    def flush(self) -> None:
        """Writes the last progress that was held back."""
        if self._unwritten is not None:
            done, total, current = self._unwritten
            self._unwritten = None
            self._jobs.save_progress(self.job, done, total, current, saved=False)

    def raise_if_cancelled(self) -> None:
        """
        Raises:
            Interrupted: the process stops or the job was cancelled.
        """
        if self.stopping:
            raise Interrupted


Handler = Callable[[JobContext], Mapping[str, Any]]
"""Does a job and gives its result. It may run again after a crash, so it is idempotent."""
