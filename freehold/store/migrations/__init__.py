"""The schema's history, hand-written. A test compares its end with the declared tables."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError

from freehold.errors import Conflict
from freehold.store.database import Database


def migrate(database: Database) -> None:
    """Brings the database to this version's schema, in one transaction.

    Raises:
        Conflict: the database was written by a newer Freehold.
    """
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
