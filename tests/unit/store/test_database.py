"""Writers wait for each other, readers see one moment, a full disk is said and breaks nothing."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from freehold.errors import Conflict, NoRoom, Unavailable
from freehold.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "freehold.db")
    with made.write() as connection:
        connection.execute(text("CREATE TABLE numbers (n INTEGER)"))
    yield made
    made.close()


def count(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(text("SELECT count(*) FROM numbers")).scalar_one())


def test_writers_wait_for_each_other_and_none_is_lost(database: Database) -> None:
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for _ in range(25):
                with database.write() as connection:
                    highest = connection.execute(text("SELECT max(n) FROM numbers")).scalar_one()
                    connection.execute(text("INSERT INTO numbers VALUES (:n)"), {"n": (highest or 0) + 1})
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with database.read() as connection:
        assert list(connection.execute(text("SELECT n FROM numbers ORDER BY n")).scalars()) == list(
            range(1, 101)
        )


def test_a_peek_sees_what_was_written_last_and_fails_as_reading_does(database: Database) -> None:
    assert database.fetch("SELECT n FROM numbers WHERE n > ?", (5,)) == []
    assert database.fetch("SELECT n FROM numbers") == []
    with database.write() as connection:
        connection.execute(text("INSERT INTO numbers VALUES (7)"))
        assert database.fetch("SELECT n FROM numbers") == []
    assert [*map(tuple, database.fetch("SELECT n FROM numbers"))] == [(7,)]
    database.close()
    database.path.write_bytes(b"no database" * 500)
    with pytest.raises(Conflict):
        database.fetch("SELECT n FROM numbers")


def test_a_reader_sees_one_moment_and_does_not_wait(database: Database) -> None:
    with database.read() as reader:
        assert reader.execute(text("SELECT count(*) FROM numbers")).scalar_one() == 0
        with database.write() as writer:
            writer.execute(text("INSERT INTO numbers VALUES (1)"))
        assert reader.execute(text("SELECT count(*) FROM numbers")).scalar_one() == 0
    assert count(database) == 1


def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        connection.execute(text("INSERT INTO numbers VALUES (1)"))
        raise ZeroDivisionError
    assert count(database) == 0


def test_a_full_disk_is_said_and_what_was_there_stays(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("INSERT INTO numbers VALUES (1)"))
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(NoRoom, match="full") as raised, database.write() as connection:
        for _ in range(10_000):
            connection.execute(text("INSERT INTO numbers VALUES (2)"))
    assert raised.value.hint
    assert count(database) == 1
    with database.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
        connection.execute(text("INSERT INTO numbers VALUES (3)"))
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    assert count(database) == 2


def test_what_was_written_is_there_after_closing(tmp_path: Path, database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("INSERT INTO numbers VALUES (7)"))
    database.close()
    again = Database(tmp_path / "freehold.db")
    assert count(again) == 1
    again.close()


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "freehold.db").write_bytes(b"this is not a database, whatever its name says" * 100)
    damaged = Database(tmp_path / "freehold.db")
    with pytest.raises(Conflict, match="damaged"), damaged.read() as connection:
        connection.execute(text("SELECT 1"))
    damaged.close()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    nowhere = Database(tmp_path / "missing" / "freehold.db")
    with pytest.raises(Unavailable, match="unable to open") as raised, nowhere.read() as connection:
        connection.execute(text("SELECT 1"))
    assert raised.value.hint is not None
    assert "writable" in raised.value.hint
    nowhere.close()


def test_every_connection_keeps_its_promises(database: Database) -> None:
    with database.read() as connection:
        said = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
        }
    assert said == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}
