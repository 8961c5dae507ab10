import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted import Ran, Script, events

from freehold.cli.client import Client

Run = Callable[..., Ran]

FAR = {"done": 0, "total": 0, "current": None}
JOB = {"id": "job_1", "kind": "sync", "state": "queued", "progress": FAR, "result": None, "error": None}
NOTHING = {"added": 0, "changed": 0, "removed": 0, "unchanged": 0, "failed": []}
FAILED = {"document": "b\x1b[31m.pdf", "code": "unreadable_document", "reason": "It is encrypted."}
SOURCE = {
    "id": 3,
    "assistant": "default",
    "kind": "folder",
    "location": "/docs",
    "title": "docs",
    "state": "ready",
    "error": None,
    "documents": 2,
    "passages": 9,
    "failed": 0,
    "created_at": 1.0,
    "synced_at": None,
    "site": None,
    "freshness": {
        "every": "6h",
        "every_seconds": 21600,
        "read_at": None,
        "tried_at": None,
        "due_at": 1.0,
        "stale": True,
        "failures": 0,
        "changes": None,
    },
}
CITATION = {
    "number": 1,
    "passage_id": 4,
    "document": {"id": 1, "title": "Returns", "location": "returns.md"},
    "quote": "Five days.",
}


def done(**result: Any) -> dict[str, Any]:
    return {**JOB, "state": "done", "result": {**NOTHING, **result}}


def answered(outcome: str = "answered", *texts: str) -> bytes:
    chunks = [{"choices": [{"delta": {"content": text}}]} for text in texts]
    facts = {
        "outcome": outcome,
        "citations": [CITATION] if outcome == "answered" else [],
        "trace_id": "trc_1",
    }
    return events(*chunks, {"choices": [{"delta": {}, "finish_reason": "stop"}], "freehold": facts})


