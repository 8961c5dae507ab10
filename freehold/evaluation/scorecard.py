"""A run's figures: every metric with its interval, the curve of refusals, the questions that went worst.

Reads a run's records once. Knows nothing of how they came about, or of pages.
"""

from __future__ import annotations

import heapq
import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from freehold.evaluation.metrics import METRICS, Metric, figures, metric
from freehold.evaluation.statistics import Figures, mean_interval, quantile_interval, share_interval
from freehold.evaluation.verdict import GOOD, UNKNOWN, verdict

FORMAT = 1
"""Of scorecards; grows when a reader of old ones would misread a new one."""
WORST = 10
"""Questions shown of each way to go wrong."""
PERCENTILES = (50, 95)
STEPS = 100
"""Points of a curve."""


def with_verdict(record: Mapping[str, Any]) -> dict[str, float]:
    """A record's figures, whether it was dealt with rightly among them."""
    found, word = figures(record), verdict(record)
    if word not in UNKNOWN:
        found["right"] = float(word in GOOD)
    return found


def scorecard(header: Mapping[str, Any], records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What the records come to; `header` says what was run, and is kept with it."""
    values: dict[str, array[float]] = {}
    confidence: dict[str, array[float]] = {}
    coverage: list[tuple[float, bool]] = []
    verdicts: Counter[str] = Counter()
    worst: dict[str, list[tuple[float, int, Mapping[str, Any]]]] = {}
    thresholds: Counter[float] = Counter()
    unknown = 0
    count = 0
    for count, record in enumerate(records, 1):
        for name, value in with_verdict(record).items():
            values.setdefault(name, array("d")).append(value)
        word = verdict(record)
        verdicts[word] += 1
        if word not in GOOD | UNKNOWN:
            heap = worst.setdefault(word, [])
            entry = (_badness(record), -count, record)
            (heapq.heappush if len(heap) < WORST else heapq.heappushpop)(heap, entry)
        if record["outcome"] == "failed":
            continue
        if record["threshold"] is not None:
            thresholds[record["threshold"]] += 1
        sure = _sureness(record)
        group = "" if record["answerable"] else record["kind"]
        confidence.setdefault(group, array("d")).append(sure)
        if record["answerable"] and record["outcome"] == "answered" and word not in UNKNOWN:
            coverage.append((sure, word in GOOD))
        unknown += bool(record.get("gold_unknown"))
    threshold = thresholds.most_common(1)[0][0] if thresholds else None
    groups = {name: np.frombuffer(sure, dtype=np.float64) for name, sure in confidence.items()}
    return {
        "format": FORMAT,
        **header,
        "questions": count,
        "answerable": len(confidence.get("", ())),
        "unanswerable": {name: len(sure) for name, sure in sorted(groups.items()) if name},
        "verdicts": dict(verdicts.most_common()),
        "gold_unknown": unknown,
        "figures": _figures({name: np.frombuffer(each, dtype=np.float64) for name, each in values.items()}),
        "threshold": threshold,
        "refusals": _refusals(groups),
        "coverage": _coverage(coverage, len(groups.get("", ()))),
        "times": _times(values.get("speed.total_ms"), values.get("speed.first_ms")),
        "worst": {
            word: [dict(record) for _, _, record in sorted(heap, key=lambda each: each[:2], reverse=True)]
            for word, heap in worst.items()
        },
    }


def _figures(values: Mapping[str, Figures]) -> dict[str, dict[str, Any]]:
    order = {each.name: number for number, each in enumerate(METRICS)}
    known = [(name, found) for name in values if (found := metric(name)) is not None]
    told: dict[str, dict[str, Any]] = {}
    for name, about in sorted(known, key=lambda each: (order[each[1].name], each[0])):
        if about.kind == "time":
            for percent in PERCENTILES:
                told[f"{name}.p{percent}"] = _quantile(about, values[name], percent)
        else:
            interval = (share_interval if about.kind == "share" else mean_interval)(values[name])
            told[name] = _figure(about, name, float(values[name].mean()), *interval, len(values[name]))
    return told


def _quantile(about: Metric, values: Figures, percent: int) -> dict[str, Any]:
    label = f"{about.label}, {'median' if percent == 50 else f'{percent}th percentile'}"
    found = float(np.quantile(values, percent / 100))
    figure = _figure(about, about.name, found, *quantile_interval(values, percent / 100), len(values))
    return figure | {"label": label}


def _figure(about: Metric, name: str, value: float, low: float, high: float, n: int) -> dict[str, Any]:
    kind = name.partition(":")[2]
    return {
        "value": round(value, 6),
        "low": round(low, 6),
        "high": round(high, 6),
        "n": n,
        "label": f"{about.label}: {kind}" if kind else about.label,
        "kind": about.kind,
        "better": about.better,
        "meaning": about.meaning,
    }


def _refusals(groups: Mapping[str, Figures]) -> list[dict[str, Any]]:
    """What each threshold would refuse of the answerable questions and of each kind of the others.

    Thresholds are read off the answerable ones, in steps of one per cent wrongly refused; without any, off
    all. What checks refuse beyond the threshold is not in it.
    """
    base = groups.get("")
    if base is None or not len(base):
        base = np.concatenate(list(groups.values())) if groups else np.zeros(0)
    finite = base[np.isfinite(base)]
    if not len(finite):
        return []
    points = []
    for at in sorted({float(each) for each in np.quantile(finite, np.arange(STEPS + 1) / STEPS)}):
        point: dict[str, Any] = {"confidence": round(at, 6), "right": {}}
        for name, sure in groups.items():
            refused = round(float((sure < at).mean()), 6)
            if name:
                point["right"][name] = refused
            else:
                point["wrong"] = refused
        points.append(point)
    return points


def _coverage(answered: list[tuple[float, bool]], answerable: int) -> list[dict[str, float]]:
    """If only the surest were answered: the share of answerable questions that is, and how many rightly."""
    ordered = sorted(answered, key=lambda each: -each[0])
    right = np.cumsum([good for _, good in ordered])
    places = (
        sorted({math.ceil(len(ordered) * step / STEPS) for step in range(1, STEPS + 1)}) if ordered else []
    )
    return [
        {"answered": round(at / answerable, 6), "right": round(float(right[at - 1]) / at, 6)} for at in places
    ]


def _times(total: array[float] | None, first: array[float] | None) -> dict[str, list[float]]:
    """Milliseconds by per cent of the questions."""
    steps = np.arange(STEPS + 1) / STEPS
    return {
        name: [round(float(each), 2) for each in np.quantile(np.frombuffer(found, dtype=np.float64), steps)]
        for name, found in (("total_ms", total), ("first_ms", first))
        if found
    }


def _sureness(record: Mapping[str, Any]) -> float:
    """The confidence; where none was needed, beyond every threshold on the side that it fell."""
    if record["confidence"] is not None:
        return float(record["confidence"])
    return math.inf if record["outcome"] == "answered" else -math.inf


def _badness(record: Mapping[str, Any]) -> float:
    """Of two that went wrong the same way, the worse: the surer wrong answer, the needless refusal."""
    if record["outcome"] == "failed":
        return 0.0
    if record["outcome"] == "answered":
        return _sureness(record)
    found = [passage["gold"] for passage in record["found"] or ()]
    first = next((place for place, item in enumerate(found, 1) if item is not None), None)
    return (1 / first if first else 0.0) + min(1.0, max(0.0, _sureness(record)))
