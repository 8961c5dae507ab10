"""Files of messages with labels."""

from __future__ import annotations

from pathlib import Path

from freehold.cli.output import count, line, note

COLUMNS = {
    "message": ("message", "text", "question", "utterance", "query"),
    "label": ("label", "intent", "topic", "category", "route"),
}


def rows_of(file: Path, columns: list[str]) -> list[tuple[str, str]]:
    """The messages with their labels, each message once; of two labels the first counts, and it is said.

    Raises:
        InvalidInput: a row has no message or no label; the line is named.
    """
    from freehold.cli.evaluate import column_of
    from freehold.evaluation.tables import Columns, listed, rows
    from freehold.tasks.route import label_of

    known = Columns(COLUMNS, dict(map(column_of, columns)))
    found: dict[str, tuple[str, str]] = {}
    unlike = 0
    for row in rows(file):
        at = known.of(row)
        for thing in COLUMNS:
            if thing not in at:
                raise row.wrong(f"there is no {thing}; {listed(tuple(row.values))}.",
                                hint=f"Name the column: --column {thing}=NAME.")  # fmt: skip
            if not isinstance(value := row.values[at[thing]], str) or not value.strip():
                raise row.wrong(f"the {thing} is empty, or no text.")
        message, label = row.values[at["message"]].strip(), label_of(row.values[at["label"]])
        first = found.setdefault(" ".join(message.lower().split()), (message, label))
        if first[1] != label:
            unlike += 1
            if unlike == 1:
                note(line(f"{file}, line {row.line}: labelled {label!r} here and {first[1]!r} before."))
    if unlike:
        note(f"{count(unlike, 'message')} had two labels; the first was taken.")
    return list(found.values())
