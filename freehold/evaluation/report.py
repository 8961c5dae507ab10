"""Scorecards and comparisons as pages for people: `page.py`'s furniture, filled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from freehold.evaluation.page import ABSENT, number, render, share
from freehold.evaluation.plot import Axis, Bar, Line, Mark, bar_plot, line_plot

LEADING = (
    "right",
    "search.hit@5",
    "search.mrr@10",
    "answers.within3",
    "answers.f1",
    "answers.supported",
    "refusals.wrong",
    "refusals.right",
    "speed.first_ms.p50",
    "speed.total_ms.p95",
)
"""Figures at the head of the page, where the suite gives them."""
WAYS = {
    "failed": "Ended in an error",
    "wrongly answered": "Answered, though nothing in the documents answers",
    "wrong answer": "Answered, but not with what is known to be right",
    "wrongly refused": "Refused, though the documents answer",
}
"""Ways to go wrong, the worst first."""
GROUPS = {
    "": "Overall",
    "search": "Search",
    "answers": "Answers",
    "refusals": "Refusals",
    "speed": "Speed",
    "cost": "What it took",
}
CURVE_UP_TO = 0.3
"""Wrong refusals up to which the curve is drawn: nobody would choose more."""


def report(
    card: Mapping[str, Any], before: Mapping[str, Any] | None, change: Mapping[str, Any] | None
) -> str:
    """The page of a scorecard; `change` is its comparison with the evaluation `before`."""
    figures = card["figures"]
    return render(
        "scorecard.html",
        {
            "card": card,
            "before": before,
            "change": change,
            "changes": None if change is None else change_rows(change),
            "tiles": [_tile(figures[name]) for name in LEADING if name in figures],
            "groups": [(title, rows) for key, title in GROUPS.items() if (rows := _rows(figures, key))],
            "plots": [
                plot for plot in (_refusals(card), _coverage(card), _search(card), _times(card)) if plot
            ],
            "ways": [(WAYS[way], card["worst"][way]) for way in WAYS if way in card["worst"]],
            "facts": facts(card),
        },
    )


def comparison(first: Mapping[str, Any], second: Mapping[str, Any], change: Mapping[str, Any]) -> str:
    """The page of a comparison of two scorecards' runs."""
    return render(
        "comparison.html",
        {"first": first, "second": second, "change": change, "changes": change_rows(change),
         "facts": [("First", facts(first)), ("Second", facts(second))]},
    )  # fmt: skip


def shown(kind: str, value: float | None) -> str:
    """A figure in its unit."""
    if kind == "share":
        return share(value)
    if kind == "time":
        return ABSENT if value is None else f"{value:,.0f} ms"
    return number(value, 3 if value is None or abs(value) < 100 else 0)


def change_rows(change: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Metric, both values, difference with its interval, p, and what that says."""
    rows: list[tuple[str, ...]] = []
    for each in change["figures"].values():
        kind = each["kind"]
        better = (each["difference"] > 0) == (each["better"] == "higher")
        word = ("better" if better else "worse") if each["p"] < 0.05 else "no difference seen"
        spread = f"{_signed(kind, each['low'])} to {_signed(kind, each['high'])}"
        rows.append(
            (each["label"], shown(kind, each["first"]), shown(kind, each["second"]),
             _signed(kind, each["difference"]), spread, f"{each['p']:.3g}", word, f"{each['n']:,}")
        )  # fmt: skip
    return rows


def facts(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was run, one thing a line."""
    suite, about = card["suite"], card["facts"]
    asked = f"{card['questions']:,} of {suite['questions']:,}" if "questions" in card else ABSENT
    return [
        ("Evaluation", card["evaluation"]),
        ("Suite", f"{suite['name']}, version {suite['version']}"),
        *([("Source", suite["source"])] if suite["source"] else []),
        *([("Licence", suite["licence"])] if suite["licence"] else []),
        ("Questions asked", asked),
        ("Assistant", card["assistant"]),
        ("Answers", f"written by {about['model']}" if about.get("model") else "quoted from the documents"),
        *(
            (name.replace("_", " ").capitalize(), str(value))
            for name, value in about.items()
            if name != "model"
        ),
    ]


def _signed(kind: str, value: float) -> str:
    text = shown(kind, abs(value))
    return text if not value else f"{'+' if value > 0 else '−'}{text}"


def _tile(figure: Mapping[str, Any]) -> dict[str, str]:
    return {
        "label": figure["label"],
        "value": shown(figure["kind"], figure["value"]),
        "note": f"{shown(figure['kind'], figure['low'])} to {shown(figure['kind'], figure['high'])}",
    }


def _rows(figures: Mapping[str, Any], group: str) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, each in figures.items():
        if (name.partition(".")[0] if "." in name else "") != group:
            continue
        kind = each["kind"]
        spread = f"{shown(kind, each['low'])} to {shown(kind, each['high'])}"
        rows.append((each["label"], shown(kind, each["value"]), spread, f"{each['n']:,}", each["meaning"]))
    return rows


def _refusals(card: Mapping[str, Any]) -> Markup | None:
    curve: Sequence[Mapping[str, Any]] = [point for point in card["refusals"] if "wrong" in point]
    kinds = list(card["unanswerable"])
    figures = card["figures"]
    if not curve or not kinds:
        return None
    drawn = [point for point in curve if point["wrong"] <= CURVE_UP_TO]
    lines = [Line(kind, [(point["wrong"], point["right"][kind]) for point in drawn]) for kind in kinds]
    wrong = figures["refusals.wrong"]["value"]
    name = "as it is set: {}" if len(kinds) > 1 else "as it is set"
    marks = [Mark(wrong, figures[f"refusals.right:{kind}"]["value"], name.format(kind)) for kind in kinds]
    at = card["threshold"]
    return line_plot(
        "What other thresholds would refuse",
        lines,
        x=Axis("answerable questions wrongly refused", "share", 0, max(CURVE_UP_TO, wrong)),
        y=Axis("unanswerable ones rightly refused", "share", 0, 1),
        marks=marks,
        text=(f"Refused is what has a confidence under {at:.3f}. " if at is not None else "")
        + "A point off its line was refused by checks of a written answer too.",
    )


def _coverage(card: Mapping[str, Any]) -> Markup | None:
    points = [(point["answered"], point["right"]) for point in card["coverage"]]
    if not points:
        return None
    return line_plot(
        "If only the surest answers were shown",
        [Line("answers", points)],
        x=Axis("answerable questions that are answered", "share", 0, 1),
        y=Axis("answers that are right", "share", 0, 1),
        marks=[Mark(*points[-1], "as it is set")],
        text="The further left, the higher the threshold.",
    )


def _search(card: Mapping[str, Any]) -> Markup | None:
    found = [(name, each) for name, each in card["figures"].items() if name.startswith("search.")]
    bars = [Bar(each["label"], each["value"], each["low"], each["high"]) for _, each in found]
    return bar_plot("What search found", bars, axis=Axis("of one", "number", 0, 1)) if bars else None


def _times(card: Mapping[str, Any]) -> Markup | None:
    names = {"first_ms": "first sentence", "total_ms": "whole answer"}
    lines = [
        Line(names[name], [(value, step / (len(values) - 1)) for step, value in enumerate(values)])
        for name, values in sorted(card["times"].items())
    ]
    if not lines:
        return None
    return line_plot(
        "How long it took",
        lines,
        x=Axis("milliseconds", low=0),
        y=Axis("questions done by then", "share", 0, 1),
    )
