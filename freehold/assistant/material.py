"""A passage taken apart for checking: its units, each read.

A unit is a sentence, a list item, a table row or a code block. A row is read together with the table's
headings, so that a cell stands beside what it is a value of. Knows nothing of any claim.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from freehold.assistant.seen import seen
from freehold.assistant.sentences import Kind, Piece, pieces
from freehold.assistant.statement import Statement, read
from freehold.types import Passage

MOST_UNITS = 3
"""Units that a quote may run over; a list may be quoted whole."""
MOST_CHARS = 60_000
"""As much of a passage as is looked at: none that search gives is nearly as long."""

_ITEM = re.compile(r"^[ \t]*(?:[-*+•‣◦]|\d{1,3}[.)]|[a-z]\))[ \t]+\S", re.MULTILINE)
_LINE = re.compile(r"^", re.MULTILINE)
_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")


@dataclass(frozen=True, slots=True)
class Unit:
    """`text[start:end]` of a passage."""

    start: int
    end: int
    said: Statement
    kind: Kind
    piece: int
    """The number of the piece that it is (a part of)."""


@dataclass(frozen=True, slots=True)
class Material:
    """One passage, ready for claims."""

    text: str
    units: tuple[Unit, ...]
    runs: tuple[tuple[int, int], ...]
    """What may be quoted: first and last unit."""
    whole: Statement
    context: Statement
    """Its title and headings."""
    shown: str
    """The text with its headings as it shows, for codes and scripts."""


def take_apart(passage: Passage) -> Material:
    """Cuts and reads a passage; too slow to do for each claim."""
    text = passage.text[:MOST_CHARS]
    above = " . ".join(part for part in (passage.document.title, *passage.heading_path) if part)
    units = tuple(_units(text))
    return Material(
        text,
        units,
        tuple(_runs(units)),
        read(text),
        read(above),
        seen(f"{above}\n{text}"),
    )


def _runs(units: Sequence[Unit]) -> Iterator[tuple[int, int]]:
    for first in range(len(units)):
        for last in range(first, min(first + MOST_UNITS, len(units))):
            yield first, last
    at = 0
    while at < len(units):
        last = at
        while last + 1 < len(units) and units[last + 1].piece == units[at].piece:
            last += 1
        if units[at].kind == "list" and last - at >= MOST_UNITS:
            yield at, last
        at = last + 1


def _units(text: str) -> Iterator[Unit]:
    for number, piece in enumerate(pieces(text)):
        if piece.kind == "heading":
            continue
        for start, end, said in _parts(text, piece):
            yield Unit(start, end, read(said), piece.kind, number)


def _parts(text: str, piece: Piece) -> Iterator[tuple[int, int, str]]:
    cuts = [piece.start, piece.end]
    if piece.kind in ("list", "table"):
        pattern = _ITEM if piece.kind == "list" else _LINE
        body = text[piece.start : piece.end]
        cuts = sorted(
            {piece.start, piece.end, *(piece.start + line.start() for line in pattern.finditer(body))}
        )
    spans = []
    for start, end in pairwise(cuts):
        body = text[start:end]
        if body.strip("|:- \t\n"):
            start += len(body) - len(body.lstrip())
            spans.append((start, start + len(body.strip())))
    headings = _headings(text, piece) if piece.kind == "table" else []
    for at, (start, end) in enumerate(spans):
        said = text[start:end]
        if headings and at:
            cells = _cells(said)
            said = " ; ".join(
                f"{headings[column]}: {cell}" if column < len(headings) else cell
                for column, cell in enumerate(cells)
            )
        yield start, end, said


def _headings(text: str, piece: Piece) -> list[str]:
    lines = text[piece.start : piece.end].split("\n", 2)
    return _cells(lines[0]) if len(lines) > 1 and _RULE.fullmatch(lines[1]) else []


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]
