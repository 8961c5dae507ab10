"""`ask` and `chat`."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from scripted import CITATION, SOURCE, Run, Script, events

from freehold.cli.client import Client


def answered(outcome: str = "answered", *texts: str) -> bytes:
    chunks = [{"choices": [{"delta": {"content": text}}]} for text in texts]
    facts = {
        "outcome": outcome,
        "citations": [CITATION] if outcome == "answered" else [],
        "trace_id": "trc_1",
    }
    return events(*chunks, {"choices": [{"delta": {}, "finish_reason": "stop"}], "freehold": facts})


def test_ask_streams_the_answer_and_lists_citations(freehold: Run, script: Script) -> None:
    script.answer("POST", "/v1/chat/completions", answered("answered", "Five days.", " [1]"))
    ran = freehold("ask", "How long?", "--assistant", "shop")
    assert script.bodies("POST", "/v1/chat/completions") == [
        {"model": "shop", "messages": [{"role": "user", "content": "How long?"}], "stream": True}
    ]
    assert (ran.status, ran.out) == (0, "Five days. [1]\n\n[1] Returns — returns.md\n")


def test_ask_as_json(freehold: Run, script: Script) -> None:
    script.answer("POST", "/v1/chat/completions", answered("answered", "Five days. [1]"))
    said = json.loads(freehold("ask", "How long?", "--assistant", "shop", "--json").out)
    assert said == {
        "answer": "Five days. [1]",
        "outcome": "answered",
        "citations": [CITATION],
        "trace_id": "trc_1",
    }


def test_a_refusal_has_an_exit_status_of_its_own(freehold: Run, script: Script) -> None:
    near = {"id": 2, "title": "Opening", "location": "opening.md", "heading_path": ["Opening", "Sundays"]}
    facts = {"outcome": "refused", "citations": [], "nearby": [near], "trace_id": "trc_1"}
    refusal = events(
        {"choices": [{"delta": {"content": "Not found. Near:"}}]}, {"choices": [], "freehold": facts}
    )
    script.answer("POST", "/v1/chat/completions", refusal)
    ran = freehold("ask", "Why?", "--assistant", "shop")
    assert (ran.status, ran.out) == (3, "Not found. Near:\n\n- Opening › Sundays — opening.md\n")


def test_an_error_in_the_stream_is_told(freehold: Run, script: Script) -> None:
    error = {
        "error": {"code": "engine_crashed", "message": "The model's process died.", "hint": "Ask again."}
    }
    script.answer(
        "POST", "/v1/chat/completions", events({"choices": [{"delta": {"content": "Five"}}]}, error)
    )
    ran = freehold("ask", "Why?", "--assistant", "shop")
    assert ran.status == 1
    assert ran.err.endswith("error: The model's process died.\nhint: Ask again.\n")


def test_who_answers_when_nobody_is_named(freehold: Run, script: Script) -> None:
    script.answer("POST", "/v1/chat/completions", answered("answered", "Yes. [1]"))
    script.answer("GET", "/api/v1/assistants", {"assistants": [{"id": "default"}, {"id": "demo"}]})
    script.answer("GET", "/api/v1/sources", {"sources": [SOURCE]})
    freehold("ask", "Well?")
    script.answer("GET", "/api/v1/sources", {"sources": []})
    ran = freehold("ask", "Well?")
    asked = script.bodies("POST", "/v1/chat/completions")
    assert [body["model"] for body in asked] == ["default", "demo"]
    assert "demo" in ran.err


def test_chat_remembers_and_opens_citations(
    freehold: Run, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.answer("POST", "/v1/chat/completions", answered("answered", "Five days. [1]"))
    script.answer("GET", "/api/v1/documents/1", {"id": 1, "text": "# Returns\n\nFive days.\x1b[2J Not more."})
    typed = iter(["How long?", "/1", "/2", "And then?", "/new", "Again?", "/quit", "never read"])
    monkeypatch.setattr("builtins.input", lambda _prompt: next(typed))
    ran = freehold("chat", "--assistant", "shop")
    assert ran.status == 0
    asked = script.bodies("POST", "/v1/chat/completions")
    assert [len(body["messages"]) for body in asked] == [1, 3, 1]
    assert asked[1]["messages"][1] == {"role": "assistant", "content": "Five days. [1]"}
    assert "Five days.\N{REPLACEMENT CHARACTER}[2J Not more." in ran.out
    assert "no citation 2" in ran.err
    assert next(typed) == "never read"


def test_chat_survives_an_error(freehold: Run, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = {"error": {"code": "overloaded", "message": "Every place is taken.", "hint": None}}
    script.answer("POST", "/v1/chat/completions", busy, status=503)
    typed = iter(["How long?"])

    def read(_prompt: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", read)
    ran = freehold("chat", "--assistant", "shop")
    assert ran.status == 0
    assert "error: Every place is taken.\n" in ran.err


def test_ctrl_c_stops_the_answer_and_not_the_chat(
    freehold: Run, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_off(client: Client, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield {"choices": [{"delta": {"content": "Five"}}]}
        raise KeyboardInterrupt

    typed = iter(["How long?", "Again?", "/quit"])
    monkeypatch.setattr("builtins.input", lambda _prompt: next(typed))
    monkeypatch.setattr(Client, "stream", broken_off)
    ran = freehold("chat", "--assistant", "shop")
    assert (ran.status, ran.out) == (0, "FiveFive")
    assert ran.err.count("(stopped)") == 2
