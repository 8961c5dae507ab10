"""What knowledge comes from: folders, files, pages, sitemaps, uploads."""

from __future__ import annotations

import json
import os
import re
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import Row, delete, func, insert, select, update

from freehold.errors import InvalidInput, NotFound
from freehold.knowledge.options import SiteOptions
from freehold.knowledge.store import documents, passages, record_changes, sources
from freehold.store.database import Database

Kind = Literal["folder", "file", "page", "sitemap", "site", "upload"]

WEB = frozenset(["page", "sitemap", "site"])
"""Kinds that are read from other hosts."""

SITEMAP = re.compile(r"sitemap[^/]*\.xml(\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """A source as it stands."""

    id: int
    assistant_id: str
    kind: Kind
    location: str
    """An absolute path or a URL."""
    title: str
    state: Literal["new", "syncing", "ready", "failed"]
    error: str | None
    """Why the last sync failed as a whole."""
    documents: int
    passages: int
    failed: int
    """Documents that the last sync could not read."""
    created_at: float
    synced_at: float | None
    """When it was last read with success."""
    options: SiteOptions
    """Of a site."""


def detect(location: str) -> tuple[Kind, str]:
    """The kind of a source and the one way in which its location is written.

    Looks at the disk for paths, never at the network: whether a URL may be fetched is asked when it is.

    Raises:
        InvalidInput: neither a path that is a file or folder nor an http(s) URL.
        NotFound: nothing stands at that path.
    """
    if not location.strip() or "\0" in location:
        raise InvalidInput("A source needs a path or a web address.")
    if re.match(r"[a-z][a-z0-9+.-]+:", location, re.IGNORECASE) and not Path(location).exists():
        url = normal_url(location)
        return ("sitemap" if SITEMAP.search(urlsplit(url).path) else "page"), url
    if not Path(location).is_absolute():
        raise InvalidInput(f"{location} is not an absolute path.", hint="Write it from the root: /…")
    path = Path(os.path.normpath(location))
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise NotFound(f"There is no file or folder at {path}.", hint="Look at the spelling.") from None
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} cannot be looked at: {error}.") from None
    if stat.S_ISDIR(mode):
        return "folder", str(path)
    if stat.S_ISREG(mode):
        return "file", str(path)
    raise InvalidInput(f"{path} is neither a file nor a folder.")


def normal_url(url: str) -> str:
    """The URL with scheme and host in lower case, without fragment or default port.

    Raises:
        InvalidInput: not an http(s) URL with a host, or one that carries a name or password.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidInput(f"{url} is not a web address: {error}.") from None
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https"):
        raise InvalidInput(
            f"Addresses that begin with {scheme}: are not read.", hint="Give a path, or an http(s) address."
        )
    if not host:
        raise InvalidInput(f"{url} names no host.")
    if "@" in parts.netloc:
        raise InvalidInput("A web address with a name or password in it is not read.")
    shown = f"[{host}]" if ":" in host else host
    if port is not None and port != {"http": 80, "https": 443}[scheme]:
        shown = f"{shown}:{port}"
    return urlunsplit((scheme, shown, parts.path or "/", parts.query, ""))


class Sources:
    """The sources in the database. Reading them is `ingest.Ingest`'s."""

    def __init__(
        self,
        database: Database,
        *,
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`changed` is called after passages were removed: the indexes have something to apply."""
        self._database = database
        self._changed = changed
        self._clock = clock

    def add(
        self,
        location: str,
        assistant_id: str = "default",
        *,
        title: str | None = None,
        upload: bool = False,
        site: SiteOptions | None = None,
    ) -> Source:
        """A new source, or the assistant's own one of that location; `upload` marks a folder of ours.

        `site` makes a web address the start of a site; a page that was added before becomes one.

        Raises:
            InvalidInput: not a location that can be read, or no site where one is asked for.
            NotFound: nothing stands there, or no such assistant.
        """
        kind, place = detect(location)
        if upload:
            kind = "upload"
        if site is not None:
            if kind not in ("page", "sitemap"):
                raise InvalidInput(
                    f"{place} is not a web address, so it is no site.", hint="Give an http(s) address."
                )
            if kind == "sitemap":
                raise InvalidInput(
                    f"{place} is a sitemap; a site is read from its start page.",
                    hint="Give the address of the start page, or add the sitemap without following links.",
                )
            kind = "site"
        with self._database.write() as connection:
            known = connection.execute(
                select(sources.c.id, sources.c.options).where(
                    sources.c.assistant_id == assistant_id, sources.c.location == place
                )
            ).first()
            if known is not None:
                values: dict[str, Any] = {"title": title} if title else {}
                if site is not None:
                    options = SiteOptions.of(json.loads(known.options)).changed(site)
                    values |= {"kind": kind, "options": json.dumps(options.given)}
                if values:
                    connection.execute(update(sources).where(sources.c.id == known.id).values(values))
                source_id = known.id
            else:
                exists = connection.exec_driver_sql("SELECT 1 FROM assistants WHERE id = ?", (assistant_id,))
                if exists.first() is None:
                    raise NotFound(f"There is no assistant {assistant_id!r}.")
                source_id = connection.execute(
                    insert(sources)
                    .values(
                        assistant_id=assistant_id,
                        kind=kind,
                        location=place,
                        title=title or default_title(kind, place),
                        state="new",
                        options=json.dumps({} if site is None else site.given),
                        created_at=self._clock(),
                    )
                    .returning(sources.c.id)
                ).scalar_one()
        return self.get(source_id)

    def get(self, source_id: int) -> Source:
        """
        Raises:
            NotFound: no such source.
        """
        found = self._select(sources.c.id == source_id)
        if not found:
            raise NotFound(f"There is no source {source_id}.", hint="`freehold sources` lists them.")
        return found[0]

    def list(self, assistant_id: str | None = None) -> list[Source]:
        """In the order in which they were added."""
        return list(self._select(None if assistant_id is None else sources.c.assistant_id == assistant_id))

    def change(
        self, source_id: int, *, title: str | None = None, options: SiteOptions | None = None
    ) -> Source:
        """Names it, or says anew how a site is crawled.

        Raises:
            NotFound: no such source.
            InvalidInput: options of what is no site.
        """
        source = self.get(source_id)
        values: dict[str, Any] = {} if title is None else {"title": title}
        if options is not None and options.given:
            if source.kind != "site":
                raise InvalidInput(
                    f"Source {source_id} is a {source.kind}; only a site has pages, depth and delay.",
                    hint=f"`freehold add {source.location} --site` makes a site of a page.",
                )
            values["options"] = json.dumps(source.options.changed(options).given)
        if values:
            with self._database.write() as connection:
                connection.execute(update(sources).where(sources.c.id == source_id).values(values))
        return self.get(source_id)

    def remove(self, source_id: int) -> None:
        """Removes it with its documents, passages and vectors, from every index. Files on disk stay.

        Raises:
            NotFound: no such source.
        """
        with self._database.write() as connection:
            gone = connection.execute(select(passages.c.id).where(passages.c.source_id == source_id))
            record_changes(connection, list(gone.scalars()), source_id=source_id, removed=True)
            if not connection.execute(delete(sources).where(sources.c.id == source_id)).rowcount:
                raise NotFound(f"There is no source {source_id}.", hint="`freehold sources` lists them.")
        self._changed()

    def _select(self, condition: Any) -> tuple[Source, ...]:
        def number(table: Any, *conditions: Any) -> Any:
            return (
                select(func.count())
                .select_from(table)
                .where(table.c.source_id == sources.c.id, *conditions)
                .scalar_subquery()
            )

        query = select(
            sources,
            number(documents).label("documents"),
            number(passages).label("passages"),
            number(documents, documents.c.error.is_not(None)).label("failed"),
        ).order_by(sources.c.id)
        if condition is not None:
            query = query.where(condition)
        with self._database.read() as connection:
            return tuple(_source(row) for row in connection.execute(query))


def default_title(kind: Kind, location: str) -> str:
    """What a source is called until someone names it."""
    if kind in WEB:
        parts = urlsplit(location)
        return parts.netloc + (parts.path if kind != "sitemap" and parts.path != "/" else "")
    if kind == "upload":
        return "Uploaded files"
    return Path(location).name or location


def _source(row: Row[Any]) -> Source:
    return Source(
        id=row.id,
        assistant_id=row.assistant_id,
        kind=row.kind,
        location=row.location,
        title=row.title,
        state=row.state,
        error=row.error,
        documents=row.documents,
        passages=row.passages,
        failed=row.failed,
        created_at=row.created_at,
        synced_at=row.synced_at,
        options=SiteOptions.of(json.loads(row.options)),
    )
