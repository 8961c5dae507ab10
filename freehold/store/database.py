"""The database: one file, one MetaData, tables declared by their domains' store.py.

Writers are serialised by SQLite; a transaction begins IMMEDIATE, so that two writers wait for each
other instead of failing half-way. Knows nothing of what the tables mean.
"""

from __future__ import annotations

import contextlib
import sqlite3 as stdlib_sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, PoolProxiedConnection, create_engine, event
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from freehold.errors import Conflict, NoRoom, Unavailable

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every table of Freehold."""

WAL_SAFE = (3, 51, 3)
"""SQLite 3.7.0 to 3.51.2 can corrupt a WAL database when a checkpoint meets a reset (sqlite.org, 3.51.3)."""

STATEMENTS_KEPT = 32
"""Prepared statements that a connection keeps. One that names hundreds of ids takes some 50 kB, and each
number of ids makes another: with the driver's own 128, three connections came to 20 MB."""

CACHE_KB = 2_048
"""Pages of the file that a connection keeps; the system keeps them too, for all connections at once."""


def sqlite_module() -> ModuleType:
    """The newest SQLite at hand: the `pysqlite3` wheel's, or the interpreter's own."""
    try:
        import pysqlite3
    except ImportError:
        return stdlib_sqlite3
    wheel: ModuleType = pysqlite3
    return wheel if wheel.sqlite_version_info > stdlib_sqlite3.sqlite_version_info else stdlib_sqlite3


class Database:
    """Connections to one SQLite file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._module = sqlite_module()
        self._journal = "WAL" if self._module.sqlite_version_info >= WAL_SAFE else "DELETE"
        self.engine: Engine = create_engine(
            f"sqlite:///{path}",
            module=self._module,
            connect_args={"timeout": 30.0, "check_same_thread": False, "cached_statements": STATEMENTS_KEPT},
        )
        self._fetching = threading.Lock()
        self._kept: PoolProxiedConnection | None = None
        event.listen(self.engine, "connect", self._on_connect)
        event.listen(self.engine, "begin", self._on_begin)

    def _on_connect(self, connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA journal_mode={self._journal}")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.execute(f"PRAGMA cache_size=-{CACHE_KB}")
        cursor.close()

    @staticmethod
    def _on_begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql("BEGIN" if options.get("freehold_read") else "BEGIN IMMEDIATE")

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: all of it is on disk when the block ends, none of it when it raises.

        Raises:
            NoRoom: the disk is full.
        """
        with translated(), self.engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent snapshot; does not wait for writers."""
        with translated(), self.engine.connect().execution_options(freehold_read=True) as connection:
            yield connection

    def fetch(self, statement: str, parameters: Sequence[Any] = ()) -> list[Sequence[Any]]:
        """All that a statement of its own gives: for asking little and often, in a tenth of the time that
        `read` takes, on a connection kept for it."""
        with translated(), self._fetching:
            try:
                if self._kept is None:
                    self._kept = self.engine.raw_connection()
                rows: list[Sequence[Any]] = self._kept.cursor().execute(statement, parameters).fetchall()
            except self._module.Error as error:
                raise DBAPIError.instance(statement, None, error, self._module.Error) from error
        return rows

    def close(self) -> None:
        """Gives every connection back; the last one folds the WAL into the file."""
        with self._fetching:
            if self._kept is not None:
                self._kept.close()
            self._kept = None
        self.engine.dispose()


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turns SQLite's disk and file errors into ours."""
    try:
        yield
    except OperationalError as error:
        text = str(error.orig)
        if "full" in text or "disk I/O" in text:
            raise NoRoom(
                f"The database cannot be written: {text}.", hint="Free space on the data folder's disk."
            ) from error
        if "unable to open" in text or "readonly" in text:
            raise Unavailable(
                f"The database cannot be used: {text}.",
                hint="The data folder must be writable for the user that runs Freehold.",
            ) from error
        if "locked" in text:
            raise Unavailable("The database is busy.", hint="Try again.", retry_after=1) from error
        raise
    except DatabaseError as error:
        if "malformed" in str(error.orig) or "not a database" in str(error.orig):
            raise Conflict(
                f"freehold.db is damaged: {error.orig}.", hint="Put a copy from your backup in its place."
            ) from error
        raise
