"""Reading one document: from its origin's bytes to passages, or to the reason why not."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from freehold.errors import FreeholdError, NoRoom, NotFound, TooLarge, UnreadableDocument
from freehold.knowledge.chunk import Chunk, chunk
from freehold.knowledge.origin import Content, Item, Known, Origin
from freehold.knowledge.parsed import Parsed

log = logging.getLogger(__name__)

OF_ITS_CONTENT = frozenset({UnreadableDocument.code, TooLarge.code})
"""Codes of failures that lie in the document as it is now; others may pass, so what was read stays."""


class Parser(Protocol):
    """What makes text of bytes: `parser_pool.ParserPool`. Called from several threads."""

    def parse(
        self, name: str, data: bytes, media_type: str | None = None, *, include_root: Path | None = None
    ) -> Parsed:
        """
        Raises:
            UnreadableDocument: with the reason.
        """
        ...


@dataclass(frozen=True, slots=True)
class Read:
    """What reading a document came to."""

    location: str
    known: Known | None
    content_hash: str = ""
    size: int = 0
    modified_ns: int | None = None
    etag: str | None = None
    title: str = ""
    text: str = ""
    chunks: tuple[Chunk, ...] = ()
    error: FreeholdError | None = None
    same: bool = False
    """Its content is what is known: at most its stamps changed, or it could not be read this time."""
    gone: bool = False
    """It is not there any more."""

    @property
    def to_write(self) -> bool:
        """Whether the store has to learn anything of it."""
        if self.gone:
            return False
        if not self.same or self.known is None:
            return True
        stamps = (self.modified_ns, self.etag) == (self.known.modified_ns, self.known.etag)
        return not stamps or (None if self.error is None else self.error.message) != self.known.error

    @property
    def is_fragment(self) -> bool:
        """Whether it is no document of its own, but may be part of others."""
        return not self.same and not self.gone and self.error is None and not self.chunks


class Reader:
    """Reads the documents of one origin. Safe to use from several threads if the origin is."""

    def __init__(self, origin: Origin, parser: Parser, include_root: Path | None) -> None:
        self._origin = origin
        self._parser = parser
        self._include_root = include_root

    def untouched(self, item: Item, known: Known | None) -> Read | None:
        """What is known, where the origin's listing alone says that it still holds.

        A document that could not be read this time has no stamp, so it is tried again.
        """
        if known is None or item.modified_ns is None:
            return None
        if (item.size, item.modified_ns) != (known.size, known.modified_ns):
            return None
        return same(item, known, known.modified_ns, known.etag)

    def read(self, item: Item, known: Known | None, *, again: bool = False) -> Read:
        """A document as it is now; `again` parses it even if its bytes are what they were.

        Raises:
            NoRoom: the disk is full. Every other failure is in what it returns.
        """
        try:
            content = self._origin.read(item, None if again else known)
        except NotFound as error:
            return Read(item.location, known, error=error, gone=True)
        except FreeholdError as error:
            return failed(item, known, error)
        if content is None:
            assert known is not None
            return same(item, known, known.modified_ns, known.etag)
        return digest(self._parser, item, known, content, include_root=self._include_root, again=again)

    def mentions(self, item: Item) -> bytes | None:
        """The bytes of a document that includes others, or None when it does not (or cannot be read)."""
        try:
            content = self._origin.read(item, None)
        except FreeholdError:
            return None
        return content.data if content is not None and b"include" in content.data.lower() else None


def digest(
    parser: Parser,
    item: Item,
    known: Known | None,
    content: Content,
    *,
    include_root: Path | None = None,
    again: bool = False,
) -> Read:
    """What a document's bytes come to; `again` parses them even if they are what they were.

    Raises:
        NoRoom: the disk is full. Every other failure is in what it returns.
    """
    content_hash = hashlib.sha256(content.data).hexdigest()
    if known is not None and not again and known.content_hash == content_hash:
        return same(item, known, content.modified_ns, content.etag)
    read = Read(
        item.location,
        known,
        content_hash=content_hash,
        size=len(content.data),
        modified_ns=content.modified_ns,
        etag=content.etag,
    )
    try:
        parsed = parser.parse(content.name, content.data, content.media_type, include_root=include_root)
    except UnreadableDocument as error:
        return replace(read, error=error)
    except NoRoom:
        raise
    except FreeholdError as error:
        return failed(item, known, error)
    try:
        chunks = tuple(chunk(parsed))
    except Exception:
        log.exception("%s cannot be cut into passages", item.location)
        return replace(read, error=UnreadableDocument("It cannot be cut into passages."))
    return replace(read, title=parsed.title, text=parsed.text, chunks=chunks)


def same(item: Item, known: Known, modified_ns: int | None, etag: str | None) -> Read:
    """As it is known: also that it could not be read as it is."""
    error = UnreadableDocument(known.error or "") if known.error_code == UnreadableDocument.code else None
    return Read(item.location, known, modified_ns=modified_ns, etag=etag, error=error, same=True)


def failed(item: Item, known: Known | None, error: FreeholdError) -> Read:
    """It could not be read; what was read before stands, unless the fault lies in what it holds now."""
    if known is None or error.code in OF_ITS_CONTENT:
        return Read(item.location, known, size=item.size or 0, error=error)
    return Read(item.location, known, etag=known.etag, error=error, same=True)
