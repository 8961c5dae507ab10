"""A database with jobs, as the tests of this folder begin."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from freehold.store.database import Database
from freehold.store.jobs import Jobs
from freehold.store.migrations import migrate


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "freehold.db")
    migrate(made)
    yield made
    made.close()


@pytest.fixture
def jobs(database: Database) -> Jobs:
    ticks = iter(range(1, 100_000))
    return Jobs(database, clock=lambda: float(next(ticks)))
