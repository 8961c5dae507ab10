"""Examples as lines of a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from freehold.tasks import examples, route
from freehold.tasks.examples import Example


def test_lines_are_written_with_their_digest(tmp_path: Path) -> None:
    path = tmp_path / "new" / "train.jsonl"
    count, digest = examples.write(
        path, [route.example("Où est ma carte ?", "card"), route.example("b", "c")]
    )
    assert count == 2
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [json.loads(line)["messages"][1]["content"] for line in path.read_text().splitlines()] == [
        "Où est ma carte ?",
        "b",
    ]


def test_half_a_surrogate_pair_is_no_text(tmp_path: Path) -> None:
    examples.write(tmp_path / "a.jsonl", [route.example("a\ud83db", "c")])
    assert json.loads((tmp_path / "a.jsonl").read_text())["messages"][1]["content"] == "a?b"


def test_nothing_is_left_where_writing_breaks_off(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("before")

    def broken() -> Iterator[Example]:
        yield route.example("a", "b")
        raise RuntimeError("source ended")

    with pytest.raises(RuntimeError, match="source ended"):
        examples.write(path, broken())
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
