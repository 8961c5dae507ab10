"""Plain text: paragraphs, lists, and headings only where the writer underlined or set them apart."""

from __future__ import annotations

import re

from freehold.errors import UnreadableDocument
from freehold.knowledge.parsed import Draft, Parsed, clean

_UNDERLINE = re.compile(r"={3,}|-{3,}|~{3,}")
_BULLET = re.compile(r"\s{0,8}(?:[-*•‣◦–]|\d{1,3}[.)]|[a-z]\))\s+\S")
_NUMBERED_HEADING = re.compile(r"(\d{1,2}(?:\.\d{1,2})+)\.?\s+[^\W\d_].*")
_WRAPPED_CHARS = 45
"""Lines at least this long, all but the last, are taken for one wrapped paragraph and joined."""


def parse_text(text: str, fallback: str) -> Parsed:
    """Raises UnreadableDocument when there is nothing but white space."""
    draft = Draft()
    add_text(draft, text)
    if not draft.entries:
        raise UnreadableDocument("It holds no text, only white space.")
    return draft.finish(None, fallback)


def add_text(draft: Draft, text: str, *, headings: bool = True) -> None:
    """Adds the blocks of plain text; without `headings` none is guessed."""
    groups = re.split(r"\n[ \t]*\n\s*", clean(text).strip("\n"))
    for n, group in enumerate(groups):
        lines = [line.rstrip() for line in group.split("\n") if line.strip()]
        if headings and lines:
            lines = _take_heading(draft, lines, last=n == len(groups) - 1)
        if lines:
            _add_lines(draft, lines)


def _take_heading(draft: Draft, lines: list[str], *, last: bool) -> list[str]:
    """Adds the heading that opens these lines, if one does; gives the lines left."""
    first = lines[0].strip()
    if len(lines) > 1 and len(first) <= 120 and _UNDERLINE.fullmatch(lines[1].strip()):
        draft.heading(1 if lines[1].strip()[0] == "=" else 2, first)
        return lines[2:]
    if last or len(lines) > 1 or len(first) > 80:
        return lines
    words = first.split()
    if numbered := _NUMBERED_HEADING.fullmatch(first):
        if not first.endswith((".", ",", ";", "!", "?")):
            draft.heading(1 + numbered[1].count("."), first)
            return []
    elif (
        first.isupper()
        and len(words) <= 10
        and sum(c.isalpha() for c in first) >= 4
        and first[-1] not in ".,;!"
    ):
        draft.heading(2, first)
        return []
    return lines


def _add_lines(draft: Draft, lines: list[str]) -> None:
    """One group of lines between blank ones: text before a list, the list, or a paragraph."""
    start = next((n for n, line in enumerate(lines) if _BULLET.match(line)), len(lines))
    bullets = sum(1 for line in lines[start:] if _BULLET.match(line))
    if bullets == 0 or (bullets == 1 and start > 0):
        start = len(lines)
    if head := lines[:start]:
        wrapped = all(len(line.strip()) >= _WRAPPED_CHARS for line in head[:-1])
        draft.add("paragraph", (" " if wrapped else "\n").join(line.strip() for line in head))
    items: list[str] = []
    for line in lines[start:]:
        if _BULLET.match(line) or not items:
            items.append(re.sub(r"^(\s*)[•‣◦–]\s+", r"\1- ", line.expandtabs(4)))
        else:
            items[-1] += " " + line.strip()
    if items:
        margin = min(len(item) - len(item.lstrip()) for item in items)
        draft.add("list", "\n".join(item[margin:] for item in items))
