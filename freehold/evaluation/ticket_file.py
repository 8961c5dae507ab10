"""A file of tickets as rows, each with the line it begins in: CSV, TSV, JSON Lines, or one JSON document.

Read as a stream: however many rows, no more than one of them is in memory. Tables and lines are read by
tables.py; here stands what only exports of help desks are, one JSON array or an object around one. Knows
nothing of what a column means.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from freehold.errors import InvalidInput
from freehold.evaluation.lines import opened, pieces
from freehold.evaluation.tables import Row, rows

MOST_RECORD_CHARS = 32_000_000
"""Longest object of a JSON document."""
_PIECE = 1_000_000
_OTHER = (
    (b"PK\x03\x04", "an Excel workbook or another ZIP file", "Save it as CSV (UTF-8), or unpack it."),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Save it as CSV (UTF-8)."),
    (b"%PDF", "a PDF", "Export the tickets as CSV or JSON."),
    (b"SQLite format 3", "a database", "Export the tickets as CSV or JSON."),
)
_OWN_LISTS = frozenset("comments messages threads replies parts events turns history".split())
"""Lists that a ticket may begin with; any other holds tickets."""
_BETWEEN = re.compile(r"[ \t\r\n,]*")
_WRAPPED = re.compile(r'\s*\{\s*"(\w+)"\s*:\s*(?=\[)')


@dataclass(frozen=True, slots=True)
class TicketFile:
    """A file whose form is known."""

    path: Path
    columns: tuple[str, ...]
    """Those of its first row."""
    first: Row
    rows: Callable[[], Iterator[Row]]
    """Reads it anew; raises InvalidInput, with the line, at what cannot be read."""
    is_table: bool
    """CSV or TSV: values are text."""


def open_tickets(path: Path) -> TicketFile:
    """Finds out what `path` is, and reads its first row.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it holds no tickets, or what cannot be read; says where.
    """
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder.", hint="Name the file that the tickets were exported to.")
    with opened(path) as file:
        head = file.read(16)
    for mark, name, hint in _OTHER:
        if head.startswith(mark):
            raise InvalidInput(f"{path} is {name}, not a table of tickets.", hint=hint)
    start = next((text.lstrip("\ufeff") for text in pieces(path) if text.strip()), "")
    if not start:
        raise InvalidInput(f"{path} is empty.", hint="Export the tickets again.")
    document = start.lstrip()[0] == "[" or (start.lstrip()[0] == "{" and not _is_record(start))
    read = _elements if document else rows
    first = next(read(path), None)
    if first is None:
        raise InvalidInput(f"{path} names columns but holds no tickets.", hint="Export the tickets again.")
    is_table = not document and start.lstrip()[0] != "{"
    return TicketFile(path, tuple(first.values), first, lambda: read(path), is_table)


def _is_record(line: str) -> bool:
    """Whether a line is a ticket or message of its own, and no beginning of a document."""
    if (around := _WRAPPED.match(line)) and around[1] not in _OWN_LISTS:
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _elements(path: Path) -> Iterator[Row]:
    """The elements of a JSON array, or of the first array an object holds, as they come."""
    decoder = json.JSONDecoder()
    source = pieces(path)
    held, at, line, ended = "", 0, 1, False  # text, where the rest begins, and in which line

    def more() -> bool:
        nonlocal held, at, ended
        fresh, size = [held[at:]], 0
        for text in source:
            fresh.append(text)
            size += len(text)
            if size > _PIECE:
                break
        else:
            ended = True
        held, at = "".join(fresh), 0
        return size > 0

    more()
    wrapped = _WRAPPED.match(held)
    start = wrapped.end() if wrapped else len(held) - len(held.lstrip())
    if not held.startswith("[", start):
        while len(held) <= MOST_RECORD_CHARS and more():
            pass
        yield from _only(path, held)
        return
    at = start + 1
    line += held.count("\n", 0, at)
    number = 0
    while True:
        between = _BETWEEN.match(held, at)
        begin = between.end() if between else at
        line += held.count("\n", at, begin)
        at = begin
        if held.startswith("]", at):
            return
        try:
            value, end = decoder.raw_decode(held, at)
        except (ValueError, RecursionError) as error:
            short = not ended and len(held) - at < MOST_RECORD_CHARS
            if isinstance(error, ValueError) and short and more():
                continue
            place = line + held.count("\n", at, getattr(error, "pos", at))
            empty = not held[at:].strip()
            what = "the list does not end" if empty else getattr(error, "msg", "nested too deeply")
            raise InvalidInput(
                f"{path}, line {place}: it is not sound JSON ({what}).", hint="Export the tickets again."
            ) from None
        number += 1
        if not isinstance(value, dict):
            raise InvalidInput(
                f"{path}, line {line}: entry {number} is not an object.", hint="Each ticket is one object."
            )
        yield Row(path, line, value)
        line += held.count("\n", at, end)
        at = end


def _only(path: Path, text: str) -> Iterator[Row]:
    """A document whose list of tickets stands somewhere within an object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        at = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        what = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        raise InvalidInput(
            f"{path}{at}: it is not sound JSON ({what}).", hint="Export the tickets again."
        ) from None
    lists = [each for each in value.values() if isinstance(each, list)] if isinstance(value, dict) else []
    found = lists[0] if len(lists) == 1 else [value]
    for number, each in enumerate(found, 1):
        if not isinstance(each, dict):
            raise InvalidInput(f"{path}: entry {number} is not an object.", hint="Each ticket is one object.")
        yield Row(path, 1, each)
