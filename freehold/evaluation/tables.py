"""Rows of CSV, TSV and JSON Lines files, one at a time, with the line on which each begins.

Formulas are text like any other: nothing is computed here. Knows nothing of what the columns mean;
`Columns` finds those that are wanted by usual names, or by the names that the caller gives.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freehold.errors import InvalidInput
from freehold.evaluation.lines import lines

LONGEST_CELL = 1_000_000
"""Characters; a quote that is never closed swallows the lines after it up to here."""
_DELIMITERS = ",;\t|"
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its values by column, as text from CSV and as JSON has them from JSON Lines."""

    path: Path
    line: int
    values: Mapping[str, Any]

    def wrong(self, what: str, hint: str | None = None) -> InvalidInput:
        """An error that says where it is: to be raised."""
        return InvalidInput(f"{self.path}, line {self.line}: {what}", hint=hint)


def rows(path: Path) -> Iterator[Row]:
    """The file's rows; empty ones are passed over. `.jsonl`, `.ndjson` and `.json` hold one object a line,
    everything else is CSV, told apart by its first character where the name says neither.

    Raises:
        NotFound: there is no such file.
        InvalidInput: what cannot be read, with file and line.
    """
    suffix = Path(path.stem if path.suffix == ".gz" else path.name).suffix.lower()
    if suffix in (".jsonl", ".ndjson", ".json"):
        return _objects(path)
    if suffix in (".csv", ".tsv", ".txt"):
        return _cells(path)
    first = next((text.lstrip()[:1] for _, text in lines(path) if text.strip()), "")
    return _objects(path) if first == "{" else _cells(path)


class Columns:
    """Which column holds what.

    `usual` has the names under which each thing usually stands, best first; `named` says it outright.
    Upper case, spaces and punctuation don't matter.
    """

    def __init__(self, usual: Mapping[str, Sequence[str]], named: Mapping[str, str] | None = None) -> None:
        self._usual = usual
        self._named = dict(named or {})
        self._found: dict[tuple[str, ...], dict[str, str]] = {}
        for thing in self._named:
            if thing not in usual:
                raise InvalidInput(
                    f"There is no column to be named {thing!r}.", hint=f"Known are: {', '.join(usual)}."
                )

    def of(self, row: Row) -> dict[str, str]:
        """The row's column for each thing that it has.

        Raises:
            InvalidInput: a column that was named is not there.
        """
        keys = tuple(row.values)
        if (known := self._found.get(keys)) is not None:
            return known
        by_name: dict[str, str] = {}
        for key in keys:
            by_name.setdefault(plain(key), key)
        found = {}
        for thing, names in self._usual.items():
            if thing in self._named:
                wanted = by_name.get(plain(self._named[thing]))
                if wanted is None:
                    raise row.wrong(f"there is no column {self._named[thing]!r}; {listed(keys)}.")
                found[thing] = wanted
            else:
                column = next((by_name[name] for name in map(plain, names) if name in by_name), None)
                if column is not None:
                    found[thing] = column
        if len(self._found) < 1000:  # JSON Lines may have other keys in every object
            self._found[keys] = found
        return found


def plain(name: str) -> str:
    """A column's name without what people write differently."""
    return re.sub(r"[\W_]+", " ", name).strip().lower()


def listed(names: Sequence[str]) -> str:
    """The columns there are, for an error."""
    shown = ", ".join(repr(name[:40]) for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"the columns are {shown}{more}" if names else "there are no columns"


def _objects(path: Path) -> Iterator[Row]:
    for number, text in lines(path):
        if not text.strip():
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            what = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
            array = number == 1 and text.lstrip().startswith("[")
            raise InvalidInput(
                f"{path}, line {number}: it is not JSON ({what}).",
                hint="Write one object a line, without the brackets around them." if array
                else "Each line is one JSON object.",
            ) from None  # fmt: skip
        if not isinstance(value, dict):
            raise InvalidInput(
                f"{path}, line {number}: it is not a JSON object.", hint="Each line is one JSON object."
            )
        yield Row(path, number, _sound(value) if "\\ud" in text.lower() else value)


def _cells(path: Path) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_CELL)
    began = 1
    source = lines(path)
    first = next(((number, text) for number, text in source if _has_header(text)), None)
    if first is None:
        return

    def remaining() -> Iterator[str]:
        yield first[1]
        for _, text in source:
            yield text

    before = first[0] - 1
    reader = csv.reader(remaining(), delimiter=_delimiter(first[1]), strict=True)
    names: list[str] = []
    try:
        while True:
            began = before + reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                return
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = _header(path, began, cells)
                continue
            if len(cells) > len(names) and any(cell.strip() for cell in cells[len(names) :]):
                raise InvalidInput(
                    f"{path}, line {began}: it has {len(cells)} cells for {len(names)} columns.",
                    hint="Put cells that hold the delimiter or a line break in double quotes.",
                )
            values = dict(zip(names, cells, strict=False))
            yield Row(path, began, values | dict.fromkeys(names[len(cells) :], ""))
    except csv.Error as error:
        unclosed = "unexpected end" in str(error) or "field limit" in str(error)
        raise InvalidInput(
            f"{path}, line {began}: "
            + (
                "a quote that opens in this row is never closed."
                if unclosed
                else f"it is not sound CSV: {error}."
            ),
            hint="Double quotes stand around a cell; within it they are doubled.",
        ) from None


def _has_header(text: str) -> bool:
    """Excel may say the delimiter in a line of its own; empty lines may come first."""
    return bool(text.strip()) and not re.fullmatch(r"sep=.\s*", text)


def _delimiter(header: str) -> str:
    bare = re.sub(r'"[^"]*"', "", header)
    return max(_DELIMITERS, key=lambda each: (bare.count(each), -_DELIMITERS.index(each)))


def _header(path: Path, line: int, cells: Sequence[str]) -> list[str]:
    names = [cell.strip() or f"column {number}" for number, cell in enumerate(cells, 1)]
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput(f"{path}, line {line}: the column {name!r} is there twice.")
    return names


def _sound(value: Any) -> Any:
    """JSON may spell halves of characters, which no file can hold."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_sound(each) for each in value]
    return {_sound(key): _sound(each) for key, each in value.items()} if isinstance(value, dict) else value
