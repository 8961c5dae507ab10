"""When sources are read by themselves: intervals, spread, patience after failures, what counts as stale."""

import time
from pathlib import Path
from typing import Any

import pytest
from shelf import Shelf
from sqlalchemy import insert, update

from freehold.errors import InvalidInput, NotFound
from freehold.knowledge.keeper import Keeper
from freehold.knowledge.origin import SyncReport
from freehold.knowledge.schedule import JITTER, Freshness, Schedule, failed, interval, spoken, succeeded
from freehold.knowledge.store import sources

HOUR, DAY = 3_600, 86_400


class Shop:
    """Sources 1 and 2 of `ours` and 3 of `theirs`, under a clock of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.shelf = Shelf(folder)
        self.now = 1_000_000.0
        self.put(1, created_at=self.now)
        self.put(2, created_at=self.now)
        self.put(3, created_at=self.now)

    def schedule(self, default: int = 0) -> Schedule:
        return Schedule(self.shelf.database, default_seconds=default, clock=lambda: self.now)

    def put(self, source: int, **values: Any) -> None:
        with self.shelf.database.write() as connection:
            connection.execute(update(sources).where(sources.c.id == source).values(values))

    def fresh(self, source: int = 1, default: int = 0) -> Freshness:
        return self.schedule(default).freshness()[source]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.mark.parametrize(
    ("text", "seconds", "again"),
    [
        ("30m", 1800, "30m"),
        ("6H", 6 * HOUR, "6h"),
        (" 24h", DAY, "1d"),
        ("2w", 14 * DAY, "2w"),
        ("90m", 5400, "90m"),
    ],
)
def test_intervals_are_read_and_written(text: str, seconds: int, again: str) -> None:
    assert interval(text) == seconds
    assert spoken(seconds) == again


def test_off_and_default() -> None:
    assert (interval("off"), interval("default")) == (0, None)
    assert (spoken(0), spoken(None)) == ("off", "default")


@pytest.mark.parametrize("text", ["", "6", "h", "1y", "-1h", "1.5h", "1m", "53w", "999999w"])
def test_what_is_no_interval(text: str) -> None:
    with pytest.raises(InvalidInput):
        interval(text)


def test_nothing_is_due_unless_someone_said_so(shop: Shop) -> None:
    shop.now += 400 * DAY
    assert shop.schedule().due() == []
    assert shop.fresh().due_at is None and not shop.fresh().stale


def test_the_setting_counts_where_a_source_says_nothing(shop: Shop) -> None:
    schedule = shop.schedule(HOUR)
    schedule.set(2, 0)
    schedule.set(3, 10 * HOUR)
    shop.now += 2 * HOUR
    assert schedule.due() == [1]
    schedule.set(3, None)
    assert sorted(schedule.due()) == [1, 3]


def test_an_interval_begins_with_the_last_reading_and_is_spread(shop: Shop) -> None:
    schedule = shop.schedule()
    for source in (1, 2, 3):
        schedule.set(source, DAY)
        shop.put(source, **succeeded(SyncReport(added=2, unchanged=1), shop.now))
    found = [shop.fresh(source).due_at for source in (1, 2, 3)]
    assert len(set(found)) == 3
    assert all(due is not None and abs(due - shop.now - DAY) <= JITTER * DAY for due in found)
    assert [shop.fresh(source).due_at for source in (1, 2, 3)] == found
    changes = shop.fresh().changes
    assert changes is not None and (changes["added"], changes["failed"]) == (2, 0)


def test_failures_are_waited_out_longer_and_longer(shop: Shop) -> None:
    schedule = shop.schedule()
    schedule.set(1, HOUR // 2)
    schedule.set(2, 7 * DAY)
    for source in (1, 2):
        shop.put(source, **succeeded(SyncReport(), shop.now))
    waits: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(12):
        for source in (1, 2):
            shop.put(source, **failed(shop.now))
            due = shop.fresh(source).due_at
            assert due is not None
            waits[source].append((due - shop.now) / HOUR)
    near = pytest.approx
    assert waits[1][:3] == [near(0.5, rel=0.11), near(1, rel=0.11), near(2, rel=0.11)]
    assert waits[1][-1] == near(24, rel=0.11)
    assert waits[2][:3] == [near(1, rel=0.11), near(2, rel=0.11), near(4, rel=0.11)]
    assert waits[2][-1] == near(7 * 24, rel=0.11)
    assert shop.fresh().failures == 12
    shop.put(1, **succeeded(SyncReport(), shop.now))
    assert shop.fresh().failures == 0


def test_stale_is_what_was_not_read_in_time(shop: Shop) -> None:
    shop.schedule().set(1, DAY)
    shop.put(1, **succeeded(SyncReport(), shop.now))
    shop.now += 1.2 * DAY
    assert not shop.fresh().stale
    shop.put(1, **failed(shop.now))
    shop.now += 0.1 * DAY
    assert shop.fresh().stale


def test_times_of_a_clock_that_was_wrong_do_not_count(shop: Shop) -> None:
    shop.schedule().set(1, DAY)
    shop.now += 2 * DAY
    shop.put(1, **succeeded(SyncReport(), shop.now + 900 * DAY))
    assert shop.fresh().stale
    assert shop.schedule().due() == [1]
    shop.put(1, **failed(shop.now))
    assert shop.schedule().due() == []
    shop.put(1, **succeeded(SyncReport(), shop.now + 60))  # a clock that was put back a minute
    assert not shop.fresh().stale
    assert shop.schedule().due() == []


def test_what_cannot_be_scheduled(shop: Shop) -> None:
    with pytest.raises(NotFound):
        shop.schedule().set(99, DAY)
    with shop.shelf.database.write() as connection:
        row = {"id": 4, "assistant_id": "ours", "kind": "upload", "location": "/up", "title": ""}
        connection.execute(insert(sources), {**row, "state": "ready", "created_at": 0.0})
    with pytest.raises(InvalidInput, match="Uploaded"):
        shop.schedule().set(4, DAY)
    assert shop.schedule(HOUR).freshness()[4].due_at is None


@pytest.fixture
def keeper(shop: Shop) -> tuple[Keeper, set[int], list[int]]:
    at_work: set[int] = set()
    queued: list[int] = []

    def queue(source: int) -> None:
        queued.append(source)
        at_work.add(source)

    return Keeper(shop.schedule(HOUR), at_work=lambda: frozenset(at_work), queue=queue), at_work, queued


def test_one_source_after_the_other_is_queued_and_none_twice(
    shop: Shop, keeper: tuple[Keeper, set[int], list[int]]
) -> None:
    keep, at_work, queued = keeper
    assert keep.look() is None
    shop.now += 2 * HOUR
    at_work.add(1)  # by hand
    first = keep.look()
    assert first in (2, 3) and queued == [first]
    assert keep.look() is None  # it is still at it
    at_work.discard(first)
    shop.put(first, **succeeded(SyncReport(), shop.now))
    second = keep.look()
    assert {first, second} == {2, 3}
    at_work.clear()
    shop.put(second, **succeeded(SyncReport(), shop.now))
    assert keep.look() == 1


def test_a_source_that_was_removed_meanwhile_is_passed_over(shop: Shop) -> None:
    def gone(source: int) -> None:
        raise NotFound(f"There is no source {source}.")

    shop.now += 2 * HOUR
    assert Keeper(shop.schedule(HOUR), at_work=frozenset, queue=gone).look() is None


def test_a_start_is_calm_and_stopping_is_quick(shop: Shop) -> None:
    shop.now += 2 * HOUR
    queued: list[int] = []
    calm = Keeper(shop.schedule(HOUR), at_work=frozenset, queue=queued.append, calm_seconds=30)
    calm.start()
    calm.stop()
    assert queued == []
    eager = Keeper(
        shop.schedule(HOUR), at_work=frozenset, queue=queued.append, calm_seconds=0, look_seconds=0.01
    )
    eager.start()
    deadline = time.monotonic() + 10
    while not queued and time.monotonic() < deadline:
        time.sleep(0.01)
    eager.stop()
    assert queued


def test_an_error_that_nobody_expected_does_not_end_it(shop: Shop) -> None:
    shop.now += 2 * HOUR
    queued: list[int] = []

    def queue(source: int) -> None:
        queued.append(source)
        if len(queued) == 1:
            raise RuntimeError("a fault")

    keep = Keeper(shop.schedule(HOUR), at_work=frozenset, queue=queue, calm_seconds=0, look_seconds=0.01)
    keep.start()
    deadline = time.monotonic() + 10
    while len(queued) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    keep.stop()
    assert len(queued) >= 2
