"""What a model learnt from, by the files that its lineage names."""

from __future__ import annotations

import json
from pathlib import Path

from freehold.cli.learnt_from import learnt_from
from freehold.tasks import examples, route
from freehold.tasks.learnt import fingerprint


def lineage(*paths: Path) -> dict[str, object]:
    return {"lineage": {"recipe": {"data": {"train": [str(path) for path in paths]}}}}


def test_the_files_of_a_model_and_of_what_it_was_made_from_are_read(tmp_path: Path) -> None:
    routed, other = tmp_path / "route.jsonl", tmp_path / "answers.jsonl"
    examples.write(routed, route.examples([("My card?", "card"), ("A human!", "Talk to human")]))
    said = [{"role": "user", "content": "How long?"}, {"role": "assistant", "content": "Five days."}]
    other.write_text(json.dumps({"messages": said}) + "\n")
    found = learnt_from([lineage(routed), lineage(other), {"lineage": {}}])
    assert found.messages == {fingerprint(each) for each in ("my card", "a human", "how long")}
    assert (found.labels, found.unknown) == (("card", "person"), None)


def test_what_cannot_be_known_is_said(tmp_path: Path) -> None:
    torn, gone = tmp_path / "torn.jsonl", tmp_path / "gone.jsonl"
    torn.write_text('{"messages": [{"role": "user", "content": "My card?"}]}\n{"mess')
    found = learnt_from([lineage(torn, gone)])
    assert found.messages == {fingerprint("my card")}
    assert found.unknown == "gone.jsonl, torn.jsonl cannot be read here any more"
    for odd in ({}, {"recipe": 3}, {"recipe": {"data": None}}):
        assert learnt_from([{"lineage": odd}]).unknown == "its lineage names no training data"
