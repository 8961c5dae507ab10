"""What a rehearsal's records come to, and the page that says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from freehold.evaluation.records import Records
from freehold.evaluation.rehearsal_page import page
from freehold.evaluation.rehearse import judged, report, suite_of
from freehold.evaluation.tickets import Ticket

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> Where can I park?"
TICKETS = [
    Ticket("1", 2, "How long do refunds take? Write to [email 1].", "Within five working days."),
    Ticket("2", 3, "Can I bring my dog?", "Dogs are welcome."),
    Ticket("3", 4, HOSTILE, "Behind the house, {{ 7 * 7 }}."),
    Ticket("4", 5, "Do you repair bicycles?", "Yes, on Mondays."),
    Ticket("5", 6, "Can you repair my bicycle?", "Bring it on a Monday."),
    Ticket("6", 7, "Where is my parcel?", "Could you send me the number?"),
]
ANSWERS = {0: "A refund takes five working days.", 1: "No, dogs are not allowed.", 5: "See My orders."}


def record(number: int) -> dict[str, Any]:
    answer = ANSWERS.get(number)
    return {
        "id": str(number),
        "question": TICKETS[number].question,
        "outcome": "refused" if answer is None else "answered",
        "claims": [{"text": answer or "I could not find an answer.", "citations": []}],
        "citations": [],
        "nearby": [{"title": "Repairs", "location": "repairs.md"}] if number == 3 else [],
        "confidence": 0.9,
        "usage": {"cpu_seconds": 0.5, "prompt_tokens": 10, "completion_tokens": 2, "wall_seconds": 1.0},
        "timings": {"total": 100.0 + number, "first": 50.0},
    }


@pytest.fixture
def made(tmp_path: Path) -> dict[str, Any]:
    records, verdicts = Records(tmp_path), Records(tmp_path / "judged")
    verdicts.path.parent.mkdir()
    records.open()
    for number in range(len(TICKETS)):
        records.append(record(number))
    records.close()
    judged(tickets, records, verdicts, None)
    judged(tickets, records, verdicts, None)  # what is there is not done again
    assert len(list(verdicts)) == len(ANSWERS)
    header = {
        "id": "r1", "created_at": 0.0, "finished_at": 1.0, "tickets": 6,
        "facts": {"model": None, "documents": 1},
        "wish": {"file": "<b>tickets</b>.csv", "assistant": "default"},
        "reading": {"rows": 6, "threads": 6, "drawn": 6, "usable": 6, "left_out": {}, "masked": {"email": 1}},
    }  # fmt: skip
    return report(header, tickets, records, verdicts, None)


def tickets() -> Iterator[Ticket]:
    yield from TICKETS


def test_outcomes_verdicts_gaps_and_cost(made: dict[str, Any]) -> None:
    assert made["outcomes"] == {"answered": 3, "refused": 3, "handoff": 0, "failed": 0}
    assert made["verdicts"] == {
        "agrees": 1, "partly": 0, "differs": 0, "contradicts": 1, "not comparable": 1
    }  # fmt: skip
    assert made["worst"] == ["1"]
    assert [(gap["count"], gap["nearest"]) for gap in made["gaps"]] == [(2, ["Repairs"]), (1, [])]
    assert made["cost"]["cpu_seconds"] == 3.0 and made["cost"]["prompt_tokens"] == 60
    assert 0 < made["resolved"]["value"] < 3 / 6
    assert made["resolved"]["low"] <= made["resolved"]["value"] <= made["resolved"]["high"]


def test_what_tickets_say_is_escaped_on_the_page(made: dict[str, Any]) -> None:
    text = page(made)
    assert "<script" not in text and "<img" not in text and "<b>tickets" not in text
    assert "&lt;script&gt;" in text and "{{ 7 * 7 }}" in text
    assert not re.search(r"(?:src|href)=\"(?!#)", text)
    assert text.count("<h1>") == 1 and 'lang="en"' in text


def test_placeholders_are_not_asked(tmp_path: Path) -> None:
    suite = suite_of(tickets, "x.csv", tmp_path, "v", len(TICKETS))
    asked = list(suite.questions())
    assert [question.id for question in asked] == ["0", "1", "2", "3", "4", "5"]
    assert asked[0].text == "How long do refunds take? Write to ."
