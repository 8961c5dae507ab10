"""Files as people have them: encodings, quotes, cut-off lines; read right, or told with their line."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from freehold.errors import FreeholdError, InvalidInput, NotFound
from freehold.evaluation.lines import opened
from freehold.evaluation.tables import Columns, rows

GERMAN = "question;answer\nWie hoch sind die Gebühren?;Fünf € – höchstens\n"


def read(path: Path) -> list[tuple[int, dict[str, object]]]:
    return [(row.line, dict(row.values)) for row in rows(path)]


def refused(path: Path) -> str:
    with pytest.raises(FreeholdError) as raised:
        read(path)
    return raised.value.message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_ends_of_lines(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(GERMAN.replace("\n", end).encode(encoding))
    assert read(path) == [(2, {"question": "Wie hoch sind die Gebühren?", "answer": "Fünf € – höchstens"})]


def test_a_file_pasted_together_from_two_encodings(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("question\nGebühren?\n".encode() + "Öffnung?\n".encode("cp1252") + "Übrig?\n".encode())
    assert [values["question"] for _, values in read(path)] == ["Gebühren?", "Öffnung?", "Übrig?"]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"question\nfine\n\x81\xff\x81\n")
    assert refused(path) == f"{path}, line 3: byte 1 (0x81) is neither UTF-8 nor Windows-1252."
    path.write_bytes(b"question\nfi\0ne\n")
    assert "line 2: it holds binary data" in refused(path)
    path.write_bytes(GERMAN.encode("utf-16") + b"\x00\xd8")
    assert "line 3: it is not UTF-16" in refused(path)
    assert refused(tmp_path / "none.csv") == f"There is no file {tmp_path / 'none.csv'}."


def test_quotes_delimiters_and_breaks_within_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('\nsep=,\nquestion,answer\n"one, ""two""\nthree",=1+1\n\n,\nlast,@SUM(A1)\n')
    assert read(path) == [
        (4, {"question": 'one, "two"\nthree', "answer": "=1+1"}),
        (8, {"question": "last", "answer": "@SUM(A1)"}),
    ]
    path.write_text("question\tanswer\nA, b\tc\n")
    assert read(path) == [(2, {"question": "A, b", "answer": "c"})]
    path.write_text("question,answer\nshort\n")
    assert read(path) == [(2, {"question": "short", "answer": ""})]


def test_broken_quotes_name_the_row_where_they_begin(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('question,answer\nfine,yes\n"never closed,no\n' + "more,rows\n" * 50)
    assert refused(path) == f"{path}, line 3: a quote that opens in this row is never closed."
    path.write_text('question,answer\n"never closed,no\n' + "more,rows\n" * 120_000)
    assert "line 2: a quote that opens" in refused(path)
    path.write_text('question,answer\n"closed"early,no\n')
    assert "line 2: it is not sound CSV" in refused(path)
    path.write_text("question,answer\none,two,three\n")
    assert refused(path) == f"{path}, line 2: it has 3 cells for 2 columns."
    path.write_text("question,question\na,b\n")
    assert refused(path) == f"{path}, line 1: the column 'question' is there twice."


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"question": "a"}\n\n{"question": "\\ud83d half", "n": [1]}\n')
    assert read(path) == [(1, {"question": "a"}), (3, {"question": "\ufffd half", "n": [1]})]
    path.write_text('{"question": "a"}\n{"question": \n')
    assert "line 2: it is not JSON (" in refused(path)
    path.write_text('{"question": "a"}\n["b"]\n')
    assert "line 2: it is not a JSON object" in refused(path)
    path.write_text("[\n" + '{"question": "a"}]')
    with pytest.raises(InvalidInput) as raised:
        read(path)
    assert raised.value.hint == "Write one object a line, without the brackets around them."
    path.write_text('{"a": ' + "[" * 100_000)
    assert "line 1: it is not JSON (" in refused(path)


def test_compressed_files(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    whole = gzip.compress(b'{"question": "a"}\n' * 20_000)
    path.write_bytes(whole)
    assert len(read(path)) == 20_000
    path.write_bytes(whole[: len(whole) // 2])
    assert "the compressed file is damaged or cut off" in refused(path)
    path.write_bytes(b"not gzip")
    assert "the compressed file is damaged or cut off" in refused(path)
    for damaged in (b"not gzip", whole[:14], whole[:10] + b"\xff" * 30):
        path.write_bytes(damaged)
        with pytest.raises(InvalidInput, match="damaged or cut off"), opened(path) as file:
            file.read(16)


def test_a_file_without_a_suffix_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "questions"
    path.write_text('{"question": "a"}\n')
    assert read(path) == [(1, {"question": "a"})]
    path.write_text("question\na\n")
    assert read(path) == [(2, {"question": "a"})]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_many_rows_take_little_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    line = "what is this about,an answer\n" if name == "a.csv" else '{"question": "what", "answer": "this"}\n'
    path.write_text(("question,answer\n" if name == "a.csv" else "") + line * 50_000)
    tracemalloc.start()
    assert sum(1 for _ in rows(path)) == 50_000
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_columns_are_found_by_usual_names_and_by_given_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Ticket ID,The_Question,Reply\n1,why?,because\n")
    usual = {"id": ("id",), "question": ("question", "the question"), "answer": ("answer",)}
    [row] = rows(path)
    assert Columns(usual).of(row) == {"question": "The_Question"}
    named = Columns(usual, {"answer": "reply", "id": "ticket-id"})
    assert named.of(row) == {"id": "Ticket ID", "question": "The_Question", "answer": "Reply"}
    with pytest.raises(InvalidInput) as raised:
        Columns(usual, {"answer": "Frage"}).of(row)
    assert raised.value.message == (
        f"{path}, line 2: there is no column 'Frage'; the columns are 'Ticket ID', 'The_Question', 'Reply'."
    )
    with pytest.raises(InvalidInput, match="no column to be named 'reply'"):
        Columns(usual, {"reply": "x"})
    with pytest.raises(NotFound):
        list(rows(tmp_path / "none"))
