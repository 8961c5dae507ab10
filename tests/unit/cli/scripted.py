"""A scripted server's answers, for the tests beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

TOKEN = "fh_admin_of_this_start"

FAR = {"done": 0, "total": 0, "current": None}
JOB = {"id": "job_1", "kind": "sync", "state": "queued", "progress": FAR, "result": None, "error": None}
NOTHING = {"added": 0, "changed": 0, "removed": 0, "unchanged": 0, "failed": []}
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


@dataclass
class Script:
    """What the server answers, and what it was asked."""

    answers: dict[tuple[str, str], list[tuple[int, Any]]] = field(default_factory=dict)
    """By method and path: status and JSON (bytes go as they are), one after the other; the last stays."""
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    def answer(self, method: str, path: str, *values: Any, status: int = 200) -> None:
        self.answers[method, path] = [(status, value) for value in values]

    def bodies(self, method: str, path: str) -> list[Any]:
        return [
            body
            for asked_method, asked_path, body in self.asked
            if (asked_method, asked_path) == (method, path)
        ]


@dataclass
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str


def events(*values: Any) -> bytes:
    """A stream as the OpenAI-compatible interface sends it."""
    lines = [f"data: {json.dumps(value)}\n\n" for value in values]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()


Run = Callable[..., Ran]


def done(**result: Any) -> dict[str, Any]:
    return {**JOB, "state": "done", "result": {**NOTHING, **result}}
