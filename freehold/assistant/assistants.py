"""Assistants: one bot each, with its name, greeting, origins and public token.

Knows nothing of sources: who removes an assistant removes its sources first, so that indexes follow.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Column, Float, RowMapping, String, Table, Text, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from freehold.assistant.trace import traces
from freehold.errors import Conflict, InvalidInput, NotFound
from freehold.store.database import Database, metadata

DEFAULT = "default"
DEMO = "demo"

assistants = Table(
    "assistants",
    metadata,
    Column("id", String, primary_key=True),  # a slug; `default` and `demo` are made at the first start
    Column("name", Text, nullable=False),
    Column("greeting", Text, nullable=False, server_default=""),
    Column("instructions", Text, nullable=False, server_default=""),
    Column("allowed_origins", Text, nullable=False, server_default="[]"),  # JSON array of origins
    Column("accent", String),  # CSS hex colour of the widget
    Column("public_token", String, nullable=False, unique=True),  # opens a visitor's own conversations only
    Column("created_at", Float, nullable=False),
)

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Assistant:
    """One bot."""

    id: str
    name: str
    greeting: str
    instructions: str
    """Added to a generating model's policy; without one they change nothing."""
    allowed_origins: tuple[str, ...]
    """Origins of pages that may carry its widget, `scheme://host[:port]`; `*` is every page."""
    accent: str | None
    public_token: str
    created_at: float


