"""Runners do each job once, in order, end when asked, and keep results until they can be written."""

import gc
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from freehold.errors import FreeholdError, InvalidInput, NoRoom
from freehold.store import job_runner
from freehold.store.job_context import Interrupted, JobContext
from freehold.store.job_runner import JobRunner
from freehold.store.jobs import CRASHES, Job, Jobs


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)


def run(jobs: Jobs, handlers: Mapping[str, Callable[[JobContext], Mapping[str, Any]]]) -> None:
    """Works off everything that waits."""
    runner = JobRunner(jobs, handlers)
    runner.start()
    until(lambda: not jobs.active())
    assert runner.stop()


def test_a_job_is_done_with_its_result(jobs: Jobs) -> None:
    job = jobs.enqueue("count", {"to": 3})
    assert (job.state, job.progress) == ("queued", {"done": 0, "total": 0, "current": ""})

    def count(context: JobContext) -> dict[str, Any]:
        context.progress(2, 3, "two")
        context.progress(3, 3, "three")  # within the pause: written at the end
        return {"counted": context.payload["to"]}

    run(jobs, {"count": count})
    done = jobs.get(job.id)
    assert (done.state, done.result, done.error) == ("done", {"counted": 3}, None)
    assert done.progress == {"done": 3, "total": 3, "current": "three"}
    assert done.finished


def test_jobs_run_in_the_order_in_which_they_came(jobs: Jobs) -> None:
    ran: list[int] = []

    def note(context: JobContext) -> dict[str, Any]:
        ran.append(context.payload["n"])
        return {}

    for n in range(5):
        jobs.enqueue("note", {"n": n})
    run(jobs, {"note": note})
    assert ran == [0, 1, 2, 3, 4]
    assert [job.payload["n"] for job in jobs.list(2)] == [4, 3]


def test_our_errors_are_kept_in_our_shape_and_others_tell_nothing(jobs: Jobs) -> None:
    def refuse(_: JobContext) -> dict[str, Any]:
        raise InvalidInput("That will not do.", hint="Do otherwise.")

    def break_down(_: JobContext) -> dict[str, Any]:
        raise ValueError("secret detail")

    ours, theirs, unknown = (jobs.enqueue(kind) for kind in ("refuse", "break", "unheard-of"))
    run(jobs, {"refuse": refuse, "break": break_down})
    assert jobs.get(ours.id).error == {
        "code": "invalid_input",
        "message": "That will not do.",
        "hint": "Do otherwise.",
    }
    broken = jobs.get(theirs.id).error
    assert broken is not None
    assert broken["code"] == "internal"
    assert "secret" not in str(broken)
    assert (jobs.get(unknown.id).error or {})["code"] == "not_found"


def test_a_running_job_ends_when_it_is_cancelled_and_stays_so(jobs: Jobs) -> None:
    started, ended = threading.Event(), threading.Event()

    def wait(context: JobContext) -> dict[str, Any]:
        started.set()
        try:
            while True:
                context.raise_if_cancelled()
                time.sleep(0.001)
        finally:
            ended.set()

    job = jobs.enqueue("wait")
    runner = JobRunner(jobs, {"wait": wait})
    runner.start()
    assert started.wait(5)
    assert jobs.cancel(job.id).state == "cancelled"
    assert ended.wait(5)
    assert runner.stop()
    assert jobs.get(job.id).state == "cancelled"
    jobs.recover()
    assert jobs.claim() is None


def test_stopping_puts_the_running_job_back_and_counts_no_crash(jobs: Jobs) -> None:
    started = threading.Event()

    def wait(context: JobContext) -> dict[str, Any]:
        started.set()
        while not context.stopping:
            time.sleep(0.001)
        raise Interrupted

    job = jobs.enqueue("wait")
    for _ in range(CRASHES + 1):
        started.clear()
        runner = JobRunner(jobs, {"wait": wait})
        runner.start()
        assert started.wait(5)
        assert runner.stop()
        assert (jobs.get(job.id).state, jobs.get(job.id).attempts) == ("queued", 0)
        jobs.recover()


