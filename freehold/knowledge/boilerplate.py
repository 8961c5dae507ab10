"""Tells a web page's own words from what stands around them on every page of its site.

trafilatura knows where the article is, but loses headings, tables and lists; our own walk keeps those, but
knows less of what is article. So the walk's blocks are kept or dropped by what trafilatura found. On every
third page of its own evaluation set (330 pages): recall .964, precision .828, against its own .947 and
.884; links and scraps alone dropped, .985 and .706.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from freehold.knowledge.parsed import BlockKind

Entry = tuple[BlockKind, int, str]
"""Kind, heading level and text of a block, as `Draft` holds them."""

_MAX_ELEMENTS = 50_000
"""Pages with more are kept whole: trafilatura's time grows faster than they do."""
_MIN_ARTICLE_CHARS = 100
"""With less found than this there is nothing to go by, and the page is short anyway."""
_COVERED = 0.4
"""Share of the page's unlinked words that trafilatura must have found to be believed about the rest."""
_LINKED = 0.6
"""Share of a block's words within links from which it is navigation."""
_SCRAP_CHARS = 100
"""Blocks amid the article that trafilatura dropped and that are shorter are captions, dates, buttons."""
_TAIL_CHARS = 40
_FIRST_WORDS = 12
_WORDS = re.compile(r"\w+")


def article_words(root: Any) -> str:
    """What trafilatura takes for the article, as words between single spaces; empty if it finds none."""
    if sum(1 for _ in root.iter()) > _MAX_ELEMENTS:
        return ""
    import trafilatura

    text = trafilatura.extract(
        root, fast=True, favor_recall=True, include_comments=False, include_tables=True
    )
    return " " + " ".join(_WORDS.findall((text or "").lower())) + " "


def without_boilerplate(entries: Sequence[Entry], linked: Mapping[int, float], article: str) -> list[Entry]:
    """The blocks from the article's first to its last, headings, tables and code always among them.

    `linked` gives by number of the block the share of its words within links. Where trafilatura found too
    little to be believed, only what is mostly links, or a scrap at the page's ends, is dropped.
    """
    known = [_known(text, article) for _, _, text in entries]
    inside = [n for n, (kind, _, _) in enumerate(entries) if known[n] and kind != "heading"]
    if len(article) < _MIN_ARTICLE_CHARS or not inside:
        return list(entries)
    own = [
        len(text) * (1 - linked.get(n, 0.0)) if kind != "heading" else 0.0
        for n, (kind, _, text) in enumerate(entries)
    ]
    believed = sum(size for n, size in enumerate(own) if known[n]) >= _COVERED * sum(own)
    first, last = _ends(entries, linked, inside) if believed else (0, len(entries) - 1)
    kept: list[Entry] = []
    for n, (kind, level, text) in enumerate(entries):
        if not first <= n <= last:
            keep = kind == "heading" and level == 1
        elif kind in ("heading", "table", "code") or known[n]:
            keep = True
        elif believed:
            keep = linked.get(n, 0.0) < _LINKED and len(text) >= _SCRAP_CHARS
        else:
            at_an_end = not inside[0] < n < inside[-1]
            keep = linked.get(n, 0.0) < _LINKED and not (at_an_end and len(text) < _TAIL_CHARS)
        if keep:
            kept.append((kind, level, text))
    return _without_empty_sections(kept)


def _ends(entries: Sequence[Entry], linked: Mapping[int, float], inside: Sequence[int]) -> tuple[int, int]:
    """The article's first block, headings before it included, and its last with what ends its section."""
    first, last = inside[0], inside[-1]
    while first > 0 and entries[first - 1][0] == "heading":
        first -= 1
    while last + 1 < len(entries):
        kind, _, text = entries[last + 1]
        ends_section = kind in ("table", "code") or len(text) >= _TAIL_CHARS
        if kind == "heading" or linked.get(last + 1, 0.0) >= _LINKED / 2 or not ends_section:
            break
        last += 1
    return first, last


def _known(text: str, article: str) -> bool:
    words = _WORDS.findall(text.lower())
    return not words or f" {' '.join(words[:_FIRST_WORDS])} " in article


def _without_empty_sections(entries: Sequence[Entry]) -> list[Entry]:
    """Without headings, the page's own excepted, under which everything was dropped."""
    kept: list[Entry] = []
    for n, (kind, level, text) in enumerate(entries):
        following = entries[n + 1] if n + 1 < len(entries) else None
        empty = following is None or (following[0] == "heading" and following[1] <= level)
        if kind != "heading" or level == 1 or not empty:
            kept.append((kind, level, text))
    return kept
