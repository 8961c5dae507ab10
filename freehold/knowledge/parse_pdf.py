"""PDF: its text in reading order. A PDF knows only where letters stand; headings, paragraphs and lists are
guessed from sizes, gaps and bullets, and tables are not found."""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from freehold.errors import UnreadableDocument
from freehold.knowledge.parsed import Draft, Parsed, clean, one_line, plain

_HEADER_BYTES = 1024
_TAIL_BYTES = 2048
"""Where readers look for the file's beginning and end; PDF 1.7 asks for 1024, some writers pad."""
_HEADING_SIZE = 1.12
_HEADING_CHARS = 120
_EDGE_LINES = 3
"""Lines at a page's top and bottom among which a repeated one counts as a running header or footer."""
_NEAR_LINES = 5
_BULLET = re.compile(r"(?:[•‣▪●○◦■□➢\uf0b7\uf0a7–*-]|\d{1,3}[.)]|[a-z]\))\s+(?=\S)")
_MARK = re.compile(r"^[•‣▪●○◦■□➢\uf0b7\uf0a7–*-]\s+")
_BROKEN = re.compile("(\\w*)[\x02\ufffe]\\s*(\\w*)")
"""Two parts of a word: the library marks a hyphen at a line's end so."""
_BOLD = re.compile(rb"bold|black|heavy|demi", re.IGNORECASE)
_NO_TITLE = re.compile(r"untitled|document\d*|microsoft word - .*|.*\.(?:docx?|pdf|indd|tex|odt|rtf)", re.I)


@dataclass(frozen=True, slots=True)
class _Line:
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


def parse_pdf(data: bytes, fallback: str) -> Parsed:
    """
    Raises:
        UnreadableDocument: it is encrypted, cut short, damaged, or holds pictures instead of text.
    """
    if b"%PDF-" not in data[:_HEADER_BYTES]:
        raise UnreadableDocument("It is not a PDF file, though its name says so.")
    lines, marks, title, pages = _lines(data)
    lines = _without_running(lines, pages)
    draft = Draft()
    if not lines:
        raise UnreadableDocument("It holds no text besides page headers.")
    _Layout(lines, marks, pages).write(draft)
    return draft.finish(title, fallback)


def _lines(data: bytes) -> tuple[list[_Line], dict[tuple[int, str], int], str | None, int]:
    """All lines of text; the bookmarks' titles by page with their level; the title; the number of pages."""
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
        lines: list[_Line] = []
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
        return lines, _bookmarks(document), _title(document), pages
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


def _page_lines(letters: Any, raw: Any, page: int) -> list[_Line]:
    text = letters.get_text_range()
    box = raw.FS_RECTF()
    lines: list[_Line] = []
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
        lines.append(_Line(words, page, size, bold, left, right, top, last_top))
    return lines


def _is_bold(letters: Any, raw: Any, index: int) -> bool:
    name = ctypes.create_string_buffer(128)
    raw.FPDFText_GetFontInfo(letters.raw, index, name, len(name), None)
    return _BOLD.search(name.value) is not None


def _bookmarks(document: Any) -> dict[tuple[int, str], int]:
    found: dict[tuple[int, str], int] = {}
    for n, mark in enumerate(document.get_toc(max_depth=6)):
        if n >= 5000:
            break
        destination = mark.get_dest()
        page = destination.get_index() if destination else None
        words = _key(mark.get_title() or "")
        if page is not None and words:
            found[page, words] = min(mark.level + 1, 6)
    return found


def _title(document: Any) -> str | None:
    words = plain(clean(document.get_metadata_value("Title") or ""))
    return words if len(words) > 2 and not _NO_TITLE.fullmatch(words) else None


def _key(text: str) -> str:
    return "".join(re.findall(r"\w+", text.lower()))


def _without_running(lines: Sequence[_Line], pages: int) -> list[_Line]:
    """Without lines that stand, numbers aside, at the edge of most pages (of two: of both, alike)."""
    if pages < 2:
        return list(lines)
    by_page: dict[int, list[int]] = {}
    for n, line in enumerate(lines):
        by_page.setdefault(line.page, []).append(n)
    edges: dict[int, str] = {}
    for numbers in by_page.values():
        numbers.sort(key=lambda n: -lines[n].top)
        for n in {*numbers[:_EDGE_LINES], *numbers[-_EDGE_LINES:]}:
            edges[n] = re.sub(r"\d+", "#", one_line(lines[n].text).lower())
    counts = Counter(key for page in by_page.values() for key in {edges[n] for n in page if n in edges})
    running = {key for key, count in counts.items() if count >= max(2, len(by_page) * 0.6)}
    return [line for n, line in enumerate(lines) if edges.get(n) not in running]


