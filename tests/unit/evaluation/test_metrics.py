"""Figures of one question, against values worked out by hand and by others' programs."""

from __future__ import annotations

from typing import Any

import pytest

from freehold.evaluation.metrics import METRICS, figures, gained, metric, ndcg
from freehold.evaluation.verdict import verdict


def record(**values: Any) -> dict[str, Any]:
    """A question that was answered from its gold passage, unless said otherwise."""
    return {
        "id": "q",
        "question": "How long do refunds take?",
        "history": [],
        "answerable": True,
        "kind": "",
        "gold": {"items": 1, "passages": ["p"], "documents": [], "quotes": [], "answers": ["five days"]},
        "found": [
            {"gold": gold, "title": "Refunds", "location": "p", "heading_path": ["Money"], "score": 0.5}
            for gold in (None, 0)
        ],
        "outcome": "answered",
        "claims": [{"text": "Refunds take five days.", "citations": [1]}],
        "citations": [{"gold": 0, "number": 1, "title": "Refunds", "location": "p", "quote": "five days"}],
        "checks": [],
        "confidence": 0.8,
        "threshold": 0.1,
        "model_id": None,
        "timings": {"first": 10.0, "total": 20.0},
        "usage": {"cpu_seconds": 0.5, "prompt_tokens": 3, "cached_tokens": 1, "completion_tokens": 2},
        "error": None,
    } | values


@pytest.mark.parametrize(
    ("items", "found", "expected"),
    [  # ir_measures 0.4.3: nDCG@10
        (2, [None, 0, None, 1], 0.6509209298071326),
        (1, [0, None], 1.0),
        (3, [None, None, 2, None, 0], 0.41618115554873086),
        (1, [None], 0.0),
    ],
)
def test_ndcg(items: int, found: list[int | None], expected: float) -> None:
    assert ndcg(gained(found), items) == pytest.approx(expected)


def test_a_document_found_twice_counts_once() -> None:
    assert gained([0, 0, None, 1]) == [1, 4]


def test_a_question_answered_well() -> None:
    assert figures(record()) == {
        "failed": 0.0,
        "search.hit@1": 0.0,
        "search.hit@3": 1.0,
        "search.hit@5": 1.0,
        "search.hit@10": 1.0,
        "search.mrr@10": 0.5,
        "search.ndcg@10": pytest.approx(0.6309297535714574),
        "answers.answered": 1.0,
        "refusals.wrong": 0.0,
        "answers.f1": pytest.approx(2 * 0.5 * 1 / 1.5),
        "answers.first": 1.0,
        "answers.within3": 1.0,
        "answers.citation_precision": 1.0,
        "answers.citation_recall": 1.0,
        "cost.cpu_seconds": 0.5,
        "speed.first_ms": 10.0,
        "speed.total_ms": 20.0,
    }


def test_a_refusal_is_a_miss_of_answers_but_not_of_search() -> None:
    found = figures(
        record(outcome="refused", claims=[{"text": "I don't know: five days", "citations": []}], citations=[])
    )
    assert (found["answers.f1"], found["answers.first"], found["refusals.wrong"]) == (0.0, 0.0, 1.0)
    assert found["search.hit@3"] == 1.0
    assert not {"answers.citation_precision", "answers.citation_recall", "speed.first_ms"} & found.keys()


def test_unanswerable_questions_are_judged_by_refusal_alone() -> None:
    gold = {"items": 0, "passages": ["p"], "documents": [], "quotes": [], "answers": []}
    found = figures(record(answerable=False, kind="off topic", gold=gold, found=None))
    assert found["refusals.right"] == found["refusals.right:off topic"] == 0.0
    assert not any(name.startswith(("answers.", "search.")) for name in found)
    assert figures(record(outcome="failed")) == {"failed": 1.0}


def test_sentences_of_a_model() -> None:
    checks = [{"supported": True}, {"supported": False}, {"supported": True}, {"supported": True}]
    found = figures(record(checks=checks, model_id="m", citations=[{"gold": 0}, {"gold": None}]))
    assert found["answers.supported"] == 0.75
    assert found["answers.citation_precision"] == 0.5
    assert (found["cost.prompt_tokens"], found["cost.completion_tokens"]) == (3.0, 2.0)


def test_metrics_are_known_by_their_names() -> None:
    assert len({each.name for each in METRICS}) == len(METRICS)
    for name in figures(record(checks=[{"supported": True}], model_id="m")):
        assert metric(name) is not None, name
    for name in ("speed.total_ms.p95", "refusals.right:off topic"):
        assert metric(name) is not None
    assert metric("answers.charm") is None


@pytest.mark.parametrize(
    ("expected", "values"),
    [
        ("right", {}),
        ("right", {"claims": [{"text": t} for t in ("One.", "Two.", "It is five days.")]}),
        ("wrong answer", {"claims": [{"text": t} for t in ("One.", "Two.", "Three.", "It is five days.")]}),
        ("wrongly refused", {"outcome": "refused"}),
        ("rightly refused", {"outcome": "refused", "answerable": False}),
        ("wrongly answered", {"answerable": False}),
        ("failed", {"outcome": "failed"}),
    ],
)
def test_verdicts(expected: str, values: dict[str, Any]) -> None:
    assert verdict(record(**values)) == expected


def test_verdicts_without_short_answers() -> None:
    gold = {"items": 1, "passages": ["p"], "documents": [], "quotes": [], "answers": ["so " * 20]}
    assert verdict(record(gold=gold)) == "right"
    assert verdict(record(gold=gold, citations=[{"gold": None}])) == "wrong answer"
    nowhere = gold | {"items": 0, "passages": []}
    assert verdict(record(gold=nowhere)) == "wrong answer"
    assert verdict(record(gold=nowhere, claims=[{"text": "so " * 9}])) == "right"
    assert verdict(record(gold=nowhere | {"answers": []})) == "answered"
