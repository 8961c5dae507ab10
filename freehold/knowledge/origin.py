"""Where documents are read from, as ingest sees it. Folders: `folder.py`; the web: `crawl.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from freehold.errors import FreeholdError


@dataclass(frozen=True, slots=True)
class Item:
    """A document that an origin has, before it is read."""

    location: str
    """Path within the source, or URL: what names the document in it."""
    size: int | None = None
    """Bytes, where that is known without reading."""
    modified_ns: int | None = None
    """When it was last changed, where that is known without reading and can be relied on."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What an origin has now."""

    items: tuple[Item, ...]
    """Each location once."""
    failures: tuple[tuple[str, FreeholdError], ...] = ()
    """Places that could not be looked into, and why."""
    unseen: tuple[str, ...] = ()
    """Prefixes of locations that could not be looked at: documents known there are kept."""
    skipped: int = 0
    """Files of kinds that are not read, pages of other hosts."""
    deleted: bool = False
    """There are no items because what was named has been deleted, not because a disk is missing."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the last sync knew of a document."""

    id: int
    size: int
    modified_ns: int | None
    content_hash: str
    etag: str | None
    error: str | None
    error_code: str | None


@dataclass(frozen=True, slots=True)
class Content:
    """A document's bytes."""

    data: bytes
    name: str
    """By whose ending the format is told."""
    media_type: str | None = None
    """The format, where the other side says it."""
    modified_ns: int | None = None
    etag: str | None = None
    """What a later conditional request sends: header name, colon, value."""


class Origin(Protocol):
    """One source's documents, wherever they are."""

    def listing(self, stopping: Callable[[], bool]) -> Listing:
        """What is there now.

        Raises:
            FreeholdError: it cannot be looked at as a whole; nothing may be concluded about any document.
        """
        ...

    def read(self, item: Item, known: Known | None) -> Content | None:
        """A document's bytes, or None when it is still as it was known.

        Raises:
            NotFound: it is gone.
            UnreadableDocument: it is there, and as it is now it will not be read.
            FreeholdError: it could not be read this time.
        """
        ...


@dataclass(slots=True)
class SyncReport:
    """What a sync did, in documents."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    skipped: int = 0
    """Files of kinds that are not read; of a site, every page that is no document of its own."""
    left_out: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of a site: `{reason: {count, why, examples}}` of the pages that were skipped."""
    failed: list[dict[str, str]] = field(default_factory=list)
    """`{document, code, reason}` of each that could not be read; the reason ends with what to do."""

    def fail(self, location: str, error: FreeholdError) -> None:
        """Notes a document that could not be read."""
        reason = f"{error.message} {error.hint}" if error.hint else error.message
        self.failed.append({"document": location, "code": error.code, "reason": reason})
