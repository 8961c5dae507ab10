"""Units of a passage are its own words, and a table's row is read with its headings."""

from __future__ import annotations

from freehold.assistant.material import take_apart
from freehold.types import DocumentRef, Passage

TEXT = """\
# Times

To post, do this:

1. Weigh it.
2. Print it.

| Service | Delivered by | Cut-off |
|---|---|---|
| Morning | 10:30 | 15:00 |
| Day | 18:00 | 17:00 |
"""


def test_units() -> None:
    made = take_apart(Passage(1, 1, DocumentRef(1, "Post", "post.md"), (), TEXT, 0, len(TEXT)))
    said = [TEXT[unit.start : unit.end] for unit in made.units]
    assert said == [
        "To post, do this:",
        "1. Weigh it.",
        "2. Print it.",
        "| Service | Delivered by | Cut-off |",
        "| Morning | 10:30 | 15:00 |",
        "| Day | 18:00 | 17:00 |",
    ]
    row = made.units[4].said
    assert {"deliv", "morn", "@10:30"} <= {key[:5] if key[0] != "@" else key for key in row.keys}
    assert (0, 2) in made.runs
