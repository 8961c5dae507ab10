"""How far a job is, is written now and then, and at once where something of it was saved."""

import threading

import pytest

from freehold.store.job_context import PROGRESS_SECONDS, JobContext
from freehold.store.jobs import CRASHES, Job, Jobs


def test_a_job_that_gets_on_is_never_given_up(jobs: Jobs) -> None:
    job = jobs.enqueue("long")
    for n in range(3 * CRASHES):
        claimed = jobs.claim()
        assert claimed is not None
        JobContext(jobs, claimed, threading.Event()).progress(n, 100, saved=True)
        jobs.recover()
    assert jobs.get(job.id).state == "queued"


def test_progress_is_written_a_few_times_a_second(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []

    def save(job: Job, done: int, total: int, current: str, *, saved: bool) -> None:
        written.append(done)

    monkeypatch.setattr(jobs, "save_progress", save)
    now = 0.0
    context = JobContext(jobs, jobs.enqueue("work"), threading.Event(), monotonic=lambda: now)
    for done in range(100):
        context.progress(done, 100)
        now += 0.01
    assert len(written) <= 1 + 1.0 / PROGRESS_SECONDS
    context.flush()
    assert written[-1] == 99
    context.flush()
    assert written.count(99) == 1
