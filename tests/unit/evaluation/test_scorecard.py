"""Scorecards, comparisons and their pages."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from test_metrics import record

from freehold.evaluation.compare import compare
from freehold.evaluation.report import comparison, report
from freehold.evaluation.scorecard import WORST, scorecard

HEADER: dict[str, Any] = {
    "evaluation": "20260101-000000-shop-abcd",
    "suite": {
        "name": "Shop <b>", "version": "12", "licence": "CC0", "source": "us", "description": "",
        "questions": 9,
    },
    "facts": {"model": None, "model_id": None, "search": "hybrid", "documents": 3},
    "assistant": "default",
    "limit": None,
    "created_at": 0.0,
    "finished_at": 60.0,
}  # fmt: skip
UNKNOWN = {"items": 0, "passages": [], "documents": [], "quotes": [], "answers": []}


def off(n: int, confidence: float | None, outcome: str) -> dict[str, Any]:
    return record(
        id=f"off{n}", answerable=False, kind="off topic", gold=UNKNOWN, found=None, confidence=confidence,
        outcome=outcome, question="What is <script>alert(1)</script>?",
    )  # fmt: skip


def sample() -> list[dict[str, Any]]:
    asked = [record(id=str(n), confidence=n / 20, outcome="answered" if n else "refused") for n in range(20)]
    asked[7] |= {"claims": [{"text": "Six weeks.", "citations": []}], "citations": []}
    return [*asked, off(1, 0.01, "refused"), off(2, 0.6, "answered"), off(3, None, "refused")]


class Tags(HTMLParser):
    """Whether tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def sound(page: str) -> None:
    """A page that is whole, runs nothing, loads nothing and took no markup from questions."""
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert not {"script", "img", "iframe", "link", "b>"} & set(tags.seen)
    assert not re.search(r"""src=|href="(?!#)|url\(|@import""", page)
    assert "&lt;script&gt;" in page


def test_a_scorecard() -> None:
    card = scorecard(HEADER, sample())
    assert (card["questions"], card["answerable"], card["unanswerable"]) == (23, 20, {"off topic": 3})
    assert card["verdicts"] == {
        "right": 18, "rightly refused": 2, "wrongly refused": 1, "wrong answer": 1, "wrongly answered": 1
    }  # fmt: skip
    right = card["figures"]["right"]
    assert (right["value"], right["n"]) == (pytest.approx(20 / 23, abs=1e-6), 23)
    assert right["low"] < right["value"] < right["high"]
    assert card["figures"]["refusals.wrong"]["value"] == 0.05
    assert card["figures"]["refusals.right:off topic"]["value"] == pytest.approx(2 / 3, abs=1e-6)
    assert card["figures"]["speed.total_ms.p95"]["value"] == 20.0
    assert card["threshold"] == 0.1
    half = next(point for point in card["refusals"] if point["confidence"] > 0.46)
    assert half["wrong"] == 0.5
    assert half["right"]["off topic"] == pytest.approx(2 / 3, abs=1e-6)  # None: refused without a score
    assert card["coverage"][-1] == {"answered": 0.95, "right": pytest.approx(18 / 19, abs=1e-6)}
    assert card["coverage"][0] == {"answered": 0.05, "right": 1.0}
    assert [each["id"] for each in card["worst"]["wrongly answered"]] == ["off2"]
    json.dumps(card, allow_nan=False)


def test_the_worst_are_the_surest_mistakes() -> None:
    wrong = [record(id=str(n), confidence=n / 100, claims=[], citations=[]) for n in range(50)]
    card = scorecard(HEADER, wrong)
    assert [each["id"] for each in card["worst"]["wrong answer"]] == [
        str(n) for n in range(49, 49 - WORST, -1)
    ]


def test_a_comparison() -> None:
    second = [json.loads(json.dumps(each)) for each in sample()]
    for each in second[:8]:
        each |= {"outcome": "answered", "claims": [{"text": "It is five days.", "citations": []}]}
    second[9] |= {"outcome": "refused"}
    second[10]["question"] = "Another one?"
    second.append(record(id="new"))
    change = compare(sample(), second)
    assert (change["paired"], change["only_first"], change["only_second"]) == (22, 1, 2)
    assert change["changes"] == {"worse": 1, "better": 2, "other": 0}
    assert [(each["id"], each["change"]) for each in change["changed"]] == [
        ("9", "worse"), ("0", "better"), ("7", "better")
    ]  # fmt: skip
    right = change["figures"]["right"]
    assert right["difference"] == pytest.approx(1 / 22, abs=1e-6)
    assert right["p"] == 1.0  # two better, one worse: 2 * 4/8
    assert right["low"] <= right["difference"] <= right["high"]
    assert change["figures"]["search.mrr@10"]["p"] == 1.0
    same = compare(sample(), sample())
    assert same["changed"] == [] and {each["difference"] for each in same["figures"].values()} == {0.0}


def test_pages() -> None:
    card = scorecard(HEADER, sample())
    before = HEADER | {"finished_at": 0.0}
    better = [each | {"outcome": "refused"} for each in sample()]
    page = report(card, before, compare(better, sample()))
    sound(page)
    for text in ("Shop &lt;b&gt;", "dealt with rightly", "What changed since 1970-01-01", "as it is set"):
        assert text in page
    sound(comparison(card, card, compare(better, sample())))


@pytest.mark.parametrize(
    "records",
    [
        [record(outcome="failed", error={"message": "<script>", "code": "x", "hint": None})],
        [off(1, None, "refused")],
        [record(confidence=None, threshold=None, found=[], citations=[], timings={})],
        [record(gold=UNKNOWN, found=None)],
        [],
    ],
    ids=["failed", "refused", "bare", "nothing known", "none"],
)
def test_pages_of_odd_runs(records: list[dict[str, Any]]) -> None:
    card = scorecard(HEADER, records)
    page = report(card, None, None)
    assert "Scorecard: Shop" in page
    comparison(card, card, compare(records, records))
