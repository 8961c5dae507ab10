"""Two runs on the same questions: what became better or worse, how surely, and at which questions.

Questions are paired by id and text; those that only one run has are counted and left out. Shares are tested
by McNemar's exact test, means by random exchange of signs; intervals are paired bootstraps. With so many
metrics one in twenty looks significant by chance: read p beside the question that was asked beforehand.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from freehold.evaluation.metrics import METRICS, metric
from freehold.evaluation.scorecard import with_verdict
from freehold.evaluation.statistics import mcnemar, mean_interval, sign_flips
from freehold.evaluation.verdict import GOOD, UNKNOWN, Verdict, verdict

SHOWN = 200
"""Changed questions that are listed, those that became worse first."""
_ALTERED = 0.2
"""Token F1 by which an answer changed, though not what became of the question."""


def compare(first: Iterable[Mapping[str, Any]], second: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What the second run changes, metric by metric and question by question."""
    before = {record["id"]: _light(record) for record in first}
    pairs: dict[str, list[tuple[float, float]]] = {}
    changed: list[tuple[int, int, dict[str, Any]]] = []
    counts = {"worse": 0, "better": 0, "other": 0}
    paired, only_second = 0, 0
    for record in second:
        old = before.pop(record["id"], None)
        if old is None or old["question"] != record["question"]:
            only_second += 1
            if old is not None:
                before[record["id"]] = old
            continue
        paired += 1
        now = with_verdict(record)
        for name in old["figures"].keys() & now.keys():
            pairs.setdefault(name, []).append((old["figures"][name], now[name]))
        change = _change(old, record, now)
        if change is not None:
            counts[change["change"]] += 1
            rank = {"worse": 2, "better": 1, "other": 0}[change["change"]]
            (heapq.heappush if len(changed) < SHOWN else heapq.heappushpop)(changed, (rank, -paired, change))
    return {
        "paired": paired,
        "only_first": len(before),
        "only_second": only_second,
        "figures": _figures(pairs),
        "changes": counts,
        "changed": [each for _, _, each in sorted(changed, key=lambda each: each[:2], reverse=True)],
    }


def _figures(pairs: Mapping[str, list[tuple[float, float]]]) -> dict[str, dict[str, Any]]:
    order = {each.name: number for number, each in enumerate(METRICS)}
    known = [(name, about) for name in pairs if (about := metric(name)) is not None]
    told = {}
    for name, about in sorted(known, key=lambda each: (order[each[1].name], each[0])):
        both = np.array(pairs[name], dtype=np.float64)
        differences = both[:, 1] - both[:, 0]
        if about.kind == "share":
            p = mcnemar(int((differences < 0).sum()), int((differences > 0).sum()))
        else:
            p = sign_flips(differences)
        low, high = mean_interval(differences)
        told[name] = {
            "label": about.label + (f": {name.partition(':')[2]}" if ":" in name else ""),
            "kind": about.kind,
            "better": about.better,
            "first": round(float(both[:, 0].mean()), 6),
            "second": round(float(both[:, 1].mean()), 6),
            "difference": round(float(differences.mean()), 6),
            "low": round(low, 6),
            "high": round(high, 6),
            "p": float(f"{p:.3g}"),
            "test": "McNemar, exact" if about.kind == "share" else "sign flips",
            "n": len(both),
        }
    return told


def _light(record: Mapping[str, Any]) -> dict[str, Any]:
    """What of a record is kept while the other run is read."""
    told = {"verdict": verdict(record), "answer": said(record), "confidence": record.get("confidence")}
    return {"question": record["question"], "figures": with_verdict(record), "told": told}


def _change(
    old: Mapping[str, Any], record: Mapping[str, Any], now: Mapping[str, float]
) -> dict[str, Any] | None:
    new = _light(record)
    before, after = old["told"]["verdict"], new["told"]["verdict"]
    moved = now.get("answers.f1", 0.0) - old["figures"].get("answers.f1", 0.0)
    if before == after and abs(moved) < _ALTERED:
        return None
    return {
        "id": record["id"],
        "question": record["question"],
        "history": record["history"],
        "gold": record["gold"],
        "answerable": record["answerable"],
        "kind": record["kind"],
        "change": _direction(before, after, moved),
        "first": old["told"],
        "second": new["told"],
    }


def _direction(before: Verdict, after: Verdict, moved: float) -> str:
    if before == after:
        return "better" if moved > 0 else "worse"
    if (before in GOOD) == (after in GOOD) or before in UNKNOWN or after in UNKNOWN:
        return "other"
    return "better" if after in GOOD else "worse"


def said(record: Mapping[str, Any]) -> str:
    """The words that were shown."""
    if record["outcome"] == "failed":
        return str((record["error"] or {}).get("message", ""))
    return "".join(claim["text"] for claim in record["claims"]).strip()
