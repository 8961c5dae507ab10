"""Who may do what by key: admin keys and chat keys, stored as hashes, revocable at once.

Keys are 256 random bits, so a plain SHA-256 is as good as any slow hash. Visitors' tokens live with their
conversations; hosts and origins are `web/origins.py`'s.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Column, Connection, Float, String, Table, Text, delete, insert, select, update

from freehold.config import Config
from freehold.errors import Forbidden, FreeholdError, NotFound, Unauthorized
from freehold.store.database import Database, metadata

keys = Table(
    "keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scope", String, nullable=False),  # admin | chat
    Column("key_hash", String, nullable=False, unique=True),  # SHA-256: keys are 256 random bits
    Column("created_at", Float, nullable=False),
    Column("last_used_at", Float),
)

Scope = Literal["admin", "chat"]

SETTING_KEY = "key_setting"
"""Id of the key that the setting `admin_key` names; it comes and goes with the setting."""

_NOTED_EVERY = 3600.0
"""Seconds between two writes of a key's last use."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key without the key itself, which nobody but its holder has."""

    id: str
    name: str
    scope: Scope
    created_at: float
    last_used_at: float | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: the only time it is seen."""

    id: str
    name: str
    scope: Scope
    key: str


class Keys:
    """Keys in the database, and the one of server.json that lives as long as this process."""

    def __init__(
        self, database: Database, *, start_token: str | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._start_hash = None if start_token is None else _hash(start_token)
        self._clock = clock

    def create(self, name: str, scope: Scope) -> NewKey:
        """A new key, shown this once."""
        with self._database.write() as connection:
            return _create(connection, name, scope, self._clock())

    def list(self) -> list[Key]:
        """All keys, oldest first."""
        columns = (keys.c.id, keys.c.name, keys.c.scope, keys.c.created_at, keys.c.last_used_at)
        with self._database.read() as connection:
            rows = connection.execute(select(*columns).order_by(keys.c.created_at, keys.c.id))
            return [Key(**row) for row in rows.mappings()]

    def revoke(self, key_id: str) -> None:
        """The key opens nothing from now on.

        Raises:
            NotFound: there is no such key.
        """
        with self._database.write() as connection:
            if connection.execute(delete(keys).where(keys.c.id == key_id)).rowcount == 0:
                raise NotFound(f"There is no key {key_id[:80]!r}.", hint="GET /api/v1/keys lists them.")

    def require(self, key: str | None, scope: Scope) -> None:
        """Passes when this key opens that scope; an admin key opens both.

        Raises:
            Unauthorized: no key, or one we do not know.
            Forbidden: a chat key where an admin key is needed.
        """
        if key is None:
            raise Unauthorized("This needs a key.", hint="Send it as Authorization: Bearer KEY.")
        held = self._scope(_hash(key))
        if held is None:
            raise Unauthorized("This key is not known here.", hint="It may be mistyped or revoked.")
        if held != scope and held != "admin":
            raise Forbidden("This needs an admin key; the one given is a chat key.", hint="Use an admin key.")

    def _scope(self, key_hash: str) -> Scope | None:
        if self._start_hash is not None and hmac.compare_digest(self._start_hash, key_hash):
            return "admin"
        columns = (keys.c.id, keys.c.scope, keys.c.key_hash, keys.c.last_used_at)
        with self._database.read() as connection:
            row = connection.execute(select(*columns).where(keys.c.key_hash == key_hash)).first()
        if row is None or not hmac.compare_digest(row.key_hash, key_hash):
            return None
        if row.last_used_at is None or self._clock() - row.last_used_at >= _NOTED_EVERY:
            # a full disk keeps nobody out
            with contextlib.suppress(FreeholdError), self._database.write() as connection:
                connection.execute(update(keys).where(keys.c.id == row.id).values(last_used_at=self._clock()))
        scope: Scope = row.scope
        return scope


def ensure_admin_key(
    database: Database, config: Config, *, clock: Callable[[], float] = time.time
) -> str | None:
    """Sees to it that an admin key exists; gives the key to print when it had to be made.

    The setting `admin_key` is stored (hashed) under its own id and replaced or removed as the setting is.
    """
    with database.write() as connection:
        connection.execute(delete(keys).where(keys.c.id == SETTING_KEY))
        if config.admin_key is not None:
            key_hash = _hash(config.admin_key)
            connection.execute(delete(keys).where(keys.c.key_hash == key_hash))
            connection.execute(
                insert(keys).values(
                    id=SETTING_KEY,
                    name="from the settings",
                    scope="admin",
                    key_hash=key_hash,
                    created_at=clock(),
                )
            )
            return None
        if connection.execute(select(keys.c.id).where(keys.c.scope == "admin").limit(1)).first():
            return None
        return _create(connection, "first", "admin", clock()).key


def _create(connection: Connection, name: str, scope: Scope, now: float) -> NewKey:
    made = NewKey(f"key_{secrets.token_hex(8)}", name, scope, f"fh_{scope}_{secrets.token_urlsafe(32)}")
    connection.execute(
        insert(keys).values(
            id=made.id, name=name, scope=scope, key_hash=_hash(made.key), created_at=now, last_used_at=None
        )
    )
    return made


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
