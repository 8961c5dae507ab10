"""PDF: its text in reading order. A PDF knows only where letters stand; headings, paragraphs and lists are
guessed from sizes, gaps and bullets, and tables are not found."""

from __future__ import annotations

from freehold.errors import UnreadableDocument
from freehold.knowledge.parsed import Draft, Parsed
from freehold.knowledge.pdf_layout import Layout, first_title, without_running
from freehold.knowledge.pdf_lines import read_pages


def parse_pdf(data: bytes, fallback: str) -> Parsed:
    """
    Raises:
        UnreadableDocument: it is no PDF, encrypted, cut short, damaged, or holds pictures instead of text.
    """
    pages = read_pages(data)
    lines = without_running(pages.lines)
    if not lines:
        raise UnreadableDocument("It holds no text besides what repeats on each page.")
    draft = Draft()
    Layout(lines, pages).write(draft)
    return draft.finish(pages.title or first_title(lines), fallback)
