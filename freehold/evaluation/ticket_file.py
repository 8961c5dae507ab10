"""A file of tickets as rows, each with the line it begins in: CSV, TSV, JSON Lines, or one JSON document.

Read as a stream: however many rows, no more than one of them is in memory. Lines that are not UTF-8 are
taken for Windows-1252, one by one, since exports glue together what people wrote in either. Knows nothing
of what a column means.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from freehold.errors import InvalidInput, NotFound, UnreadableDocument

MOST_FIELD_CHARS = 1_000_000
"""Longest cell; an unclosed quote would swallow the rest of the file."""
MOST_RECORD_BYTES = 32 * 2**20
"""Longest line, and longest object of a JSON document."""
_CHUNK = 2**20
_SAMPLE = 65_536
_DELIMITERS = ",;\t|"
_OTHER = (
    (b"PK\x03\x04", "an Excel workbook or another ZIP file", "Save it as CSV (UTF-8), or unpack it."),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Save it as CSV (UTF-8)."),
    (b"\x1f\x8b", "a gzip file", "Unpack it first."),
    (b"%PDF", "a PDF", "Export the tickets as CSV or JSON."),
    (b"SQLite format 3", "a database", "Export the tickets as CSV or JSON."),
)
_WRAPPED = re.compile(r'\s*\{\s*"(\w+)"\s*:\s*(?=\[)')

Form = Literal["csv", "lines", "json"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row or object; of JSON the values may be nested."""

    line: int
    fields: dict[str, Any]


@dataclass(slots=True)
class TicketFile:
    """A file whose form is known."""

    path: Path
    form: Form
    encoding: str
    columns: tuple[str, ...]
    delimiter: str = ""
    mended: Counter[str] = field(default_factory=Counter)
    """What was read otherwise than it stands, of the last pass: `lines in Windows-1252`, `NUL bytes`."""

    def rows(self) -> Iterator[Row]:
        """All rows, anew at each call.

        Raises:
            UnreadableDocument: broken quotes, too many cells, bad JSON; the message has the line.
        """
        self.mended.clear()
        yield from {"csv": self._table, "lines": self._lines, "json": self._document}[self.form]()

    def _text(self) -> Iterator[str]:
        return _decoded(self.path, self.encoding, self.mended)

    def _table(self) -> Iterator[Row]:
        csv.field_size_limit(MOST_FIELD_CHARS)
        reader = csv.reader(self._text(), delimiter=self.delimiter, strict=True)
        header, begins = False, 1
        try:
            for cells in reader:
                line, begins = begins, reader.line_num + 1
                if not any(cell.strip() for cell in cells) or (
                    not header and _is_hint(cells, self.delimiter)
                ):
                    continue
                if not header:
                    header = True
                    continue
                if any(cell.strip() for cell in cells[len(self.columns) :]):
                    raise UnreadableDocument(
                        f"Line {line} has {len(cells)} cells, the first line names {len(self.columns)}"
                        f" columns.",
                        hint="Put cells that hold the delimiter, or quotes, in double quotes.",
                    )
                yield Row(line, dict(zip(self.columns, map(_unguarded, cells), strict=False)))
        except csv.Error as error:
            long = "field larger" in str(error) or "unexpected end" in str(error)
            said = "a quote in it is not closed" if long else str(error)
            raise UnreadableDocument(
                f"The row that begins in line {begins} is not sound CSV: {said}.",
                hint="Within quotes a quote is written twice; export again, or mend that line.",
            ) from None

    def _lines(self) -> Iterator[Row]:
        for number, text in enumerate(self._text(), 1):
            if text.strip():
                yield Row(number, _object(_json(text, f"Line {number}"), f"Line {number}"))

    def _document(self) -> Iterator[Row]:
        for number, (line, value) in enumerate(_elements(self._text()), 1):
            yield Row(line, _object(value, f"Entry {number} (line {line})"))


