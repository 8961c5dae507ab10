"""`rehearse` before anything is sent: preview, wrong use; and what is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from scripted import Ran, Script

from freehold.cli import rehearse

FILE = (
    "Ticket ID,Subject,Description,Agent reply,Requester\n"
    '7,,"Where is it? Write to tove@mail.example.","It left today, Tove.",Tove Berg\n'
    "8,,Thanks!,You're welcome,Ida\n"
)


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    path = tmp_path / "tickets.csv"
    path.write_text(FILE)
    return path


def test_a_preview_says_what_was_understood_and_asks_nobody(
    freehold: Callable[..., Ran], script: Script, tickets: Path
) -> None:
    ran = freehold("rehearse", str(tickets), "--preview")
    assert ran.status == 0
    assert "a row is a ticket" in ran.out and "Agent reply" in ran.out
    assert "Where is it? Write to [email 1]." in ran.out and "It left today, [name 1]." in ran.out
    assert "left out: no customer asks anything" in ran.out
    assert "Tove" not in ran.out and "tove@" not in ran.out
    assert script.asked == []
    seen = json.loads(freehold("rehearse", str(tickets), "--preview", "--json").out)
    assert (seen["rows"], seen["usable"], seen["masked"]) == (2, 1, {"email": 1, "name": 1})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--export-examples", "examples.jsonl"), "--consent"),
        (("--reply", "Answer"), "no column “Answer”"),
        (("--turn", "second"), "first or last"),
    ],
)
def test_wrong_use_is_said_and_writes_nothing(
    freehold: Callable[..., Ran],
    script: Script,
    tickets: Path,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    ran = freehold("rehearse", str(tickets), *arguments)
    assert ran.status in (1, 2) and said in ran.err
    assert script.asked == []
    assert [path.name for path in tickets.parent.iterdir() if path.is_file()] == ["tickets.csv"]


def test_only_masked_tickets_are_sent_and_a_broken_file_leaves_nothing(
    freehold: Callable[..., Ran], script: Script, tickets: Path
) -> None:
    path = "/api/v1/rehearsals"
    script.answer("POST", path, {"id": "r1"}, status=201)
    script.answer("POST", f"{path}/r1/tickets", {"tickets": 1})
    script.answer("POST", f"{path}/r1/start", {"error": {"code": "conflict", "message": "Busy."}}, status=409)
    script.answer("DELETE", f"{path}/r1", None, status=204)
    suite = tickets.parent / "suite"
    ran = freehold("rehearse", str(tickets), "--keep-suite", str(suite))
    assert ran.status == 1 and "Busy." in ran.err
    (sent,) = script.bodies("POST", f"{path}/r1/tickets")
    assert sent["first"] == 0
    assert sent["tickets"][0]["question"] == "Where is it? Write to [email 1]."
    assert "ove" not in json.dumps(script.asked)
    assert ("DELETE", f"{path}/r1", None) in script.asked
    assert list(suite.iterdir()) == []


def test_lots_fit_a_request() -> None:
    from freehold.evaluation.tickets import Ticket

    made = [Ticket(str(n), n, "q" * 4_000, "r" * 8_000) for n in range(40)]
    lots = list(rehearse.parts(iter(made)))
    assert [ticket for lot in lots for ticket in lot] == made
    assert all(sum(len(t.question) + len(t.reply) for t in lot) <= rehearse.BODY_CHARS for lot in lots)
