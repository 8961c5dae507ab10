"""A scripted server's answers, for the tests beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

TOKEN = "fh_admin_of_this_start"


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