def test_add_waits_and_names_what_could_not_be_read(freehold: Run, script: Script, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    script.answer("POST", "/api/v1/sources", {"source": SOURCE, "job": JOB}, status=202)
    script.answer("GET", "/api/v1/jobs/job_1", {**JOB, "state": "running"}, done(added=2, failed=[FAILED]))
    ran = freehold("add", str(tmp_path / "docs" / ".." / "docs"), "--title", "Docs")
    assert script.bodies("POST", "/api/v1/sources") == [
        {"location": str(tmp_path / "docs"), "assistant": "default", "title": "Docs"}
    ]
    assert ran.status == 0
    assert ran.out == "source 3: 2 added, 1 document could not be read\n"
    assert ran.err == "not read: b\N{REPLACEMENT CHARACTER}[31m.pdf: It is encrypted.\n"


def test_add_fails_when_nothing_could_be_read(freehold: Run, script: Script) -> None:
    script.answer("POST", "/api/v1/sources", {"source": SOURCE, "job": done(failed=[FAILED])}, status=202)
    ran = freehold("add", "https://example.com/x.pdf")
    assert script.bodies("POST", "/api/v1/sources")[0]["location"] == "https://example.com/x.pdf"
    assert ran.status == 1


def test_add_says_why_a_job_failed(freehold: Run, script: Script) -> None:
    error = {"code": "egress_denied", "message": "example.com is not allowed.", "hint": "Allow it."}
    job = {**JOB, "state": "failed", "error": error}
    script.answer("POST", "/api/v1/sources", {"source": SOURCE, "job": job}, status=202)
    ran = freehold("add", "https://example.com/")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == "error: example.com is not allowed.\nhint: Allow it.\n"


def test_add_of_a_missing_path_never_reaches_the_server(freehold: Run, script: Script) -> None:
    ran = freehold("add", "/no/such/folder")
    assert ran.status == 1
    assert ran.err.startswith("error: There is no file or folder /no/such/folder.\nhint: ")
    assert script.asked == []


def test_add_without_waiting(freehold: Run, script: Script, tmp_path: Path) -> None:
    script.answer("POST", "/api/v1/sources", {"source": SOURCE, "job": JOB}, status=202)
    ran = freehold("add", str(tmp_path), "--no-wait", "--json")
    assert json.loads(ran.out) == {"source": SOURCE, "job": JOB}


def test_sources_lists_and_removes(freehold: Run, script: Script) -> None:
    script.answer("GET", "/api/v1/sources", {"sources": [SOURCE]})
    script.answer("DELETE", "/api/v1/sources/3", None, status=204)
    assert freehold("sources").out == "3\tdefault\tready, stale\t2\t9\t0\tnever\tsoon\t/docs\n"
    assert json.loads(freehold("sources", "--json").out) == [SOURCE]
    assert freehold("sources", "remove", "3").out == "source 3: removed\n"


def test_add_of_a_site_says_what_was_left_out(freehold: Run, script: Script) -> None:
    left_out = {
        "robots": {
            "count": 2,
            "why": "robots.txt does not let them be read",
            "examples": ["https://h.test/\x1bx"],
        },
        "links": {"count": 9, "why": "they lead to other hosts", "examples": ["o.test"]},
    }
    script.answer(
        "POST", "/api/v1/sources", {"source": SOURCE, "job": done(added=5, left_out=left_out)}, status=202
    )
    ran = freehold("add", "https://h.test/", "--site", "--pages", "50", "--delay", "0", "--every", "6h")
    assert script.bodies("POST", "/api/v1/sources") == [
        {
            "location": "https://h.test/",
            "assistant": "default",
            "site": {"pages": 50, "delay": 0.0},
            "every": "6h",
        }
    ]
    assert ran.out == "source 3: 5 added, 2 pages left out\n"
    assert ran.err == (
        "left out: 2 pages: robots.txt does not let them be read, such as"
        " https://h.test/\N{REPLACEMENT CHARACTER}x\n"
    )


def test_limits_without_a_site_are_a_mistake(freehold: Run, script: Script) -> None:
    ran = freehold("add", "https://h.test/", "--depth", "3")
    assert ran.status == 1 and "--site" in ran.err
    assert script.asked == []


def test_a_source_is_changed(freehold: Run, script: Script) -> None:
    script.answer("PATCH", "/api/v1/sources/3", SOURCE)
    assert freehold("sources", "set", "3", "--every", "6h").out == "source 3: read every 6h; next soon\n"
    assert script.bodies("PATCH", "/api/v1/sources/3") == [{"every": "6h"}]
    ran = freehold("sources", "set", "3")
    assert ran.status == 1 and "Nothing to change" in ran.err


def test_sync_of_all_and_of_one(freehold: Run, script: Script) -> None:
    script.answer("POST", "/api/v1/sync", {"jobs": [done(changed=1), done(removed=2)]}, status=202)
    script.answer("POST", "/api/v1/sources/3/sync", {"job": done(unchanged=2)}, status=202)
    assert freehold("sync").out == "job job_1: 1 changed\njob job_1: 2 removed\n"
    assert freehold("sync", "3").out == "job job_1: 2 unchanged\n"


def test_search_shows_passages_and_how_it_ran(freehold: Run, script: Script) -> None:
    passage = {
        "passage_id": 4,
        "score": 0.75,
        "heading_path": ["Returns", "When"],
        "text": "Five [bold]days[/bold].\x1b[2J",
        "document": CITATION["document"],
    }
    script.answer("POST", "/api/v1/search", {"mode": "words", "passages": [passage]})
    ran = freehold("search", "how", "long", "--limit", "1", "--assistant", "default")
    assert script.bodies("POST", "/api/v1/search") == [
        {"query": "how long", "assistant": "default", "limit": 1}
    ]
    assert ran.out == (
        "1. Returns › When — returns.md  (0.750)\n   Five [bold]days[/bold].\N{REPLACEMENT CHARACTER}[2J\n"
    )
    assert "words alone" in ran.err


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


def test_ctrl_c_ends_every_other_command(
    freehold: Run, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "post", interrupted)
    assert freehold("sync").status == 130


def relative(name: str, **more: Any) -> dict[str, Any]:
    return {"id": "d" * 64, "name": name, "kind": "model", "removed": False, "children": []} | more


def test_models(freehold: Run, script: Script, tmp_path: Path) -> None:
    file = tmp_path / "tiny.gguf"
    file.write_bytes(b"GGUF")
    model = {
        "id": "a" * 64,
        "name": "tiny",
        "kind": "model",
        "format": "gguf",
        "size": 1_300_000_000,
        "facts": {"context_length": 2048},
        "created_at": 1.0,
        "active": True,
        "parent_id": "b" * 64,
        "tasks": ["answer", "route"],
        "lineage": {"source": {"kind": "hub", "repository": "Org/Name", "revision": "c0ffee"}},
        "licence": {"id": "x", "name": "X Licence", "clauses": ["No \x1b[2Jshouting."]},
        "ancestors": [relative("parent", removed=True), relative("grand")],
        "descendants": [relative("child", children=[relative("lora", kind="adapter")])],
    }
    job = {"id": "job_1", "kind": "model", "state": "queued", "progress": FAR, "result": None, "error": None}
    done = job | {"state": "done", "result": {"model": "a" * 64, "name": "tiny"}}
    script.answer("POST", "/api/v1/models", {"job": job}, status=202)
    script.answer("GET", "/api/v1/jobs/job_1", done)
    script.answer("GET", f"/api/v1/models/{'a' * 64}", model)
    script.answer("GET", "/api/v1/models", {"models": [model]})
    script.answer("GET", "/api/v1/models/tiny", model)
    script.answer("POST", "/api/v1/models/none/use", None, status=204)
    ran = freehold("model", "add", str(file), "--licence", "x")
    assert ran.out == "tiny  aaaaaaaaaaaa  1.3 GB\n"
    assert ran.err.endswith("X Licence:\n  No \N{REPLACEMENT CHARACTER}[2Jshouting.\n")
    assert script.bodies("POST", "/api/v1/models") == [{"location": str(file), "licence": "x"}]
    assert freehold("model", "list").out.startswith("*\ttiny\taaaaaaaaaaaa\tmodel\t1.3 GB\t")
    shown = freehold("model", "show", "tiny").out
    assert "context length  2048" in shown
    assert "source          Org/Name c0ffee" in shown
    assert shown.endswith(
        """
grand  dddddddddddd
  parent  dddddddddddd  (removed)
    tiny  aaaaaaaaaaaa  <
      child  dddddddddddd
        lora  dddddddddddd  adapter
"""
    )
    assert json.loads(freehold("model", "show", "tiny", "--json").out) == model
    assert freehold("model", "use", "none").out == "answers are quoted from the documents\n"


def test_an_endpoint_is_added_by_its_address(freehold: Run, script: Script) -> None:
    facts = {"model": "m\x1b[2J", "context_length": 8192}
    model = {"id": "b" * 64, "name": "far", "format": "openai", "size": 0, "facts": facts}
    added = {"model": model, "models": ["m", "n"], "counts_tokens": False}
    script.answer("POST", "/api/v1/models/endpoints", added, status=201)
    ran = freehold(
        "model", "add", "https://llm.test/v1", "--model", "m", "--key-variable", "K", "--context", "8192"
    )
    assert ran.out == "far  bbbbbbbbbbbb  m\N{REPLACEMENT CHARACTER}[2J, 8,192 tokens\n"
    assert ran.err == "It has 2 models: m, n\nIt does not count tokens: they are estimated.\n"
    assert script.bodies("POST", "/api/v1/models/endpoints") == [
        {"url": "https://llm.test/v1", "context_length": 8192, "model": "m", "key_variable": "K"}
    ]


def test_options_of_endpoints_are_not_passed_over_for_files(freehold: Run, tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF")
    ran = freehold("model", "add", str(tmp_path / "tiny.gguf"), "--key-variable", "K")
    assert ran.status == 1
    assert "--key-variable is for an endpoint" in ran.err


def test_keys(freehold: Run, script: Script) -> None:
    script.answer(
        "POST", "/api/v1/keys", {"id": "k", "name": "shop", "scope": "chat", "key": "fh_chat_1"}, status=201
    )
    ran = freehold("key", "create", "shop")
    assert ran.out == "fh_chat_1\n"
    assert script.bodies("POST", "/api/v1/keys") == [{"name": "shop", "scope": "chat"}]
    assert freehold("key", "create", "shop", "--scope", "root").status == 2


def test_assistants(freehold: Run, script: Script) -> None:
    assistant = {
        "id": "default",
        "name": "Ada",
        "greeting": "Hello",
        "instructions": "",
        "allowed_origins": ["https://a.example"],
        "accent": None,
        "public_token": "pub_1",
        "created_at": 1.0,
    }
    script.answer("PATCH", "/api/v1/assistants/default", assistant)
    origins = ("--origin", "https://a.example", "--origin", "https://b.example")
    ran = freehold("assistant", "set", "default", "--name", "Ada", *origins)
    assert script.bodies("PATCH", "/api/v1/assistants/default") == [
        {"name": "Ada", "allowed_origins": ["https://a.example", "https://b.example"]}
    ]
    assert 'data-assistant="pub_1"' in ran.out
    freehold("assistant", "set", "default", "--origin", "")
    assert script.bodies("PATCH", "/api/v1/assistants/default")[1] == {"allowed_origins": []}
    assert freehold("assistant", "set", "default").status == 1
    script.answer("POST", "/api/v1/assistants/default/token", {**assistant, "public_token": "pub_2"})
    assert 'data-assistant="pub_2"' in freehold("assistant", "new-token", "default").out
    script.answer("DELETE", "/api/v1/assistants/default", None, status=204)
    assert freehold("assistant", "remove", "default").out == "assistant default: removed\n"


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["add"], ["search"], ["up", "--port", "x"], ["sync", "x"]]
)
def test_wrong_usage_is_status_2(freehold: Run, arguments: list[str]) -> None:
    ran = freehold(*arguments)
    assert ran.status == 2
    assert "Traceback" not in ran.err


def test_a_wrong_setting_is_named(freehold: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEHOLD_PORT", "many")
    ran = freehold("status")
    assert ran.status == 1
    assert ran.err.startswith("error: Setting port: ")


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from freehold.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'rich', 'httpx', 'pydantic', 'uvicorn', 'sqlalchemy', 'numpy'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    began = time.monotonic()
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Usage: freehold" in ran.stdout
    assert time.monotonic() - began < 5  # 0.3 s alone; other tests may keep the processors busy