class _Layout:
    """Guesses what the lines of one document are."""

    def __init__(self, lines: Sequence[_Line], marks: dict[tuple[int, str], int], pages: int) -> None:
        self._lines = lines
        self._pages = pages
        weights: Counter[float] = Counter()
        for line in lines:
            weights[line.size] += len(line.text)
        self._body = weights.most_common(1)[0][0]
        self._leading = self._usual_leading()
        self._words = {word for line in lines for word in re.findall(r"\w+(?:-\w+)+", line.text.lower())}
        self._levels = self._headings(marks)

    def write(self, draft: Draft) -> None:
        """Adds headings, paragraphs and lists. Without any heading, each page gets one: "Page 3"."""
        by_page = not self._levels and self._pages > 1
        page = -1
        group: list[int] = []
        for n, line in enumerate(self._lines):
            if by_page and line.page != page:
                self._flush(draft, group)
                page = line.page
                draft.heading(2, f"Page {page + 1}")
            if n in self._levels:
                joined = bool(group) and n - 1 in self._levels and self._levels[n - 1] == self._levels[n]
                if not joined or self._gap(n):
                    self._flush(draft, group)
                group.append(n)
            elif group and (group[-1] in self._levels or self._begins_block(n, group)):
                self._flush(draft, group)
                group.append(n)
            else:
                group.append(n)
        self._flush(draft, group)

    def _headings(self, marks: dict[tuple[int, str], int]) -> dict[int, int]:
        """Levels of the lines that are headings: bookmarked, larger than the body, or bold by themselves;
        the last line of a document, or a run of such lines with nothing under it, heads nothing."""
        levels: dict[int, int] = {}
        candidates: dict[int, tuple[float, bool]] = {}
        for n, line in enumerate(self._lines):
            if (level := marks.get((line.page, _key(line.text)))) is not None:
                levels[n] = level
            elif self._looks_like_heading(n):
                candidates[n] = (line.size, line.bold)
        if len(candidates) <= len(self._lines) * 0.4:
            order = sorted(set(candidates.values()), reverse=True)
            if not levels:
                levels = {n: min(order.index(look) + 1, 4) for n, look in candidates.items()}
        for n in sorted(levels, reverse=True):
            if n + 1 >= len(self._lines):
                del levels[n]
        return levels

    def _looks_like_heading(self, n: int) -> bool:
        line = self._lines[n]
        words = line.text
        if not 2 < len(words) <= _HEADING_CHARS or not any(map(str.isalpha, words)):
            return False
        if words.endswith((".", ",", ";", ":", "\x02")) and not re.match(r"\d", words):
            return False
        if self._body and line.size >= self._body * _HEADING_SIZE:
            return True
        following = self._lines[n + 1] if n + 1 < len(self._lines) else None
        alone = n == 0 or self._gap(n) or self._lines[n - 1].page != line.page
        return (
            line.bold
            and len(words) <= 80
            and line.size >= self._body * 0.98
            and alone
            and following is not None
            and not following.bold
        )

    def _usual_leading(self) -> float:
        steps = Counter(
            round(above.last_top - below.top, 0)
            for above, below in zip(self._lines, self._lines[1:], strict=False)
            if above.page == below.page and 0 < above.last_top - below.top < 4 * max(below.size, 1)
            if below.size == self._body
        )
        return steps.most_common(1)[0][0] if steps else 0.0

    def _gap(self, n: int) -> bool:
        """Whether more than the usual space stands above a line."""
        above, line = self._lines[n - 1], self._lines[n]
        step = above.last_top - line.top
        usual = self._leading * max(line.size, above.size) / self._body if self._body else 0
        return above.page == line.page and usual > 0 and step > usual * 1.35

    def _begins_block(self, n: int, group: list[int]) -> bool:
        """Whether a line that is no heading starts a new paragraph or list."""
        above, line = self._lines[n - 1], self._lines[n]
        in_list = _BULLET.match(self._lines[group[0]].text) is not None
        bullet = _BULLET.match(line.text) is not None
        if bullet:
            return not in_list
        ended = above.text.endswith((".", "!", "?", ":", "。"))
        if above.page != line.page or line.top > above.last_top:
            return ended or not line.text[:1].islower()
        if self._gap(n) or abs(line.size - above.size) > 0.1 * max(above.size, 1):
            return True
        if in_list:
            return line.left <= self._lines[group[0]].left - 1
        return ended and self._meant(n)

    def _meant(self, n: int) -> bool:
        """Whether the line before was ended on purpose: this one's first word would have fitted on it."""
        above, line = self._lines[n - 1], self._lines[n]
        if above.page != line.page or line.top >= above.last_top:
            return False
        word = len(line.text.split(maxsplit=1)[0]) + 1
        width = word * (line.right - line.left) / max(len(line.text), 1)
        return self._right_edge(n - 1) - above.right > width * 1.3

    def _right_edge(self, n: int) -> float:
        """Where lines of its column end: as far as any near it that begins about where it does."""
        line = self._lines[n]
        near = self._lines[max(0, n - _NEAR_LINES) : n + _NEAR_LINES + 1]
        return max(
            other.right for other in near if other.page == line.page and -150 <= other.left - line.left <= 40
        )

    def _flush(self, draft: Draft, group: list[int]) -> None:
        if not group:
            return
        if group[0] in self._levels:
            draft.heading(self._levels[group[0]], self._joined(group))
        elif _BULLET.match(self._lines[group[0]].text):
            items: list[list[int]] = []
            for n in group:
                if _BULLET.match(self._lines[n].text) or not items:
                    items.append([])
                items[-1].append(n)
            draft.add("list", "\n".join(_MARK.sub("- ", one_line(self._joined(item))) for item in items))
        else:
            draft.add("paragraph", self._joined(group))
        group.clear()

    def _joined(self, group: Sequence[int]) -> str:
        """Lines as running text: words put together that were broken, line ends kept that were meant."""
        text = ""
        for n in group:
            line = self._lines[n].text
            if text.endswith(("-", "\u2010")) and text[-2:-1].isalpha():
                text = text[:-1] + "\ufffe" + line
            else:
                text += ("\n" if text and self._meant(n) else " ") + line
        return _BROKEN.sub(self._mended, text.strip())

    def _mended(self, found: re.Match[str]) -> str:
        """A broken word whole: its hyphen stays where the document has the word with it elsewhere, or where
        what follows is no small letter."""
        first, second = found[1], found[2]
        keep = f"{first}-{second}".lower() in self._words or not (
            first[-1:].isalpha() and second[:1].islower()
        )
        return f"{first}-{second}" if keep else first + second
