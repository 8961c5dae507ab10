"""Exports of help desks, and what people write in spreadsheets, become masked tickets."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from freehold.errors import InvalidInput
from freehold.evaluation import lines as line_reader
from freehold.evaluation import ticket_file
from freehold.evaluation.columns import find_columns
from freehold.evaluation.ticket_file import open_tickets
from freehold.evaluation.tickets import Reading, Ticket, Which, holds_messages, tickets


def read(
    path: Path,
    *,
    limit: int | None = None,
    which: Which = "first",
    **named: str,
) -> tuple[list[Ticket], Reading]:
    file = open_tickets(path)
    reading = Reading(None if holds_messages(file) else find_columns(file.columns, named))
    return list(tickets(file, reading, limit=limit, which=which)), reading


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(*lines: str) -> str:
    return "\n".join(("Ticket ID,Subject,Description,Agent reply,Requester", *lines)) + "\n"


def test_a_row_is_a_ticket(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.csv",
        rows(
            '17,Refund,"Hi,\nwhere is my money? I am at a.b@mail.example.\n\nThanks\nTove",'
            '"Hello Tove,\nwithin five days, Tove Berg.\n\nBest regards,\nLisa\nSupport",Tove Berg'
        ),
    )
    (ticket,), reading = read(path)
    assert ticket == Ticket(
        "17",
        2,
        "Refund\n\nwhere is my money? I am at [email 1].",
        "within five days, [name 1].",
    )
    assert (reading.rows, reading.threads, reading.usable) == (1, 1, 1)
    assert reading.masked == {"email": 1, "name": 1}


def test_messages_are_grouped_and_ordered(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.tsv",
        "conversation_id\tcreated_at\tsender_type\tbody\n"
        "a\t2026-03-01T10:05:00Z\tagent\tIn blue and red.\n"
        "b\t2026-03-01T09:00:00Z\tuser\tDo you ship to Norway?\n"
        "a\t2026-03-01T10:00:00Z\tuser\tWhich colours are there?\n"
        "a\t2026-03-01T10:20:00Z\tuser\tAnd in which sizes?\n"
        "b\t2026-03-01T09:01:00Z\tbot\tThis is an automated reply.\n"
        "a\t2026-03-01T10:30:00Z\tagent\tFrom S to XL.\n"
        "b\t2026-03-01T09:30:00Z\tagent\tYes, for 12 euros.\n",
    )
    found, reading = read(path)
    assert [(one.id, one.question, one.reply) for one in found] == [
        ("a", "Which colours are there?", "In blue and red."),
        ("b", "Do you ship to Norway?", "Yes, for 12 euros."),
    ]
    last, _ = read(path, which="last")
    assert (last[0].question, last[0].reply) == ("And in which sizes?", "From S to XL.")
    assert [turn.role for turn in last[0].history] == ["user", "assistant"]
    assert reading.rows == 7


def test_authors_that_are_only_names_are_told_apart_and_masked(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.csv",
        'thread,author,message\n1,Tove,Can Tove pay by card?\n1,Jonas,"Yes. Ask Jonas, or Tove\'s bank."\n',
    )
    (ticket,), _ = read(path)
    assert "Tove" not in ticket.question + ticket.reply
    assert "Jonas" not in ticket.reply


ZENDESK = {
    "id": 5,
    "subject": "Reset",
    "requester_id": 1,
    "requester": {"name": "Ida Holm"},
    "comments": [
        {"author_id": 1, "html_body": "<p>How do I <b>reset</b> it?</p><p>Ida</p>", "public": True},
        {"author_id": 2, "body": "Ask tier 2 first.", "public": False},
        {"author_id": 2, "body": "Hold the button, Ida.", "public": True},
    ],
}
INTERCOM = {
    "id": "99",
    "source": {"body": "<p>Is there a student price?</p>", "author": {"type": "user", "name": "Ida Holm"}},
    "conversation_parts": {
        "conversation_parts": [
            {"part_type": "note", "body": "vip", "author": {"type": "admin"}},
            {"part_type": "comment", "body": "<p>Yes, 20% off.</p>", "author": {"type": "admin"}},
        ]
    },
}
FRESHDESK = {
    "id": 7,
    "description_text": "Where is it made?",
    "conversations": [
        {"incoming": False, "private": True, "body_text": "Do we say?"},
        {"incoming": False, "private": False, "body_text": "In Porto."},
    ],
}
CHATWOOT = {
    "id": 8,
    "messages": [
        {"content": "Open on Sunday?", "message_type": 0, "created_at": 1_700_000_000},
        {"content": "Conversation was assigned", "message_type": 2, "created_at": 1_700_000_001},
        {"content": "No, closed.", "message_type": 1, "created_at": 1_700_000_002},
    ],
}
HELPSCOUT = {
    "id": 9,
    "subject": "Manual",
    "_embedded": {
        "threads": [
            {
                "type": "customer",
                "body": "Is there a manual?",
                "createdBy": {"type": "customer", "first": "Ida"},
            },
            {"type": "lineitem", "body": "closed", "createdBy": {"type": "user"}},
            {"type": "message", "body": "Yes, on the site.", "createdBy": {"type": "user", "first": "Jo"}},
        ]
    },
}


@pytest.mark.parametrize(
    ("record", "question", "reply"),
    [
        (ZENDESK, "How do I reset it?\n\n[name 1]", "Hold the button, [name 1]."),
        (INTERCOM, "Is there a student price?", "Yes, 20% off."),
        (FRESHDESK, "Where is it made?", "In Porto."),
        (CHATWOOT, "Open on Sunday?", "No, closed."),
        (HELPSCOUT, "Is there a manual?", "Yes, on the site."),
    ],
    ids=["zendesk", "intercom", "freshdesk", "chatwoot", "helpscout"],
)
@pytest.mark.parametrize("form", ["lines", "array", "wrapped", "indented"])
def test_help_desks_exports(
    tmp_path: Path, record: dict[str, Any], question: str, reply: str, form: str
) -> None:
    text = {
        "lines": json.dumps(record) + "\n" + json.dumps(record),
        "array": json.dumps([record, record]),
        "wrapped": json.dumps({"tickets": [record, record], "count": 2}),
        "indented": json.dumps([record, record], indent=2),
    }[form]
    found, reading = read(write(tmp_path / "export.json", text))
    assert [(one.question, one.reply) for one in found] == [(question, reply)] * 2
    assert reading.columns is None


def test_encodings_mixed_and_wide(tmp_path: Path) -> None:
    utf8, old = "1,,Öffnungszeiten?,Täglich.,\n".encode(), "2,,Größe?,Größe XL.,\n".encode("cp1252")
    path = write(tmp_path / "mixed.csv", b"\xef\xbb\xbf" + rows().encode() + utf8 + old)
    found, _ = read(path)
    assert [one.question for one in found] == ["Öffnungszeiten?", "Größe?"]
    wide = write(tmp_path / "wide.csv", rows("1,,Öffnungszeiten?,Täglich.,").encode("utf-16"))
    assert read(wide)[0][0].reply == "Täglich."


def test_formulas_stay_text(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", rows('1,,"\'=1+1 shows 3?",=HYPERLINK is off,'))
    (ticket,), _ = read(path)
    assert (ticket.question, ticket.reply) == ("=1+1 shows 3?", "=HYPERLINK is off")


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_an_array_on_one_line_is_read_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrapped: bool, suffix: str
) -> None:
    monkeypatch.setattr(line_reader, "LONGEST", 97)  # cuts characters, names and numbers in two
    monkeypatch.setattr(ticket_file, "_PIECE", 150)
    records = [
        {"question": f"Où est la facture n\u00ba {n} du 3 août\u20ac?", "reply": f"日本 {n}."}
        for n in range(50)
    ]
    text = json.dumps({"tickets": records} if wrapped else records, ensure_ascii=False).encode()
    path = write(tmp_path / f"export.json{suffix}", gzip.compress(text) if suffix else text)
    found, _ = read(path)
    assert [ticket.reply for ticket in found] == [record["reply"] for record in records]
    assert found[7].question == records[7]["question"]


def test_a_fault_in_an_array_on_one_line_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_reader, "LONGEST", 97)
    records = json.dumps([{"question": "Where?", "reply": "Here."}] * 50)
    with pytest.raises(InvalidInput, match=r"line 1: it is not sound JSON"):
        read(write(tmp_path / "a.json", records.replace("}]", "},")))
    with pytest.raises(InvalidInput, match=r"line 2: it is longer than 97 bytes"):
        read(write(tmp_path / "a.csv", rows("1," + "x" * 200)))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "Subject,Comment\nx,y\n", "no column|neither"),
        ("b.csv", rows("1,,ok?,yes,", '2,,"never closed,no,', "3,,x?,y,"), "line 3"),
        ("c.csv", rows("1,,ok?,yes,", "2,,a,b,c,d"), "line 3"),
        ("d.csv", rows("1,,ok?,yes,", '2,,"a"b,c,d'), "line 3"),
        ("e.csv", "", "empty"),
        ("f.csv", rows(), "no tickets"),
        ("g.xlsx", b"PK\x03\x04rest", "workbook"),
        ("h.json", '[{"question": "a?", "reply": "b"},\n{"question": 2,}]', "line 2"),
        ("i.json", '[{"question": "a?", "reply": "b"},\n{"question": ', "line 2"),
        ("j.jsonl", '{"question": "a", "reply": "b"}\n{"question": ', "line 2"),
        ("k.csv", rows("1,,a\0b?,c,"), "line 2"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        read(write(tmp_path / name, content))
    assert any(part in error.value.message for part in said.split("|")), error.value.message


def test_a_column_that_is_named_and_not_there(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", rows("1,,a?,b,"))
    with pytest.raises(InvalidInput, match=r"no column “Answer”.*“Agent reply”"):
        read(path, reply="Answer")
    assert read(path, reply="agent_reply")[0][0].reply == "b"


def test_tickets_that_cannot_be_replayed_are_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.csv",
        rows(
            "1,,Can I pay by card?,Yes.,",
            "2,,Can I pay by card?,,",
            "3,,Thanks!,You're welcome,",
            "4,,Where is it?,We have received your request and will be in touch.,",
        ),
    )
    found, reading = read(path)
    assert [one.id for one in found] == ["1"]
    assert reading.left_out == {
        "no person replied": 1,
        "no customer asks anything": 1,
        "only a machine replied": 1,
    }


def test_a_draw_is_even_repeatable_and_whole(tmp_path: Path) -> None:
    lines = [f"{n},user,Question {n} of many?\n{n},agent,Reply {n}.\n" for n in range(400)]
    shuffled = [row for turn in (0, 1) for text in lines for row in [text.splitlines()[turn]]]
    path = write(tmp_path / "t.csv", "ticket,role,message\n" + "\n".join(shuffled) + "\n")
    drawn, reading = read(path, limit=40)
    again, _ = read(path, limit=40)
    everything, _ = read(path)
    assert drawn == again
    assert len(drawn) == 40 and reading.threads == 400 and len(everything) == 400
    assert {one.id for one in drawn} < {one.id for one in everything}
    assert all(one.reply == f"Reply {one.id}." for one in drawn)
    places = [int(one.id) for one in drawn]
    assert min(places) < 60 and max(places) > 340


def test_an_id_that_names_a_person_is_not_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", rows("+44 20 7946 0958,,a?,b,", "x@mail.example,,a?,b,", "48213,,a?,b,"))
    assert [one.id for one in read(path)[0]] == ["line 2", "line 3", "48213"]


def test_quoted_history_and_signatures_are_taken_away(tmp_path: Path) -> None:
    question = (
        "Hello team,\\n\\nhow do I change the plan?\\n\\nKind regards\\nTove Berg\\nACME Ltd\\n\\n"
        "On Tue, 3 Mar 2026 at 10:12, Support <help@shop.example> wrote:\\n> Old words\\n"
    ).replace("\\n", "\n")
    path = write(
        tmp_path / "t.jsonl", json.dumps({"question": question, "reply": "Under Settings.\n-- \nJo"})
    )
    (ticket,), _ = read(path)
    assert (ticket.question, ticket.reply) == ("how do I change the plan?", "Under Settings.")
