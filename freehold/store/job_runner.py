"""Works jobs off, one after the other, in the order in which they came.

A runner is one thread; kinds of jobs that take long get a runner of their own, so that the others need not
wait for them. Knows nothing of what the jobs do.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping

from freehold import memory
from freehold.errors import FreeholdError, NotFound
from freehold.store.job_context import Handler, Interrupted, JobContext
from freehold.store.jobs import Job, Jobs

log = logging.getLogger(__name__)

LONG_SECONDS = 1.0
"""From how long a job on what it made and dropped is collected: that holds up every thread for a moment, in a
large process for half a second."""


class JobRunner:
    """One thread that works jobs off, one after the other; memory freed by each goes back to the system."""

    def __init__(
        self,
        jobs: Jobs,
        handlers: Mapping[str, Handler],
        retry_seconds: float = 2.0,
        *,
        apart: bool = False,
        beside: Collection[str] = (),
        niceness: int = 0,
    ) -> None:
        """Takes jobs of every kind, to fail those it has no handler for; `apart`, those of its handlers only.

        Jobs of the kinds `beside` are another runner's. `niceness` is the thread's and, where the system
        passes it on (Linux), that of the threads and processes that its handlers start.
        """
        self._jobs = jobs
        self._handlers = handlers
        self._retry_seconds = retry_seconds
        self._only = frozenset(handlers) if apart else None
        self._beside = frozenset(beside)
        self._niceness = niceness
        self._arrived = jobs.arrivals()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread; call `Jobs.recover` before."""
        self._stopping.clear()
        self._arrived.set()
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """Asks the running handler to end and waits for it; False when it did not within `timeout` seconds.

        The job goes back into the queue, also (at the next start) when the handler did not end in time.
        """
        self._stopping.set()
        self._arrived.set()
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        if self._niceness and sys.platform == "linux":  # elsewhere niceness is the whole process's
            thread = threading.get_native_id()
            now = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, max(now, self._niceness))
        while not self._stopping.is_set():
            self._arrived.clear()
            try:
                job = self._jobs.claim(self._only, beside=self._beside)
                if job is not None:
                    self._run(job)
            except FreeholdError as error:  # the database itself: full or busy
                log.error("Jobs wait: %s", error.message)
                self._stopping.wait(self._retry_seconds)
                continue
            if job is None and not self._stopping.is_set():
                self._arrived.wait()

    def _run(self, job: Job) -> None:
        context = JobContext(self._jobs, job, self._stopping)
        try:
            handler = self._handlers.get(job.kind)
            if handler is None:
                raise NotFound(f"This version does not know jobs of kind {job.kind!r}.")
            began = time.monotonic()
            try:
                result = handler(context)
            finally:
                if time.monotonic() - began >= LONG_SECONDS:
                    gc.collect()  # cycles would stay for long
                memory.give_back()
            context.flush()
        except Interrupted:
            self._put_back(job)
        except FreeholdError as error:
            self._put_back(job) if context.stopping else self._fail(job, error)
        except Exception as error:
            log.exception("Job %s (%s) failed unexpectedly", job.id, job.kind)
            unexpected = FreeholdError(
                f"Something went wrong that we did not expect ({type(error).__name__}).",
                hint="The log has the details.",
            )
            self._put_back(job) if context.stopping else self._fail(job, unexpected)
        else:
            self._settle(job, lambda: self._jobs.finish(job, result))

    def _put_back(self, job: Job) -> None:
        self._settle(job, lambda: self._jobs.put_back(job))

    def _fail(self, job: Job, error: FreeholdError) -> None:
        log.warning("Job %s (%s) failed: %s", job.id, job.kind, error.message)
        self._settle(job, lambda: self._jobs.fail(job, error), error)

    def _settle(self, job: Job, write: Callable[[], None], failure: FreeholdError | None = None) -> None:
        """Writes a job's end, trying until it can be written or the process stops."""
        told = False
        try:
            while True:
                try:
                    write()
                    return
                except FreeholdError as error:
                    if not told:
                        log.error("A job's end cannot be written yet: %s", error.message)
                    told = True
                    self._jobs.owe(job, failure)
                    if self._stopping.wait(self._retry_seconds):
                        return
        finally:
            if told:
                self._jobs.owe(job, None)
