"""The schema's history, hand-written. A test compares its end with the declared tables."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text

from freehold.errors import Conflict
from freehold.store.database import Database


def migrate(database: Database) -> None:
    """Brings the database to this version's schema, in one transaction.

    Most starts find it there already; Alembic, 10 MB and a noticeable part of a start, is then not loaded.

    Raises:
        Conflict: the database was written by a newer Freehold.
    """
    if _version(database) == newest():
        return
    from alembic import command
    from alembic.config import Config as AlembicConfig
    from alembic.util import CommandError

    settings = AlembicConfig()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    with database.write() as connection:
        settings.attributes["connection"] = connection
        try:
            command.upgrade(settings, "head")
        except CommandError as error:
            raise Conflict(
                f"The data folder was written by another version of Freehold: {error}.",
                hint="Start the version that wrote it, or put a backup in its place.",
            ) from error


def newest() -> str:
    """The revision of this version's schema: the last by its file's name, `m` and its number."""
    return max(path.name for path in (Path(__file__).parent / "versions").glob("m*.py"))[1:5]


def _version(database: Database) -> str | None:
    """The revision that the database is at; None if it was never migrated."""
    with database.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found
