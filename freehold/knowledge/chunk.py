"""Cuts a document into passages: the pieces that search finds and answers quote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from freehold.knowledge.parsed import BlockKind, Parsed

TARGET_CHARS = 900
"""About 200 tokens: the embedding model reads 256 at most, and a reader finds quoted words at a glance."""
MAX_CHARS = 1600
"""How far a passage may grow to keep a list, table or code whole: five such fill a small model's prompt."""
SMALL_CHARS = 200
"""A passage shorter than this takes its neighbour of the same section in: alone it says too little."""

_UNITS: dict[BlockKind, tuple[str, ...]] = {
    "heading": ("word",),
    "paragraph": ("line", "sentence", "word"),
    "quote": ("line", "sentence", "word"),
    "list": ("item", "line", "sentence", "word"),
    "table": ("line", "sentence", "word"),
    "code": ("line", "word"),
}
"""Where a block that is too long is cut: the first kind of place that makes pieces short enough."""

_GAPS = {
    "item": re.compile(r"\n(?=\S)"),
    "line": re.compile(r"\n"),
    "sentence": re.compile(r"(?<=[.!?…])[\"'”’»)\]]{0,3}\s|(?<=[。！？])"),
    "word": re.compile(r"\s"),
}

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage to be: words of one section."""

    heading_path: tuple[str, ...]
    start: int
    end: int
    text: str
    """Exactly `parsed.text[start:end]`; not empty, no white space at either end."""


def chunk(parsed: Parsed, *, target_chars: int = TARGET_CHARS, max_chars: int = MAX_CHARS) -> list[Chunk]:
    """Passages in order; together they hold every word of every block but headings exactly once.

    None crosses a heading. Headings are in the paths, not in the texts; only a document that is nothing
    but headings has them as its text. No passage is longer than `max_chars`.
    """
    text = parsed.text
    target_chars = min(target_chars, max_chars)
    chunks: list[Chunk] = []
    for path, blocks in _sections(parsed):
        pieces = [
            piece
            for kind, start, end in blocks
            for piece in _cut(text, start, end, _UNITS[kind], target_chars, max_chars)
        ]
        chunks += (
            Chunk(path, start, end, text[start:end])
            for start, end in _packed(text, pieces, target_chars, max_chars)
        )
    return chunks


def _sections(parsed: Parsed) -> Iterator[tuple[tuple[str, ...], list[tuple[BlockKind, int, int]]]]:
    """The blocks under each heading that has any of its own."""
    headings_only = all(block.kind == "heading" for block in parsed.blocks)
    if headings_only:
        yield (), [(block.kind, block.start, block.end) for block in parsed.blocks]
        return
    path: tuple[str, ...] = ()
    blocks: list[tuple[BlockKind, int, int]] = []
    for block in parsed.blocks:
        if block.kind != "heading":
            blocks.append((block.kind, block.start, block.end))
            continue
        if blocks:
            yield path, blocks
        path, blocks = block.heading_path, []
    if blocks:
        yield path, blocks


def _packed(text: str, pieces: list[Span], target: int, limit: int) -> Iterator[Span]:
    """Neighbouring pieces joined up to the target; beyond it only to keep a lead-in with what it
    introduces, and not to leave a scrap by itself."""
    current: Span | None = None
    for n, (start, end) in enumerate(pieces):
        if current is None:
            current = (start, end)
            continue
        joined = end - current[0]
        if joined > SMALL_CHARS and _leads_in(text, pieces, n, current[0], target, limit):
            yield current
            current = (start, end)
            continue
        scrap = current[1] - current[0] < SMALL_CHARS or (n == len(pieces) - 1 and end - start < SMALL_CHARS)
        if joined <= target or (joined <= limit and (scrap or text[current[1] - 1] == ":")):
            current = (current[0], end)
        else:
            yield current
            current = (start, end)
    if current is not None:
        yield current


def _leads_in(text: str, pieces: list[Span], n: int, begin: int, target: int, limit: int) -> bool:
    """Whether a piece introduces the next (it ends in a colon) and can go with it only into a new passage."""
    start, end = pieces[n]
    if text[end - 1] != ":" or n + 1 == len(pieces):
        return False
    next_end = pieces[n + 1][1]
    return next_end - begin > target and next_end - start <= limit


def _cut(text: str, start: int, end: int, units: tuple[str, ...], target: int, limit: int) -> Iterator[Span]:
    """The span whole if it fits the limit, else cut at the coarsest places that make it fit."""
    start, end = _trimmed(text, start, end)
    if end - start <= limit:
        if start < end:
            yield start, end
        return
    if not units:
        for at in range(start, end, limit):
            yield from _cut(text, at, min(at + limit, end), (), target, limit)
        return
    current: Span | None = None
    for unit in _between(text, start, end, units[0]):
        if current is not None and unit[1] - current[0] <= target:
            current = (current[0], unit[1])
            continue
        if current is not None:
            yield current
        if unit[1] - unit[0] > limit:
            yield from _cut(text, *unit, units[1:], target, limit)
            current = None
        else:
            current = unit
    if current is not None:
        yield current


def _between(text: str, start: int, end: int, unit: str) -> Iterable[Span]:
    """The span's units (sentences, say), trimmed, empty ones left out."""
    at = start
    for gap in _GAPS[unit].finditer(text, start, end):
        piece = _trimmed(text, at, gap.end())
        if piece[0] < piece[1]:
            yield piece
        at = gap.end()
    piece = _trimmed(text, at, end)
    if piece[0] < piece[1]:
        yield piece


def _trimmed(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
