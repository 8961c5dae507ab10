"""What a record is worth: figures of one question, and how figures of many are summed up.

Search is judged by binary gains over the ten best passages, answers as SQuAD's evaluation does it. Knows
nothing of files; records are what `run.py` writes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from freehold.assistant.marks import without_ours
from freehold.tasks.metrics import f1, holds

DEPTH = 10
"""Passages that are looked at."""
CUTS = (1, 3, 5, 10)

Kind = Literal["share", "mean", "time"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a scorecard."""

    name: str
    label: str
    kind: Kind
    """`share` of questions, `mean` over questions, or a `time` whose median and 95th percentile are told."""
    better: Literal["higher", "lower"]
    meaning: str


METRICS = (
    Metric("right", "dealt with rightly", "share", "higher", "answered rightly, or rightly refused"),
    *(
        Metric(
            f"search.hit@{cut}",
            f"hit@{cut}",
            "share",
            "higher",
            f"questions with a gold passage among the best {cut}",
        )
        for cut in CUTS
    ),
    Metric("search.mrr@10", "MRR@10", "mean", "higher", "one over the place of the first gold passage"),
    Metric(
        "search.ndcg@10", "nDCG@10", "mean", "higher", "gold passages, counting less the lower they stand"
    ),
    Metric("answers.answered", "answered", "share", "higher", "answerable questions that were answered"),
    Metric("answers.f1", "token F1", "mean", "higher", "words shared with the nearest gold answer (SQuAD)"),
    Metric("answers.first", "gold in the first sentence", "share", "higher", "a gold answer stands in it"),
    Metric(
        "answers.within3", "gold within three", "share", "higher", "… in one of the first three sentences"
    ),
    Metric(
        "answers.supported", "supported", "mean", "higher", "of the sentences a model wrote, the share shown"
    ),
    Metric(
        "answers.citation_precision",
        "citation precision",
        "mean",
        "higher",
        "citations that are gold passages",
    ),
    Metric("answers.citation_recall", "citation recall", "mean", "higher", "gold passages that are cited"),
    Metric("refusals.wrong", "wrong refusals", "share", "lower", "answerable questions that were refused"),
    Metric("refusals.right", "right refusals", "share", "higher", "unanswerable questions that were refused"),
    Metric("speed.first_ms", "first sentence", "time", "lower", "milliseconds until a sentence was shown"),
    Metric("speed.total_ms", "whole answer", "time", "lower", "milliseconds until the answer was complete"),
    Metric("cost.prompt_tokens", "tokens read", "mean", "lower", "by the model, for a question"),
    Metric("cost.cached_tokens", "… of them cached", "mean", "higher", "and so not computed again"),
    Metric("cost.completion_tokens", "tokens written", "mean", "lower", "by the model, for a question"),
    Metric("cost.cpu_seconds", "processor seconds", "mean", "lower", "of all processes, for a question"),
    Metric("failed", "failed", "share", "lower", "questions that ended in an error"),
)
"""In the order in which they are shown. `refusals.right` also comes by kind: `refusals.right:KIND`."""


def metric(name: str) -> Metric | None:
    """The metric of a name; kinds of refusals and percentiles belong to theirs."""
    base = re.sub(r"(:.*|\.p\d+)$", "", name)
    return next((each for each in METRICS if each.name == base), None)


def figures(record: Mapping[str, Any]) -> dict[str, float]:
    """Every metric that has a value for this record."""
    if record["outcome"] == "failed":
        return {"failed": 1.0}
    found = {"failed": 0.0, **_search(record), **_cost(record)}
    refused = record["outcome"] != "answered"
    if record["answerable"]:
        found |= {"answers.answered": float(not refused), "refusals.wrong": float(refused)}
        found |= _answer(record, refused)
    else:
        found |= {"refusals.right": float(refused), f"refusals.right:{record['kind']}": float(refused)}
    return found


def _search(record: Mapping[str, Any]) -> dict[str, float]:
    items = record["gold"]["items"]
    if not items or record["found"] is None:
        return {}
    places = gained([passage["gold"] for passage in record["found"][:DEPTH]])
    first = places[0] if places else math.inf
    return {
        **{f"search.hit@{cut}": float(first <= cut) for cut in CUTS},
        "search.mrr@10": 1 / first,
        "search.ndcg@10": ndcg(places, items),
    }


def _answer(record: Mapping[str, Any], refused: bool) -> dict[str, float]:
    found: dict[str, float] = {}
    sentences = [] if refused else [without_ours(claim["text"]) for claim in record["claims"]]
    if answers := record["gold"]["answers"]:
        found["answers.f1"] = max(f1("".join(sentences), gold) for gold in answers)
        holding = [any(holds(sentence, gold) for gold in answers) for sentence in sentences]
        found["answers.first"] = float(any(holding[:1]))
        found["answers.within3"] = float(any(holding[:3]))
    if record["checks"]:
        found["answers.supported"] = sum(each["supported"] for each in record["checks"]) / len(
            record["checks"]
        )
    if items := record["gold"]["items"]:
        cited = [citation["gold"] for citation in record["citations"]]
        if cited:
            found["answers.citation_precision"] = sum(each is not None for each in cited) / len(cited)
        if not refused:
            found["answers.citation_recall"] = len({each for each in cited if each is not None}) / items
    return found


def _cost(record: Mapping[str, Any]) -> dict[str, float]:
    timings, usage = record["timings"], record["usage"]
    found = {"cost.cpu_seconds": usage["cpu_seconds"]}
    if record["model_id"] is not None:
        found |= {
            f"cost.{name}": float(usage[name])
            for name in ("prompt_tokens", "cached_tokens", "completion_tokens")
        }
    if record["outcome"] == "answered" and "first" in timings:
        found["speed.first_ms"] = timings["first"]
    if "total" in timings:
        found["speed.total_ms"] = timings["total"]
    return found


def gained(items: Sequence[int | None]) -> list[int]:
    """The places, from 1, at which a gold item is met for the first time."""
    seen: set[int] = set()
    places = []
    for place, item in enumerate(items, 1):
        if item is not None and item not in seen:
            seen.add(item)
            places.append(place)
    return places


def ndcg(places: Sequence[int], items: int, depth: int = DEPTH) -> float:
    """Gains of one at these places, each divided by log2(place + 1), over the best that was possible."""
    best = sum(1 / math.log2(place + 1) for place in range(1, min(items, depth) + 1))
    return sum(1 / math.log2(place + 1) for place in places) / best
