"""Reading a sitemap's bytes: XML without entities, possibly packed, or a plain list of addresses."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from xml.parsers import expat

from freehold.errors import TooLarge, UnreadableDocument

MAX_SITEMAP_BYTES = 50 * 2**20
"""The protocol's own limit, unpacked."""


@dataclass(frozen=True, slots=True)
class Sitemap:
    """What a sitemap names, as it is written there."""

    pages: tuple[str, ...]
    sitemaps: tuple[str, ...]


def is_sitemap(data: bytes) -> bool:
    """Whether these bytes look like one."""
    head = data[:2048]
    return b"<urlset" in head or b"<sitemapindex" in head


def read_sitemap(data: bytes) -> Sitemap:
    """
    Raises:
        UnreadableDocument: not a sitemap, or one with a document type or entities.
        TooLarge: larger than the protocol allows.
    """
    data = _unpacked(data)
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        lines = data.decode("utf-8", "replace").split()
        if not lines or not all(line.startswith(("http://", "https://")) for line in lines):
            raise UnreadableDocument("It is not a sitemap.")
        return Sitemap(pages=tuple(lines), sitemaps=())
    reader = _Reader()
    reader.read(data)
    return Sitemap(pages=tuple(reader.pages), sitemaps=tuple(reader.sitemaps))


def _unpacked(data: bytes) -> bytes:
    if data.startswith(b"\x1f\x8b"):
        inflater = zlib.decompressobj(wbits=31)
        try:
            data = inflater.decompress(data, MAX_SITEMAP_BYTES + 1)
        except zlib.error as error:
            raise UnreadableDocument(f"It is not packed as it should be: {error}.") from error
        if not inflater.eof and len(data) <= MAX_SITEMAP_BYTES:
            raise UnreadableDocument("It breaks off.")
    if len(data) > MAX_SITEMAP_BYTES:
        raise TooLarge(f"It has more than {MAX_SITEMAP_BYTES:,} bytes.")
    return data


class _Reader:
    """Collects `url/loc` and `sitemap/loc`, in whatever namespace."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.sitemaps: list[str] = []
        self._path: list[str] = []
        self._text: list[str] = []

    def read(self, data: bytes) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        try:
            parser.Parse(data, True)
        except (expat.ExpatError, LookupError, ValueError) as error:  # the latter: its encoding
            raise UnreadableDocument(f"It is not sound XML: {error}.") from error

    def _start(self, name: str, _attributes: object) -> None:
        local = name.rpartition(":")[2]
        if not self._path and local not in ("urlset", "sitemapindex"):
            raise UnreadableDocument(f"It is not a sitemap: it begins with <{local[:40]}>.")
        if len(self._path) > 16:
            raise UnreadableDocument("It is nested too deeply for a sitemap.")
        self._path.append(local)
        self._text.clear()

    def _characters(self, text: str) -> None:
        if self._path[-2:] in (["url", "loc"], ["sitemap", "loc"]):
            self._text.append(text)

    def _end(self, _name: str) -> None:
        found = "".join(self._text).strip()
        if found and self._path[-1] == "loc":
            (self.pages if self._path[-2] == "url" else self.sitemaps).append(found)
        self._text.clear()
        self._path.pop()

    @staticmethod
    def _refuse(*_anything: object) -> None:
        raise UnreadableDocument("It has a document type or entities, which sitemaps do not have.")
