"""DOCX: a zip of XML, checked before anything in it is believed, then read by way of HTML."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator

from freehold.errors import UnreadableDocument
from freehold.knowledge.parse_html import add_html
from freehold.knowledge.parsed import Draft, Parsed, one_line, plain

_MAX_ENTRIES = 5_000
_MAX_BYTES = 256 * 2**20
"""All parts unpacked; a thousand pages with pictures stay below."""
_MAX_XML_BYTES = 48 * 2**20
"""The parts that hold the words, unpacked: they take about fifteen times that in memory to read."""
_MAX_RATIO = 200
"""Unpacked to packed size of the whole file; text of long tables packs about 1:50."""
_SMALL_BYTES = 8 * 2**20
"""Unpacked, below which the ratio does not matter."""
_READ_BYTES = 2**16
_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => p:fresh
p[style-name='Quote'] => blockquote > p:fresh
p[style-name='Intense Quote'] => blockquote > p:fresh
p[style-name='HTML Preformatted'] => pre:separator('\\n')
p[style-name='Code'] => pre:separator('\\n')
"""
_TITLE = re.compile(r"<dc:title>([^<]{1,500})</dc:title>")


def parse_docx(data: bytes, fallback: str) -> Parsed:
    """
    Raises:
        UnreadableDocument: not a DOCX, encrypted, cut short, a zip bomb, XML with a document type (entities
            are never resolved), or no text.
    """
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableDocument(
            "It is encrypted, or an old Word file (.doc).", hint="Save it as .docx without a password."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            core = _checked(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise UnreadableDocument(
            f"It is not a DOCX file, or is damaged or cut short ({one_line(str(error))[:100]}).",
            hint="Copy or save it again.",
        ) from None
    draft = Draft()
    add_html(draft, _html(data))
    if not draft.entries:
        raise UnreadableDocument("It holds no text.")
    found = _TITLE.search(core)
    return draft.finish(_own_title(draft) or (plain(found[1]) if found else None), fallback)


def _own_title(draft: Draft) -> str | None:
    return next((text for kind, level, text in draft.entries if kind == "heading" and level == 1), None)


def _html(data: bytes) -> str:
    import mammoth

    try:
        result = mammoth.convert_to_html(
            io.BytesIO(data),
            style_map=_STYLES,
            convert_image=mammoth.images.img_element(lambda image: {}),
            external_file_access=False,
        )
    except MemoryError:
        raise
    except Exception as error:  # a foreign file can fail it at any place, with any error
        raise UnreadableDocument(
            f"Its content is not what a DOCX holds ({type(error).__name__}).", hint="Save it again."
        ) from None
    return str(result.value)


def _checked(archive: zipfile.ZipFile) -> str:
    """Holds sizes against the caps, first as declared, then as unpacked, piece by piece; gives the XML of
    the document's properties."""
    entries = archive.infolist()
    declared = sum(entry.file_size for entry in entries)
    packed = max(sum(entry.compress_size for entry in entries), 1)
    if len(entries) > _MAX_ENTRIES or declared > _MAX_BYTES:
        raise _bomb()
    if declared > _SMALL_BYTES and declared > packed * _MAX_RATIO:
        raise _bomb()
    if any(entry.flag_bits & 1 for entry in entries):
        raise UnreadableDocument("It is encrypted.", hint="Save a copy without a password.")
    if "word/document.xml" not in archive.namelist():
        raise UnreadableDocument("It is a zip file, but no DOCX: it has no word/document.xml.")
    total = xml_total = 0
    core = ""
    for entry in entries:
        is_xml = entry.filename.lower().endswith((".xml", ".rels"))
        head = b""
        for piece in _pieces(archive, entry):
            total += len(piece)
            xml_total += len(piece) if is_xml else 0
            if total > _MAX_BYTES or (total > _SMALL_BYTES and total > packed * _MAX_RATIO):
                raise _bomb()
            if xml_total > _MAX_XML_BYTES:
                raise UnreadableDocument(
                    f"Its text takes more than {_MAX_XML_BYTES // 2**20} MB unpacked.", hint="Split it."
                )
            if is_xml and _has_doctype(head[-64:] + piece):
                raise UnreadableDocument(
                    "It declares a document type or entities, which no word processor does; refused."
                )
            head = (head + piece)[-_READ_BYTES:]
        if entry.filename == "docProps/core.xml":
            core = head.decode("utf-8", "replace")
    return core


def _bomb() -> UnreadableDocument:
    return UnreadableDocument(
        "It would unpack to far more than a document holds (a “zip bomb”); it was not unpacked.",
        hint="Save it anew from a word processor, without embedded files.",
    )


def _pieces(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(entry) as stream:
        while piece := stream.read(_READ_BYTES):
            yield piece


def _has_doctype(xml: bytes) -> bool:
    """Also in UTF-16, where every other byte is zero."""
    plain_bytes = xml.replace(b"\x00", b"")
    return b"<!DOCTYPE" in plain_bytes or b"<!ENTITY" in plain_bytes
