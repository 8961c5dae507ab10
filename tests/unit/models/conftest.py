"""What the tests of the registry share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from freehold.models.registry import Registry
from freehold.store.database import Database
from freehold.store.migrations import migrate
from freehold.testing import FakeClock


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty one of this version."""
    database = Database(tmp_path / "freehold.db")
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def registry(database: Database, tmp_path: Path) -> Registry:
    """One without models."""
    return Registry(database, tmp_path / "models", clock=FakeClock())
