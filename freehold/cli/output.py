"""What commands print: data to stdout, everything else to stderr.

Titles, passages and answers are untrusted: control characters are made visible before they reach a
terminal, and nothing in them is read as markup.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from freehold.assistant.marks import BOLD_LINE
from freehold.errors import FreeholdError

REFUSED = 3
"""Exit status of `ask` when the documents don't say."""

UNDER_BAR = 4
"""Exit status of `evaluate` when a figure falls short of its `--bar`."""

UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters (terminals act on them) and direction marks (they make text read as another)."""

BEYOND_ASCII_CONTROLS = re.compile(r"[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def clean(text: object) -> str:
    """`text` with what a terminal would act on replaced by a mark; line breaks and tabs stay."""
    return UNSAFE.sub("\N{REPLACEMENT CHARACTER}", str(text).replace("\r\n", "\n"))


def line(text: object) -> str:
    """`clean`, on one line."""
    return " ".join(clean(text).split())


def say(text: str = "") -> None:
    """One line of data. The caller has cleaned what was not ours."""
    print(text, file=sys.stdout, flush=True)


def say_piece(text: object) -> None:
    """A piece of an answer as it comes, cleaned; on a terminal lines that are bold in Markdown are bold."""
    said = clean(text)
    if not sys.stdout.isatty():
        print(said, end="", flush=True)
        return
    from rich.console import Console
    from rich.text import Text

    parts = enumerate(BOLD_LINE.split(said))  # every second one is what stood between the marks
    shown = Text.assemble(*((part, "bold" if number % 2 else "") for number, part in parts))
    Console(highlight=False, markup=False).print(shown, end="", soft_wrap=True)


def note(text: str) -> None:
    """One line beside the data: what is going on."""
    print(text, file=sys.stderr, flush=True)


def say_json(value: object) -> None:
    """A value for programs; control characters are escaped, so that it can be looked at too."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    say(BEYOND_ASCII_CONTROLS.sub(lambda match: f"\\u{ord(match.group()):04x}", text))


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on a terminal, tab-separated lines without a heading elsewhere."""
    cells = [[line(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            say("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        last = column == columns[-1]  # the long one gives way
        table.add_column(column, overflow="fold", no_wrap=not last)
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False, markup=False).print(table)


def say_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Names and values, one a line."""
    pairs = [(name, line(value)) for name, value in fields]
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        say(f"{name:<{width}}  {value}")


def fail(error: Exception) -> int:
    """Says in one line what was wrong and in another what to do about it; gives the exit status."""
    if os.environ.get("FREEHOLD_LOG_LEVEL") == "debug":
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, FreeholdError):
        note(f"error: {line(error.message)}")
        if error.hint:
            note(f"hint: {line(error.hint)}")
    elif isinstance(error, OSError):
        note(f"error: {line(error)}")
    else:
        note(f"error: {type(error).__name__}: {line(error)}")
        note("hint: This is a fault in Freehold. FREEHOLD_LOG_LEVEL=debug shows where it happened.")
    return 1


def when(seconds: float | None) -> str:
    """Local date and time of a time since the epoch."""
    if seconds is None:
        return "never"
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def count(number: int, noun: str) -> str:
    """`1 document`, `2,144 documents`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(number: float) -> str:
    """Bytes for people: `1.3 GB`, powers of 1000."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError("unreachable")


def place(citation: dict[str, Any]) -> str:
    """Where a cited passage stands: title, headings, location."""
    document = citation["document"]
    heading = [part for part in citation.get("heading_path", ()) if part != document["title"]]
    title = " › ".join(line(part) for part in (document["title"] or document["location"], *heading))
    return title if document["location"] == document["title"] else f"{title} — {line(document['location'])}"
