"""`train answers`: the scripted server is Freehold's and the teacher's endpoint at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted import TOKEN, Ran, Script, events

ASK = ("POST", "/v1/chat/completions")
Answers = Callable[..., Ran]


def said(text: str, reason: str = "stop") -> bytes:
    delta = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    return events(delta, end)


@pytest.fixture
def endpoint(home: Path, script: Script, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A model `large` at an endpoint, as the registry describes it."""
    monkeypatch.setenv("FREEHOLD_ALLOWED_PRIVATE", '["127.0.0.1"]')
    monkeypatch.setenv("TEACHER_KEY", TOKEN)
    url = json.loads((home / "server.json").read_text())["url"]
    facts = {"url": f"{url}/v1", "model": "large-8b", "context_length": 4096, "key_variable": "TEACHER_KEY"}
    model = {
        "id": "e" * 64,
        "name": "large",
        "format": "openai",
        "size": 0,
        "facts": facts,
        "created_at": 1.0,
        "kind": "endpoint",
        "parent_id": None,
        "licence": {},
    }
    script.answer("GET", "/v1/models", {"data": [{"id": "large-8b"}]})
    script.answer("GET", "/api/v1/models/large", model)
    script.answer(*ASK, said("Five days."))
    return model


@pytest.fixture
def answers(freehold: Answers, endpoint: dict[str, Any], tmp_path: Path) -> Answers:
    system = {"role": "system", "content": "Be brief."}
    values = [
        {"messages": [system, {"role": "user", "content": f"Question {number}?"}]} for number in range(3)
    ]
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(f"{json.dumps(value)}\n" for value in values))

    def run(*more: str, licence: str = "mit") -> Ran:
        out = str(tmp_path / "answers.jsonl")
        return freehold(
            "train", "answers", str(prompts), "--teacher", "large", "--licence", licence, "--out", out, *more
        )

    return run


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]


def test_a_teacher_at_an_endpoint_writes_the_answers(
    answers: Answers, script: Script, tmp_path: Path
) -> None:
    ran = answers("--json", "--max-tokens", "99", "--temperature", "0.5")
    assert ran.status == 0, ran.err
    told = json.loads(ran.out)
    assert (told["prompts"], told["written"], told["failed"], told["unanswered"]) == (3, 3, 0, [])
    teacher = {"name": "large", "licence": "mit", "model": "large-8b", "temperature": 0.5}
    assert all(each["teacher"] == teacher for each in lines(tmp_path))
    assert {each["messages"][-1]["content"] for each in lines(tmp_path)} == {"Five days."}
    bodies = script.bodies(*ASK)
    asked = sorted([each["content"] for each in body["messages"]] for body in bodies)
    assert asked == [["Be brief.", f"Question {number}?"] for number in range(3)]
    assert (bodies[0]["max_tokens"], bodies[0]["temperature"]) == (99, 0.5)


def test_the_same_command_asks_only_what_is_not_answered(answers: Answers, script: Script) -> None:
    script.answer(*ASK, said("Five"), said("Refunds ta", "length"), said("", "content_filter"))
    ran = answers("--at-once", "1")
    assert ran.status == 1
    assert "written" in ran.out
    assert "prompts.jsonl:2: cut off" in ran.err
    assert "prompts.jsonl:3: refused by the teacher" in ran.err
    script.answer(*ASK, said("Six"))
    ran = answers("--json")
    assert (json.loads(ran.out)["there"], json.loads(ran.out)["written"]) == (1, 2)
    assert len(script.bodies(*ASK)) == 5
    assert answers().status == 0
    assert len(script.bodies(*ASK)) == 5


@pytest.mark.parametrize(
    ("licence", "says"),
    [("llama3", "forbids training"), ("openai-terms", "forbids training"), ("secret", "is not known")],
)
def test_a_licence_that_does_not_allow_it_stops_before_anything_is_asked(
    answers: Answers, script: Script, tmp_path: Path, licence: str, says: str
) -> None:
    ran = answers(licence=licence)
    assert ran.status == 1
    assert says in ran.err
    assert script.asked == []
    assert not (tmp_path / "answers.jsonl").exists()


def test_a_licence_other_than_the_models_own_is_refused(
    answers: Answers, script: Script, endpoint: dict[str, Any]
) -> None:
    script.answer("GET", "/api/v1/models/large", endpoint | {"licence": {"id": "llama3"}})
    ran = answers()
    assert "The licence of large is llama3, as it was added; named was mit." in ran.err
    assert script.bodies(*ASK) == []


def test_a_key_that_is_not_there_is_said_before_anything_is_asked(
    answers: Answers, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEACHER_KEY")
    ran = answers()
    assert ran.status == 1
    assert "TEACHER_KEY" in ran.err
    assert ran.out == ""
    assert script.bodies(*ASK) == []


def test_a_bad_line_stops_before_anything_is_asked(answers: Answers, script: Script, tmp_path: Path) -> None:
    with (tmp_path / "prompts.jsonl").open("a") as file:
        file.write("{}\n")
    ran = answers()
    assert "prompts.jsonl:4 has no list `messages`" in ran.err
    assert script.asked == []


def test_the_prompts_are_not_written_over(freehold: Answers, endpoint: object, tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"messages": [{"role": "user", "content": "Well?"}]}\n')
    ran = freehold(
        "train", "answers", str(path), "--teacher", "large", "--licence", "mit", "--out", str(path)
    )
    assert "a file of their own" in ran.err
    assert len(path.read_text().splitlines()) == 1
