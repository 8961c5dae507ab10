"""`model`: files and endpoints."""

import json
from pathlib import Path
from typing import Any

from scripted import FAR, Run, Script


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
