"""The report of a rehearsal as a page that a support lead reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from freehold.evaluation.page import render
from freehold.evaluation.plot import Axis, Bar

VERDICTS = {
    "agrees": "answered, and agrees with the reply",
    "partly": "answered, and agrees in part",
    "differs": "answered, and says something else",
    "contradicts": "answered, and contradicts the reply",
    "not comparable": "answered, but the reply says nothing to compare with",
}
"""A verdict as it is said of tickets."""
SHORT = {
    "agrees": "Agrees with the reply",
    "partly": "Agrees in part",
    "differs": "Says something else",
    "contradicts": "Contradicts the reply",
    "not comparable": "Nothing to compare with",
}
"""The same beside a bar."""


def page(report: Mapping[str, Any]) -> str:
    """One HTML page that loads nothing. Everything that a ticket says is escaped."""
    outcomes, verdicts = report["outcomes"], report["verdicts"]
    total = sum(outcomes.values())
    counts = [(said.capitalize(), SHORT[name], verdicts[name]) for name, said in VERDICTS.items()]
    counts.append(("Refused: the documents don't say", "Refused", outcomes["refused"]))
    counts.append(("Handed to a person", "Handed to a person", outcomes["handoff"]))
    if outcomes["failed"]:
        counts.append(("Failed", "Failed", outcomes["failed"]))
    bars = [Bar(short, count) for _, short, count in counts]
    rows = [(said, f"{count:,}", _share(count, total)) for said, _, count in counts]
    return render(
        "rehearsal.html",
        {
            "report": report,
            "total": total,
            "bars": bars,
            "rows": rows,
            "verdict_words": VERDICTS,
            "axis": Axis("tickets"),
        },
    )


def _share(count: float, total: int) -> str:
    return f"{100 * count / total:.1f}%" if total else "–"
