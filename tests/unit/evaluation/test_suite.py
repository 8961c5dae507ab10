"""Suites in all the forms that people have them, and what is said of those that cannot be used."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from freehold.errors import FreeholdError
from freehold.evaluation.public_sets import suite
from freehold.evaluation.suite import LEFT_OUT, Suite
from freehold.types import Turn

ASKED = [
    {"id": "a", "question": "How long do refunds take?", "passages": ["p1"], "answers": ["five days"]},
    {"id": "b", "question": "When do you open?", "passages": ["p2", "p3"], "answers": ["at nine", "nine"]},
    {"id": "c", "question": "Do you sell boats?", "answerable": False, "kind": "off topic"},
]
PASSAGES = [
    {"id": "p1", "title": "Refunds", "text": "A refund takes five days."},
    {"id": "p2", "title": "Opening hours", "text": "We open at nine."},
    {"id": "p3", "title": "Opening hours", "text": "On Mondays, too."},
]


def jsonl(path: Path, rows: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def folder(path: Path, asked: list[Any] = ASKED, passages: list[Any] = PASSAGES) -> Path:
    jsonl(path / "questions.jsonl", asked)
    jsonl(path / "passages.jsonl", passages)
    return path


def refused(path: Path, **columns: str) -> str:
    with pytest.raises(FreeholdError) as raised:
        suite(path, columns)
    return raised.value.message


def test_a_folder_with_passages(tmp_path: Path) -> None:
    path = folder(tmp_path / "shop")
    (path / "suite.toml").write_text('name = "The shop"\nlicence = "CC0"\nsource = "us"\ndescription = "d"\n')
    found = suite(path)
    assert (found.name, found.licence, found.source, found.count) == ("The shop", "CC0", "us", 3)
    first, second, third = found.questions()
    assert (first.id, first.text, first.answers) == ("a", ASKED[0]["question"], ("five days",))
    assert second.passages == ("p2", "p3")
    assert (third.answerable, third.kind) == (False, "off topic")
    assert found.passages is not None
    assert [(each.id, each.document) for each in found.passages()][:2] == [
        ("p1", "Refunds"),
        ("p2", "Opening hours"),
    ]


def test_the_version_is_of_what_it_holds_not_of_how_it_is_written(tmp_path: Path) -> None:
    one = suite(jsonl(tmp_path / "one.jsonl", ASKED[2:]))
    (tmp_path / "two.csv").write_text("id,question,answerable,kind\nc,Do you sell boats?,no,off topic\n")
    (tmp_path / "three.tsv.gz").write_bytes(
        gzip.compress(
            "ID\tFrage\tanswerable\tkind\nc\tDo you sell boats?\tFALSE\toff topic\n".encode("utf-16")
        )
    )
    assert one.version == suite(tmp_path / "two.csv").version == suite(tmp_path / "three.tsv.gz").version
    assert one.version != suite(jsonl(tmp_path / "four.jsonl", [ASKED[2] | {"kind": "else"}])).version
    path = folder(tmp_path / "shop")
    before = suite(path)
    jsonl(path / "passages.jsonl", [*PASSAGES[:2], PASSAGES[2] | {"text": "Not on Mondays."}])
    assert suite(path).knowledge != before.knowledge
    assert suite(path).version != before.version


def test_conversations(tmp_path: Path) -> None:
    turns = (Turn("user", "Hello"), Turn("assistant", "Hi, how can I help?"))
    rows = [
        {"history": [["user", "Hello"], ["assistant", turns[1].text]], "question": "Open?"},
        {"messages": [{"role": "customer", "content": "Hello"}, {"role": "agent", "text": turns[1].text},
                      {"speaker": "U", "text": "Open?"}]},
        {"history": "Customer: Hello\nAgent: Hi, how can I help?", "question": "Open?"},
        {"history": json.dumps([["user", "Hello"], ["assistant", turns[1].text]]), "question": "Open?"},
    ]  # fmt: skip
    for question in suite(jsonl(tmp_path / "a.jsonl", rows)).questions():
        assert (question.text, question.history) == ("Open?", turns)


def test_header_gold_lists_and_defaults(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path / "a.jsonl",
        [
            {"suite": {"name": "Ours", "answerable": False}},
            {"question": "x", "quotes": "one\ntwo", "answers": 5},
        ],
    )
    found = suite(path)
    [question] = found.questions()
    assert (found.name, found.count) == ("Ours", 1)
    assert (question.id, question.quotes, question.answers) == ("line-2", ("one", "two"), ("5",))
    assert (question.answerable, question.kind) == (False, "unanswerable")


def test_rows_that_bring_their_passage(tmp_path: Path) -> None:
    context = {"context": "A refund takes five days.", "title": "Refunds"}
    found = suite(
        jsonl(
            tmp_path / "a.jsonl",
            [
                {
                    "question": "How long?",
                    "answers": {"text": ["five days"], "answer_start": [15]},
                    **context,
                },
                {"question": "How dear?", "answers": {"text": [], "answer_start": []}, **context},
            ],
        )
    )
    assert found.passages is not None
    [passage] = found.passages()
    how, dear = found.questions()
    assert how.passages == dear.passages == (passage.id,)
    assert (how.answers, how.answerable, dear.answerable) == (("five days",), True, False)


def test_squad_as_its_publishers_give_it(tmp_path: Path) -> None:
    asked = [
        {"id": "1", "question": "How long?", "answers": [{"text": "five days"}, {"text": "five days"}]},
        {"id": "2", "question": "How dear?", "answers": [], "is_impossible": True},
    ]
    path = tmp_path / "dev.json"
    data = [{"title": "Refunds", "paragraphs": [{"context": "A refund takes five days.", "qas": asked}]}]
    path.write_text(json.dumps({"version": "v2.0", "data": data}))
    found = suite(path)
    assert [(each.answers, each.answerable, each.kind) for each in found.questions()] == [
        (("five days",), True, ""),
        ((), False, "adversarial"),
    ]
    path.write_text('{"version": "v2.0", "data": [{"title": "x"}]}')
    assert "is not SQuAD's JSON: KeyError: 'paragraphs'" in refused(path)
    path.write_text('{"data": [{"title": "x", "paragraphs": [{"context": "c", "qas": 5}]}]}')
    assert "is not SQuAD's JSON: TypeError" in refused(path)
    path.write_text('{"version": "v2.0", "data": [')
    assert "is not SQuAD's JSON" in refused(path)


def test_public_sets_are_known_by_their_folders(tmp_path: Path) -> None:
    path = tmp_path / "dstc11"
    talk = [{"role": "user", "content": "A hotel, please."}, {"role": "assistant", "content": "Which?"},
            {"role": "user", "content": "Is it clean?"}]  # fmt: skip
    jsonl(
        path / "conversations.jsonl",
        [
            {"id": 1, "history": talk, "knowledge_seeking": True, "passage_ids": ["p1"], "answer": "It is."},
            {"id": 2, "history": talk, "knowledge_seeking": False, "passage_ids": []},
        ],
    )
    jsonl(path / "passages.jsonl", PASSAGES)
    found = suite(path)
    [question] = found.questions()
    assert (found.licence, question.text, len(question.history)) == ("CDLA-Sharing-1.0", "Is it clean?", 2)
    jsonl(tmp_path / "banking77" / "test.jsonl", [{"text": "Where is my card?", "label": "card_arrival"}])
    [question] = suite(tmp_path / "banking77").questions()
    assert (question.answerable, question.kind) == (False, "another subject")


def test_a_part_of_it_is_always_the_same_part(tmp_path: Path) -> None:
    rows = [{"id": str(n), "question": f"Question {n}?"} for n in range(50)]
    found, turned = (
        suite(jsonl(tmp_path / name, given)) for name, given in (("a.jsonl", rows), ("b.jsonl", rows[::-1]))
    )
    drawn = [question.id for question in found.chosen(7)]
    assert len(drawn) == 7
    assert [question.id for question in turned.chosen(7)] == drawn[::-1]
    assert {question.id for question in found.chosen(20)} > set(drawn)
    assert len(list(found.chosen(50))) == len(list(found.chosen(None))) == 50


def test_leaving_passages_out(tmp_path: Path) -> None:
    asked = [{"id": str(n), "question": "?", "passages": [f"p{n}", "all"][: 1 + n % 2]} for n in range(40)]
    held = [{"id": name, "text": "x"} for name in ("all", "never", *(f"p{n}" for n in range(40)))]
    whole = suite(folder(tmp_path / "shop", asked, held))
    part = whole.leaving_out(0.5)
    assert whole.passages is not None and part.passages is not None
    left = {each.id for each in part.passages()}
    assert "never" in left and 8 < len(left) < 34
    assert part.knowledge != whole.knowledge and part.version != whole.version
    for before, after in zip(whole.questions(), part.questions(), strict=True):
        assert set(after.passages) == set(before.passages) & left
        assert after.answerable == bool(after.passages)
        assert after.kind == ("" if after.answerable else LEFT_OUT)
    assert {each.id for each in whole.leaving_out(0.5).passages() or ()} == left  # type: ignore[misc]  # it has some
    with pytest.raises(FreeholdError, match="brings no passages"):
        suite(jsonl(tmp_path / "a.jsonl", ASKED[2:])).leaving_out(0.1)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"frage x": "?"}, "line 1: there is no question in it; the columns are 'frage x'."),
        ({"question": "  "}, "line 1: the question is empty."),
        ({"question": ["a"]}, "line 1: question is not text."),
        ({"question": "x" * 20_001}, "longer than 20,000 characters"),
        ({"question": "a", "answerable": "perhaps"}, "answerable is 'perhaps'; write true or false."),
        ({"question": "a", "answers": {"text": [[]]}}, "answers is not a text or a list of texts."),
        ({"question": "a", "answers": "[1"}, "answers begins like a JSON list and is none."),
        ({"question": "a", "history": [["clerk", "x"]]}, "nobody called 'clerk' is known in a history"),
        ({"question": "a", "history": [[1]]}, "neither {role, text} nor [role, text]"),
        ({"question": "a", "history": [{"role": "user"}]}, "a turn of the history has no text."),
        ({"question": "a", "history": "just words"}, "does not begin with who speaks"),
        ({"history": [["user", "a"], ["assistant", "b"]]}, "does not end with the customer"),
    ],
)
def test_rows_that_cannot_be_used_are_named(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    path = jsonl(tmp_path / "a.jsonl", [row])
    assert said in refused(path)
    assert str(path) in refused(path)


def test_suites_that_cannot_be_used(tmp_path: Path) -> None:
    path = folder(tmp_path / "shop", [*ASKED, ASKED[0]])
    assert "there are two questions with the id 'a'" in refused(path)
    folder(path, ASKED, [*PASSAGES, PASSAGES[1]])
    assert "there are two passages with the id 'p2'" in refused(path)
    folder(path, ASKED, PASSAGES[:1])
    assert "question 'b' names passage 'p2', which is not there" in refused(path)
    folder(path, ASKED, [{"id": "p1"}])
    assert "a passage needs the column text" in refused(path)
    folder(path)
    (path / "questions.csv").write_text("question\n")
    assert "has both questions.jsonl and questions.csv" in refused(path)
    (path / "questions.csv").unlink()
    (path / "suite.toml").write_text("name = \n")
    assert "suite.toml" in refused(path)
    (path / "suite.toml").write_text('nam = "x"\n')
    assert "suite.toml: nam: Extra inputs are not permitted." in refused(path)
    (path / "suite.toml").unlink()
    (path / "documents").mkdir()
    assert "has both passages and documents" in refused(path)
    (path / "passages.jsonl").unlink()
    for location in ("../questions.jsonl", "a\0b", "a" * 300):
        jsonl(path / "questions.jsonl", [{"question": "a", "documents": [location]}])
        assert "which is not in" in refused(path)
    (path / "questions.jsonl").unlink()
    assert f"There are no questions in {path}." in refused(path)
    (tmp_path / "empty.csv").write_text("question,answer\n")
    assert "There are no questions in" in refused(tmp_path / "empty.csv")
    assert "There is no suite" in refused(tmp_path / "none")
    (tmp_path / "a.csv").write_text("question\nx\n")
    assert "there is no column 'Frage'" in refused(tmp_path / "a.csv", question="Frage")


def test_a_suite_with_documents(tmp_path: Path) -> None:
    path = tmp_path / "shop"
    jsonl(path / "questions.jsonl", [{"question": "a", "documents": ["help/refunds.md"]}])
    document = path / "documents" / "help" / "refunds.md"
    document.parent.mkdir(parents=True)
    document.write_text("# Refunds\n\nFive days.\n")
    found = suite(path)
    assert found.documents == path / "documents"
    document.write_text("# Refunds\n\nSix days.\n")
    assert suite(path).knowledge != found.knowledge


def test_many_questions_take_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("question\n" + "".join(f"=Question {n}?\n" for n in range(4_000)))
    tracemalloc.start()
    found: Suite = suite(path)
    assert found.count == 4_000
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
    assert next(found.questions()).text == "=Question 0?"
