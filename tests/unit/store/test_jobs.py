"""Jobs survive restarts, can be cancelled, and give up on work that keeps ending the process."""

import pytest

from freehold.errors import Conflict, NotFound
from freehold.store.database import Database
from freehold.store.jobs import CRASHES, KEPT_SECONDS, Jobs


def test_an_equal_job_that_waits_is_not_queued_twice(jobs: Jobs) -> None:
    first = jobs.enqueue("sync", {"source_id": 1, "again": False})
    assert jobs.enqueue("sync", {"again": False, "source_id": 1}).id == first.id
    assert jobs.enqueue("sync", {"source_id": 2}).id != first.id
    claimed = jobs.claim()
    assert claimed is not None and claimed.id == first.id
    assert jobs.enqueue("sync", {"again": False, "source_id": 1}).id != first.id  # it may have looked already


def test_a_queued_job_is_cancelled_at_once(jobs: Jobs) -> None:
    job = jobs.enqueue("never")
    assert jobs.cancel(job.id).state == "cancelled"
    assert jobs.cancel(job.id).state == "cancelled"
    assert jobs.claim() is None


def test_what_has_finished_cannot_be_cancelled(jobs: Jobs) -> None:
    job = jobs.enqueue("nothing")
    claimed = jobs.claim()
    assert claimed is not None
    jobs.finish(claimed, {})
    with pytest.raises(Conflict):
        jobs.cancel(job.id)
    with pytest.raises(NotFound):
        jobs.cancel("job_unknown")


def test_a_crashed_job_goes_on_after_a_restart(jobs: Jobs, database: Database) -> None:
    job = jobs.enqueue("work", {"n": 1})
    assert jobs.claim() is not None  # and the process dies
    again = Jobs(database)
    again.recover()
    claimed = again.claim()
    assert claimed is not None
    assert (claimed.id, claimed.attempts) == (job.id, 2)


def test_a_job_that_keeps_ending_the_process_is_given_up(jobs: Jobs) -> None:
    job = jobs.enqueue("poison")
    for _ in range(CRASHES):
        assert jobs.claim() is not None
        jobs.recover()
    given_up = jobs.get(job.id)
    assert given_up.state == "failed"
    assert given_up.error is not None and f"{CRASHES} times" in given_up.error["message"]
    assert jobs.claim() is None


def test_what_finished_long_ago_is_forgotten(database: Database) -> None:
    now = 1000.0
    jobs = Jobs(database, clock=lambda: now)
    old, waiting = jobs.enqueue("work"), jobs.enqueue("later")
    jobs.cancel(old.id)
    now += KEPT_SECONDS
    jobs.recover()
    assert jobs.get(old.id).finished
    now += 1
    jobs.recover()
    assert [job.id for job in jobs.list()] == [waiting.id]
