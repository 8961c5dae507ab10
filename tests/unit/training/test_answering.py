"""A teacher's answers: what is asked, what is written, and how a file that was cut off goes on."""

from __future__ import annotations

import asyncio
import fcntl
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from freehold.errors import (
    Conflict,
    EndpointRefused,
    EngineCrashed,
    FreeholdError,
    InvalidInput,
    NoRoom,
    NotFound,
    Overloaded,
)
from freehold.training.answer_file import answer_file
from freehold.training.answering import IN_A_ROW, Answering, Said, Tally
from freehold.training.prompts import Prompt, prompts

TEACHER = {"name": "large", "licence": "mit", "model": "ab", "temperature": 0.0}

SYSTEM = {"role": "system", "content": "Policy. One. Two."}


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def write(path: Path, values: list[dict[str, Any]]) -> Path:
    path.write_text("".join(f"{json.dumps(value)}\n" for value in values))
    return path


def made(folder: Path, count: int = 6) -> list[Prompt]:
    values = [{"messages": [user(f"Question {number}?")]} for number in range(count)]
    return list(prompts(write(folder / "prompts.jsonl", values)))


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


class Teacher:
    """Says what it is told to; knows what it was asked."""

    def __init__(self, says: Callable[[str], Said | FreeholdError] = lambda text: Said("Yes.", True)) -> None:
        self.asked: list[str] = []
        self._says = says

    async def __call__(self, prompt: Prompt) -> Said:
        text = prompt.messages[-1]["content"]
        self.asked.append(text)
        await asyncio.sleep(0)
        said = self._says(text)
        if isinstance(said, FreeholdError):
            raise said
        return said


def go(asked: list[Prompt], out: Path, teacher: Teacher, at_once: int = 2) -> Tally:
    with answer_file(out, TEACHER) as file:
        answering = Answering(asked, file, lambda tally: None)
        try:
            asyncio.run(answering.run(teacher, at_once=at_once))
        finally:
            tally = answering.tally
    return tally


def test_the_teachers_answer_takes_the_place_of_the_last_and_all_else_is_kept(tmp_path: Path) -> None:
    value = {
        "messages": [SYSTEM, user("First?"), assistant("A."), user("Second?"), assistant("Old.")],
        "passages": [[8, 13]],
        "good": False,
        "id": 7,
    }
    asked = list(prompts(write(tmp_path / "prompts.jsonl", [value])))
    out = tmp_path / "new" / "answers.jsonl"
    go(asked, out, Teacher(lambda text: Said("Neu – \ud83d, \ud83d\ude00.", True)))
    (found,) = read(out)
    assert found["messages"] == [*value["messages"][:-1], assistant("Neu – \ufffd, 😀.")]
    assert found["teacher"] == TEACHER
    assert (found["passages"], found["id"]) == ([[8, 13]], 7)
    assert "good" not in found, "it judged the answer that was replaced"
    (again,) = prompts(out)
    assert again.digest == asked[0].digest


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"messages": [', "prompts.jsonl:3 is not JSON"),
        ("[" * 100_000, "prompts.jsonl:3 is not JSON"),
        ("[]", "prompts.jsonl:3 is not a JSON object"),
        ('{"text": "x"}', "prompts.jsonl:3 has no list `messages`"),
        (json.dumps({"messages": [assistant("x")]}), "prompts.jsonl:3 asks nothing"),
        (json.dumps({"messages": [user("x"), assistant("y"), assistant("z")]}), "asks nothing"),
        (json.dumps({"messages": [user("x"), {"role": "system", "content": ""}]}), "asks nothing"),
        (json.dumps({"messages": [user("x"), SYSTEM, user("y")]}), "in the middle"),
        (json.dumps({"messages": [user("x")], "passages": [[0, 9]]}), "prompts.jsonl:3: a passage lies"),
    ],
)
def test_a_bad_line_is_named_with_its_file_and_number(tmp_path: Path, line: str, said: str) -> None:
    path = write(tmp_path / "prompts.jsonl", [{"messages": [user("Well?")]}])
    path.write_text(f"{path.read_text()}\n{line}\n")
    with pytest.raises(InvalidInput) as caught:
        list(prompts(path))
    assert said in caught.value.message


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        list(prompts(tmp_path / "prompts.jsonl"))


@pytest.mark.parametrize("cut", [1, 5, 30, 140])
def test_a_file_that_was_cut_off_goes_on_and_nothing_is_asked_twice(tmp_path: Path, cut: int) -> None:
    asked, out = made(tmp_path), tmp_path / "answers.jsonl"
    go(asked[:4], out, Teacher(), at_once=1)
    whole = out.read_bytes()
    assert all(len(line) > 140 for line in whole.splitlines())
    out.write_bytes(whole[:-cut])
    teacher = Teacher()
    tally = go(asked, out, teacher)
    assert sorted(teacher.asked) == ["Question 3?", "Question 4?", "Question 5?"]
    assert (tally.there, tally.written, tally.done) == (3, 3, 6)
    assert sorted(each["messages"][0]["content"] for each in read(out)) == [
        f"Question {number}?" for number in range(6)
    ]
    assert out.read_bytes().startswith(whole[: whole.rindex(b"\n", 0, -cut) + 1])