class Assistants:
    """Assistants in the database. With `demo` off the assistant `demo` does not exist, whatever is stored."""

    def __init__(self, database: Database, *, demo: bool = True) -> None:
        self._database = database
        self._demo = demo

    def ensure(self) -> None:
        """Makes the assistants every start needs: `default`, and `demo` where it is on."""
        with self._database.write() as connection:
            there = set(connection.execute(select(assistants.c.id)).scalars())
            wanted = {DEFAULT: ("Assistant", "Hello! Ask me anything about our documentation.")}
            if self._demo:
                wanted[DEMO] = (
                    "Freehold demo",
                    "Hello! I know Freehold's own documentation. Ask me about it.",
                )
            for name, (title, greeting) in wanted.items():
                if name not in there:
                    connection.execute(insert(assistants).values(self._new_row(name, title, greeting)))

    def list(self) -> list[Assistant]:
        """All of them, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(assistants).order_by(assistants.c.created_at, assistants.c.id))
            return [made for row in rows.mappings() if self._shown((made := _assistant(row)).id)]

    def get(self, assistant_id: str) -> Assistant:
        """The assistant of this id.

        Raises:
            NotFound: there is none; the hint names those there are.
        """
        with self._database.read() as connection:
            row = (
                connection.execute(select(assistants).where(assistants.c.id == assistant_id))
                .mappings()
                .first()
            )
        if row is None or not self._shown(assistant_id):
            names = ", ".join(assistant.id for assistant in self.list())
            raise NotFound(f"There is no assistant {assistant_id[:80]!r}.", hint=f"There are: {names}.")
        return _assistant(row)

    def by_token(self, token: str) -> Assistant:
        """The assistant that a public token opens.

        Raises:
            NotFound: it opens none.
        """
        with self._database.read() as connection:
            row = (
                connection.execute(select(assistants).where(assistants.c.public_token == token))
                .mappings()
                .first()
            )
        if row is None or not self._shown(row["id"]):
            raise NotFound(
                "No assistant has this public token.", hint="Copy the widget's tag anew from the page at /."
            )
        return _assistant(row)

    def create(
        self,
        assistant_id: str,
        *,
        name: str | None = None,
        greeting: str = "",
        instructions: str = "",
        allowed_origins: Iterable[str] = (),
        accent: str | None = None,
    ) -> Assistant:
        """A new assistant with a public token of its own.

        Raises:
            InvalidInput: the id is not a slug, or an origin or the accent is malformed.
            Conflict: the id is taken.
        """
        if not _SLUG.fullmatch(assistant_id):
            raise InvalidInput(
                f"{assistant_id[:80]!r} cannot be an assistant's id.",
                hint="Use lower-case letters, digits and hyphens, at most 63.",
            )
        row = self._new_row(assistant_id, name or assistant_id, greeting) | _checked(
            {"instructions": instructions, "allowed_origins": allowed_origins, "accent": accent}
        )
        try:
            with self._database.write() as connection:
                connection.execute(insert(assistants).values(row))
        except IntegrityError:
            raise Conflict(
                f"There is already an assistant {assistant_id!r}.",
                hint="Choose another id, or change that one.",
            ) from None
        return self.get(assistant_id)

    def update(self, assistant_id: str, changes: dict[str, Any]) -> Assistant:
        """Changes any of name, greeting, instructions, allowed_origins and accent.

        Raises:
            NotFound: no such assistant.
            InvalidInput: an origin or the accent is malformed.
        """
        self.get(assistant_id)
        if checked := _checked(changes):
            with self._database.write() as connection:
                connection.execute(update(assistants).where(assistants.c.id == assistant_id).values(checked))
        return self.get(assistant_id)

    def rotate_token(self, assistant_id: str) -> Assistant:
        """A new public token; pages with the old one stop working at once."""
        self.get(assistant_id)
        with self._database.write() as connection:
            query = update(assistants).where(assistants.c.id == assistant_id)
            connection.execute(query.values(public_token=_new_token()))
        return self.get(assistant_id)

    def check_removable(self, assistant_id: str) -> None:
        """Raises NotFound for an unknown assistant, Conflict for one that every start needs."""
        self.get(assistant_id)
        if assistant_id in (DEFAULT, DEMO):
            raise Conflict(
                f"The assistant {assistant_id!r} cannot be removed.",
                hint="Set FREEHOLD_DEMO=false to stop serving the demo."
                if assistant_id == DEMO
                else "Remove its sources instead.",
            )

    def remove(self, assistant_id: str) -> None:
        """Removes it with its visitors, conversations and traces; its sources must be gone already.

        Raises:
            NotFound, Conflict: see `check_removable`.
        """
        self.check_removable(assistant_id)
        with self._database.write() as connection:
            connection.execute(delete(traces).where(traces.c.assistant_id == assistant_id))
            connection.execute(delete(assistants).where(assistants.c.id == assistant_id))

    def _shown(self, assistant_id: str) -> bool:
        return self._demo or assistant_id != DEMO

    def _new_row(self, assistant_id: str, name: str, greeting: str) -> dict[str, Any]:
        return {
            "id": assistant_id,
            "name": name,
            "greeting": greeting,
            "public_token": _new_token(),
            "created_at": time.time(),
        }


def normalised_origin(text: str) -> str:
    """An origin as browsers send it: lower case, without a default port.

    Raises:
        InvalidInput: it is not `scheme://host[:port]` with http or https.
    """
    hint = "An origin is scheme://host[:port], such as https://www.example.com; * allows every page."
    bad = InvalidInput(f"{text[:200]!r} is not an origin.", hint=hint)
    try:
        parts = urlsplit(text.strip().lower())
        port = parts.port
        host = (
            (parts.hostname or "")
            .encode("idna" if not (parts.hostname or "").isascii() else "ascii")
            .decode()
        )
    except ValueError:
        raise bad from None
    host = f"[{host}]" if ":" in host else host
    rest = parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme not in _DEFAULT_PORTS or not _HOST.fullmatch(host) or rest:
        raise bad
    return f"{parts.scheme}://{host}" + (
        f":{port}" if port not in (None, _DEFAULT_PORTS[parts.scheme]) else ""
    )


def _checked(changes: dict[str, Any]) -> dict[str, Any]:
    row = dict(changes)
    if "allowed_origins" in row:
        origins = [
            o if o == "*" else normalised_origin(o) for o in (o.strip() for o in row["allowed_origins"])
        ]
        row["allowed_origins"] = json.dumps(list(dict.fromkeys(origins)))
    if row.get("accent") is not None and not _COLOUR.fullmatch(row["accent"]):
        raise InvalidInput(
            f"{row['accent'][:40]!r} is not a colour.", hint="Give the accent as #rgb or #rrggbb."
        )
    return row


def _assistant(row: RowMapping) -> Assistant:
    return Assistant(**{**row, "allowed_origins": tuple(json.loads(row["allowed_origins"]))})


def _new_token() -> str:
    return f"pub_{secrets.token_urlsafe(18)}"