def open_tickets(path: Path) -> TicketFile:
    """Finds out what `path` is.

    Raises:
        NotFound: there is no such file.
        UnreadableDocument: it is no such file, or has no columns.
    """
    if not path.exists():
        raise NotFound(f"There is no file {path}.")
    if not path.is_file():
        raise InvalidInput(f"{path} is not a file.", hint="Name the file that the tickets were exported to.")
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
    for mark, name, hint in _OTHER:
        if head.startswith(mark):
            raise UnreadableDocument(f"{path.name} is {name}, not a table of tickets.", hint=hint)
    encoding = _encoding(head)
    if encoding == "bytes" and len(re.findall(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]", head)) > 0.02 * len(head):
        raise UnreadableDocument(f"{path.name} holds binary data, not text.", hint="Export as CSV or JSON.")
    sample = "".join(_first(_decoded(path, encoding, Counter())))
    if not sample.strip():
        raise UnreadableDocument(f"{path.name} holds no text.", hint="Export the tickets again.")
    start = sample.lstrip()
    if start[0] == "[" or (start[0] == "{" and not _is_json(start.partition("\n")[0])):
        columns = _keys(TicketFile(path, "json", encoding, ()))
        return TicketFile(path, "json", encoding, columns)
    if start[0] == "{":
        first = json.loads(start.partition("\n")[0])
        if _WRAPPED.match(start) and "\n" not in start.strip():
            return TicketFile(path, "json", encoding, _keys(TicketFile(path, "json", encoding, ())))
        return TicketFile(path, "lines", encoding, tuple(map(str, first)))
    delimiter, columns = _header(sample)
    return TicketFile(path, "csv", encoding, columns, delimiter)


def _keys(file: TicketFile) -> tuple[str, ...]:
    first = next(file.rows(), None)
    if first is None:
        raise UnreadableDocument(f"{file.path.name} holds no tickets.", hint="Export the tickets again.")
    return tuple(first.fields)


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    half = max(1, len(head) // 2)
    for name, zeros, others in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        if head[zeros::2].count(0) > 0.4 * half and head[others::2].count(0) < 0.05 * half:
            return name
    return "bytes"


def _decoded(path: Path, encoding: str, mended: Counter[str]) -> Iterator[str]:
    if encoding != "bytes":
        with path.open(encoding=encoding, errors="replace", newline="") as text:
            for line in text:
                yield line.replace("\x00", "")
        return
    with path.open("rb") as file:
        for number, raw in enumerate(_raw_lines(file), 1):
            if number == 1:
                raw = raw.removeprefix(codecs.BOM_UTF8)
            if len(raw) >= MOST_RECORD_BYTES:
                raise UnreadableDocument(
                    f"Line {number} is longer than {MOST_RECORD_BYTES // 2**20} MB.",
                    hint="Is it a table of tickets?",
                )
            if b"\x00" in raw:
                mended["NUL bytes"] += raw.count(b"\x00")
                raw = raw.replace(b"\x00", b"")
            try:
                yield raw.decode("utf-8")
            except UnicodeDecodeError:
                mended["lines in Windows-1252"] += 1
                yield raw.decode("cp1252", errors="replace")


def _raw_lines(file: BinaryIO) -> Iterator[bytes]:
    head = file.peek(_SAMPLE) if hasattr(file, "peek") else b""
    if b"\n" in head or b"\r" not in head:
        while line := file.readline(MOST_RECORD_BYTES):
            yield line
        return
    rest = b""  # line ends of old Macintoshes
    while chunk := file.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\r")
        yield from (line + b"\n" for line in lines)
    yield rest


def _first(lines: Iterator[str]) -> Iterator[str]:
    size = 0
    for line in lines:
        yield line
        size += len(line)
        if size > _SAMPLE:
            return


def _header(sample: str) -> tuple[str, tuple[str, ...]]:
    """The delimiter under which the first row has most cells, and the names in it."""
    best: tuple[str, list[str]] = (",", [])
    lines = [line for line in sample.splitlines(keepends=True) if line.strip()]
    if hint := re.fullmatch(r"sep=(.)\s*", lines[0]):
        lines = lines[1:]
    for delimiter in hint[1] if hint else _DELIMITERS:
        try:
            cells = next(csv.reader(iter(lines), delimiter=delimiter, strict=True))
        except (csv.Error, StopIteration):
            continue
        if len(cells) > len(best[1]):
            best = (delimiter, cells)
    names = [" ".join(name.split()) or f"column {number}" for number, name in enumerate(best[1], 1)]
    if not names:
        raise UnreadableDocument(
            "Line 1 is not sound CSV: a quote in it is not closed.", hint="The first line names the columns."
        )
    seen: Counter[str] = Counter()
    for at, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            names[at] = f"{name} ({seen[name]})"
    return best[0], tuple(names)


def _is_hint(cells: Sequence[str], delimiter: str) -> bool:
    """Excel's first line `sep=;`, which is no row."""
    return delimiter.join(cells).strip() == f"sep={delimiter}".strip()


def _unguarded(cell: str) -> str:
    """Without the quote that exports put before what a spreadsheet would take for a formula."""
    return cell[1:] if re.match(r"'[=+@-]", cell) else cell


def _elements(text: Iterator[str]) -> Iterator[tuple[int, Any]]:
    """The elements of a JSON array, or of the array an object holds first, with their lines, as they come."""
    decoder = json.JSONDecoder()
    held, line, ended = "", 1, False

    def more() -> bool:
        nonlocal held, ended
        size = len(held)
        for piece in text:
            held += piece
            if len(held) - size > _CHUNK:
                return True
        ended = True
        return len(held) > size

    more()
    wrapped = _WRAPPED.match(held)
    start = wrapped.end() if wrapped else len(held) - len(held.lstrip())
    if not held[start:].startswith("["):
        while len(held) <= MOST_RECORD_BYTES and more():
            pass
        value = _json(held, "The file")
        lists = [each for each in value.values() if isinstance(each, list)] if isinstance(value, dict) else []
        yield from ((1, each) for each in (lists[0] if len(lists) == 1 else [value]))
        return
    line += held.count("\n", 0, start + 1)
    held = held[start + 1 :]
    while True:
        bare = held.lstrip(" \t\r\n,")
        line += held.count("\n", 0, len(held) - len(bare))
        held = bare
        if held.startswith("]"):
            return
        try:
            value, end = decoder.raw_decode(held)
            if end == len(held) and not ended:  # a number may go on
                raise ValueError
        except (ValueError, RecursionError) as error:
            if isinstance(error, ValueError) and not ended and len(held) < MOST_RECORD_BYTES and more():
                continue
            at = line + held.count("\n", 0, getattr(error, "pos", 0))
            what = (
                "the array does not end" if not held.strip() else getattr(error, "msg", "nested too deeply")
            )
            raise UnreadableDocument(
                f"Line {at} is not sound JSON: {what}.", hint="Export the tickets again."
            ) from None
        yield line, value
        line += held.count("\n", 0, end)
        held = held[end:]


def _json(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise UnreadableDocument(f"{place} is nested too deeply.") from None
    except ValueError as error:
        raise UnreadableDocument(
            f"{place} is not sound JSON: {error}.", hint="Export the tickets again, or mend that line."
        ) from None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableDocument(f"{place} is not an object.", hint="Each ticket or message is one object.")
    return value
