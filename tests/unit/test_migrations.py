"""The hand-written migrations end in exactly the declared tables."""

from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

import freehold.app  # declares every table
from freehold.store import migrations
from freehold.store.database import Database, metadata
from freehold.store.migrations import migrate, newest


def described(database: Database) -> dict[str, object]:
    inspector = inspect(database.engine)
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            },
            "key": inspector.get_pk_constraint(table)["constrained_columns"],
            "foreign": sorted(str(key) for key in inspector.get_foreign_keys(table)),
            "unique": sorted(str(unique) for unique in inspector.get_unique_constraints(table)),
            "indexes": sorted(str(index) for index in inspector.get_indexes(table)),
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def test_migrations_end_in_the_declared_tables(tmp_path: Path) -> None:
    assert freehold.app
    migrated, declared = Database(tmp_path / "migrated.db"), Database(tmp_path / "declared.db")
    migrate(migrated)
    metadata.create_all(declared.engine)
    assert described(migrated) == described(declared)
    migrated.close()
    declared.close()


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "freehold.db")
    migrate(database)
    before = described(database)
    migrate(database)
    assert described(database) == before
    database.close()


def test_the_newest_revision_is_the_last_one_of_the_history() -> None:
    assert newest() == ScriptDirectory(str(Path(migrations.__file__).parent)).get_current_head()


def test_a_database_of_this_version_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(tmp_path / "freehold.db")
    migrate(database)
    monkeypatch.delattr(command, "upgrade")
    migrate(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with pytest.raises(AttributeError, match="upgrade"):
        migrate(database)
    database.close()