def test_a_full_disk_holds_jobs_up_and_loses_none(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    job = jobs.enqueue("work")
    room = threading.Event()
    whole = jobs.finish

    def finish(done: Job, result: Mapping[str, Any]) -> None:
        if not room.is_set():
            raise NoRoom("full")
        whole(done, result)

    monkeypatch.setattr(jobs, "finish", finish)
    runner = JobRunner(jobs, {"work": lambda _: {"kept": True}}, retry_seconds=0.01)
    runner.start()
    until(lambda: jobs.get(job.id).state == "running")
    room.set()
    until(lambda: jobs.get(job.id).state == "done")
    assert jobs.get(job.id).result == {"kept": True}
    assert runner.stop()


def test_a_failure_that_cannot_be_written_is_shown_all_the_same(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job = jobs.enqueue("work")
    room = threading.Event()
    whole = jobs.fail
    tries = 0

    def fail(failed: Job, error: FreeholdError) -> None:
        nonlocal tries
        tries += 1
        if not room.is_set():
            raise NoRoom("The database cannot be written.")
        whole(failed, error)

    def work(_context: JobContext) -> Mapping[str, Any]:
        raise NoRoom("The disk is full.", hint="Free space.")

    monkeypatch.setattr(jobs, "fail", fail)
    runner = JobRunner(jobs, {"work": work}, retry_seconds=0.01)
    runner.start()
    until(lambda: jobs.get(job.id).state == "failed")
    seen = {"code": "no_room", "message": "The disk is full.", "hint": "Free space."}
    assert jobs.get(job.id).error == seen
    until(lambda: tries > 3)
    assert caplog.text.count("cannot be written yet") == 1
    assert [waiting.id for waiting in jobs.active()] == [job.id]  # what the database says
    room.set()
    until(lambda: not jobs.active())
    assert (jobs.get(job.id).state, jobs.get(job.id).error) == ("failed", seen)
    assert runner.stop()


def test_work_that_comes_later_wakes_the_runner(jobs: Jobs) -> None:
    runner = JobRunner(jobs, {"work": lambda _: {}})
    runner.start()
    for _ in range(20):
        job = jobs.enqueue("work")
        until(lambda: jobs.get(job.id).finished)  # noqa: B023
    assert runner.stop()


def test_an_idle_runner_stops_at_once(jobs: Jobs) -> None:
    for _ in range(50):
        runner = JobRunner(jobs, {})
        runner.start()
        assert runner.stop(5)


def test_long_work_apart_does_not_hold_up_the_rest(jobs: Jobs) -> None:
    release, seen = threading.Event(), []
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def long(_: JobContext) -> dict[str, Any]:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        assert release.wait(10)
        return {}

    usual = JobRunner(jobs, {"sync": lambda _: {}}, beside=("evaluate",))
    apart = JobRunner(jobs, {"evaluate": long}, apart=True, niceness=7)
    usual.start()
    apart.start()
    slow = [jobs.enqueue("evaluate", {"n": n}) for n in range(2)]
    until(lambda: bool(seen))
    quick = [jobs.enqueue(kind) for kind in ("sync", "unheard-of")]
    until(lambda: all(jobs.get(job.id).finished for job in quick))
    assert [jobs.get(job.id).state for job in (*quick, *slow)] == ["done", "failed", "running", "queued"]
    release.set()
    until(lambda: not jobs.active())
    assert usual.stop() and apart.stop()
    if sys.platform == "linux":
        assert seen == [max(7, before)] * 2
        assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


def test_what_a_long_job_dropped_is_collected(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    class Much:
        def __init__(self) -> None:
            self.itself = self

    dropped: list[weakref.ref[Much]] = []

    def drop(context: JobContext) -> dict[str, Any]:
        dropped.append(weakref.ref(Much()))
        return {}

    monkeypatch.setattr(job_runner, "LONG_SECONDS", 0.0)
    gc.disable()
    try:
        jobs.enqueue("drop")
        run(jobs, {"drop": drop})
    finally:
        gc.enable()
    assert dropped[0]() is None


def test_many_jobs_for_two_runners_are_each_done_once(jobs: Jobs) -> None:
    done: list[tuple[str, int]] = []

    def note(context: JobContext) -> dict[str, Any]:
        done.append((context.job.kind, context.payload["n"]))
        return {}

    runners = [
        JobRunner(jobs, {"a": note}, beside=("b",)),
        JobRunner(jobs, {"b": note}, apart=True),
    ]
    for runner in runners:
        runner.start()
    for n in range(20):
        jobs.enqueue("ab"[n % 2], {"n": n})
    until(lambda: len(done) == 20)
    assert sorted(done) == sorted(("ab"[n % 2], n) for n in range(20))
    assert all(runner.stop() for runner in runners)