def test_the_same_prompt_is_asked_once(tmp_path: Path) -> None:
    teacher = Teacher()
    tally = go(made(tmp_path, 2) * 2, tmp_path / "answers.jsonl", teacher)
    assert (len(teacher.asked), tally.written, tally.repeated) == (2, 2, 2)


def test_what_is_no_answer_is_counted_and_named_and_not_written(tmp_path: Path) -> None:
    says: list[Said | FreeholdError] = [
        Said(" \n", True),
        Said("Refunds take fi", False),
        EndpointRefused("It refuses.", hint="Ask kindly."),
        InvalidInput("The prompt has 9 tokens; the context holds 8."),
        EngineCrashed("It died."),
        Said("Five days.", True),
    ]
    out = tmp_path / "answers.jsonl"
    tally = go(made(tmp_path), out, Teacher(lambda text: says[int(text[9])]), at_once=1)
    assert [(each.where, each.why) for each in tally.unanswered] == [
        ("prompts.jsonl:1", "empty"),
        ("prompts.jsonl:2", "cut"),
        ("prompts.jsonl:3", "refused"),
        ("prompts.jsonl:4", "too_long"),
        ("prompts.jsonl:5", "failed"),
    ]
    assert tally.unanswered[2].hint == "Ask kindly."
    assert [each["messages"][-1]["content"] for each in read(out)] == ["Five days."]
    teacher = Teacher()
    assert go(made(tmp_path), out, teacher).written == 5, "what has no answer is asked again"


def test_a_teacher_that_only_fails_is_given_up(tmp_path: Path) -> None:
    teacher = Teacher(lambda text: EndpointRefused("It does not know us."))
    with pytest.raises(EndpointRefused, match="does not know us"):
        go(made(tmp_path, 50), tmp_path / "answers.jsonl", teacher, at_once=3)
    assert IN_A_ROW <= len(teacher.asked) <= IN_A_ROW + 2


def test_failures_between_answers_do_not_end_it(tmp_path: Path) -> None:
    teacher = Teacher(lambda text: EngineCrashed("It died.") if int(text[9:-1]) % 2 else Said("Yes.", True))
    tally = go(made(tmp_path, 40), tmp_path / "answers.jsonl", teacher, at_once=1)
    assert (tally.written, tally.count("failed")) == (20, 20)


def test_a_teacher_that_wants_to_be_asked_later_is(tmp_path: Path) -> None:
    busy: list[FreeholdError] = [Overloaded("Every place is taken.", retry_after=0) for _ in range(3)]
    teacher = Teacher(lambda text: busy.pop() if busy else Said("Yes.", True))
    assert go(made(tmp_path, 1), tmp_path / "answers.jsonl", teacher).written == 1
    assert len(teacher.asked) == 4
    teacher = Teacher(lambda text: Overloaded("Every place is taken.", retry_after=0))
    assert go(made(tmp_path, 2)[1:], tmp_path / "answers.jsonl", teacher).count("failed") == 1
    assert len(teacher.asked) == 4


def test_a_full_disk_is_said_and_keeps_what_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    out = tmp_path / "answers.jsonl"

    def full(text: str) -> Said:
        if text == "Question 3?":
            monkeypatch.setattr("freehold.training.answer_file._encoded", no_room)
        return Said("Yes.", True)

    def no_room(value: object) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NoRoom):
        go(made(tmp_path), out, Teacher(full), at_once=1)
    assert len(read(out)) == 3


def test_another_teachers_file_is_left_as_it_is(tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    go(made(tmp_path, 2), out, Teacher())
    before = out.read_bytes()
    for change in ({"licence": "own"}, {"temperature": 1.0}, {"model": "cd"}):
        with (
            pytest.raises(Conflict, match=r"answers\.jsonl:1 is not by this teacher"),
            answer_file(out, TEACHER | change),
        ):
            pass
    assert out.read_bytes() == before


@pytest.mark.parametrize("text", ["notes without an end", '{"messages": [', '{"teacher": {"name": "other"'])
def test_a_foreign_file_is_never_cut(tmp_path: Path, text: str) -> None:
    out = tmp_path / "answers.jsonl"
    out.write_text(text)
    with pytest.raises(Conflict, match="has no end"), answer_file(out, TEACHER):
        pass
    assert out.read_text() == text


def test_one_process_at_a_time_writes(tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    with out.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="Another process is writing"), answer_file(out, TEACHER):
            pass
    with pytest.raises(InvalidInput, match="cannot be written"), answer_file(tmp_path, TEACHER):
        pass
