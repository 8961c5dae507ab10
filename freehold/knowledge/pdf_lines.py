"""The lines of text in a PDF, with where and how they stand. Knows nothing of what they mean."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from typing import Any

from freehold.errors import UnreadableDocument
from freehold.knowledge.parsed import clean, plain

_HEADER_BYTES = 1024
_TAIL_BYTES = 2048
"""Where readers look for the file's beginning and end; PDF 1.7 asks for 1024, some writers pad."""
_MAX_BOOKMARKS = 5_000
_BOLD = re.compile(rb"bold|black|heavy|demi", re.IGNORECASE)
_NO_TITLE = re.compile(
    r"untitled|document\d*|microsoft word - .*|.*\.(?:docx?|pdf|indd|tex|odt|rtf|html?)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line as the library finds it, in its reading order."""

    text: str
    page: int
    size: float
    """Height of a letter's cell in points, scaling included; 0 when unknown."""
    bold: bool
    left: float
    right: float
    top: float
    last_top: float
    """Of its last letter: a line broken at a hyphen comes joined with the next, and so ends lower."""


@dataclass(frozen=True, slots=True)
class Pages:
    """A PDF's text."""

    lines: tuple[Line, ...]
    count: int
    title: str | None
    """As its properties say, unless that is a file's name."""
    bookmarks: dict[tuple[int, str], int]
    """Level (1 to 6) by page and `key` of the title."""


def key(text: str) -> str:
    """What a title and the line it names have in common: letters and digits, a number in front left off."""
    return "".join(re.findall(r"\w+", re.sub(r"^[\s\d.]+(?=\D)", "", text.lower())))


def read_pages(data: bytes) -> Pages:
    """
    Raises:
        UnreadableDocument: it is no PDF, encrypted, cut short, damaged, or holds pictures instead of text.
    """
    if b"%PDF-" not in data[:_HEADER_BYTES]:
        raise UnreadableDocument("It is not a PDF file, though its name says so.")
    import pypdfium2 as pdfium
    import pypdfium2.raw as raw

    complete = b"startxref" in data[-_TAIL_BYTES:] or b"%%EOF" in data[-_TAIL_BYTES:]
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
            raise UnreadableDocument(
                "It is encrypted: a password is needed to open it.", hint="Save a copy without a password."
            ) from None
        raise _damaged(complete) from None
    try:
        if not complete:
            raise _damaged(complete)
        lines: list[Line] = []
        pages = len(document)
        for number in range(pages):
            try:
                page = document[number]
                letters = page.get_textpage()
            except pdfium.PdfiumError:
                raise UnreadableDocument(f"Page {number + 1} of {pages} is damaged.") from None
            lines += _page_lines(letters, raw, number)
            letters.close()
            page.close()
        if not lines:
            raise _wordless(document, raw, pages)
        return Pages(tuple(lines), pages, _title(document), _bookmarks(document))
    finally:
        document.close()


def _damaged(complete: bool) -> UnreadableDocument:
    if complete:
        return UnreadableDocument("It is damaged: its structure cannot be read.", hint="Save it anew as PDF.")
    return UnreadableDocument(
        "It is cut short: the end of the file is missing.", hint="Copy or download it again."
    )


def _wordless(document: Any, raw: Any, pages: int) -> UnreadableDocument:
    pictures = any(
        True
        for number in range(min(pages, 5))
        for _ in document[number].get_objects([raw.FPDF_PAGEOBJ_IMAGE])
    )
    many = f"{pages} page" + "s" * (pages != 1)
    if pictures:
        return UnreadableDocument(
            f"It holds no text: its {many} are pictures, as scanners make them.",
            hint="Run text recognition (OCR) over it and add the result.",
        )
    return UnreadableDocument(f"It holds no text on its {many}.")


def _page_lines(letters: Any, raw: Any, page: int) -> list[Line]:
    text = letters.get_text_range()
    box = raw.FS_RECTF()
    lines: list[Line] = []
    at = 0
    for part in re.split(r"(\r\n|\r|\n)", text):
        start, at = at, at + len(part)
        words = part.strip()
        if not words:
            continue
        first = start + len(part) - len(part.lstrip())
        last = start + len(part.rstrip()) - 1
        size = left = right = top = last_top = 0.0
        if raw.FPDFText_GetLooseCharBox(letters.raw, first, ctypes.byref(box)):
            size, left, right, top = round(box.top - box.bottom, 1), box.left, box.right, box.top
            last_top = top
        if raw.FPDFText_GetLooseCharBox(letters.raw, last, ctypes.byref(box)):
            right, last_top = max(right, box.right), min(top, box.top)
        bold = _is_bold(letters, raw, first) and _is_bold(letters, raw, last)
        lines.append(Line(words, page, size, bold, left, right, top, last_top))
    return lines


def _is_bold(letters: Any, raw: Any, index: int) -> bool:
    name = ctypes.create_string_buffer(128)
    raw.FPDFText_GetFontInfo(letters.raw, index, name, len(name), None)
    return _BOLD.search(name.value) is not None


def _bookmarks(document: Any) -> dict[tuple[int, str], int]:
    found: dict[tuple[int, str], int] = {}
    for n, mark in enumerate(document.get_toc(max_depth=6)):
        if n >= _MAX_BOOKMARKS:
            break
        destination = mark.get_dest()
        page = destination.get_index() if destination else None
        words = key(mark.get_title() or "")
        if page is not None and words:
            found[page, words] = min(mark.level + 1, 6)
    return found


def _title(document: Any) -> str | None:
    words = plain(clean(document.get_metadata_value("Title") or ""))
    return words if len(words) > 2 and not _NO_TITLE.fullmatch(words) else None
