"""The sentences in benchmarks/checks stand beside passages that their documents really have."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

CHECKS = Path(__file__).resolve().parents[2] / "benchmarks" / "checks"
FIELDS = {"id", "document", "heading", "passage", "question", "sentence", "writer"}
FAULTS = set(
    "number date unit name negation comparison condition added swapped order modality inference other".split()
)
HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    lines = (CHECKS / "sentences.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def documents() -> dict[str, str]:
    return {f"documents/{path.name}": path.read_text("utf-8") for path in (CHECKS / "documents").glob("*.md")}


def readme_section(heading: str) -> str:
    readme = (CHECKS / "README.md").read_text("utf-8")
    return readme.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def sections(document: str) -> list[tuple[list[str], str]]:
    """Headings below the title, and the text that follows them up to the next heading."""
    found: list[tuple[list[str], str]] = []
    path: list[str] = []
    headings = list(HEADING.finditer(document))
    ends = [*(heading.start() for heading in headings[1:]), len(document)]
    for heading, end in zip(headings, ends, strict=True):
        path = [*path[: len(heading[1]) - 1], heading[2].strip()]
        found.append((path[1:], document[heading.end() : end].strip()))
    return found


def test_every_record_has_the_fields_the_readme_names(records: list[dict[str, Any]]) -> None:
    written = readme_section("How it was written")
    manners = set(re.findall(r"^\| `([a-z-]+)` \|", written, re.MULTILINE)) - FIELDS
    for record in records:
        assert set(record) == FIELDS, record["id"]
        assert all(record[name] for name in FIELDS - {"heading"}), record["id"]
        assert record["writer"] in manners, record["id"]


def test_every_passage_is_the_whole_section_under_its_headings(
    records: list[dict[str, Any]], documents: dict[str, str]
) -> None:
    for record in records:
        document = documents[record["document"]]
        assert record["passage"] in document, record["id"]
        assert (record["heading"], record["passage"]) in sections(document), record["id"]


def test_no_sentence_and_no_id_comes_twice(records: list[dict[str, Any]]) -> None:
    ids = Counter(record["id"] for record in records)
    said = Counter(" ".join(re.findall(r"\w+", record["sentence"].lower())) for record in records)
    assert [one for one, times in (ids + said).items() if times > 1] == []


def test_every_document_is_asked_about(records: list[dict[str, Any]], documents: dict[str, str]) -> None:
    asked = Counter(record["document"] for record in records)
    assert set(asked) == set(documents)
    assert min(asked.values()) >= 14


def test_every_sentence_has_one_valid_label(records: list[dict[str, Any]]) -> None:
    labels = [json.loads(line) for line in (CHECKS / "labels.jsonl").read_text("utf-8").splitlines()]
    assert [label["id"] for label in labels] == [record["id"] for record in records]
    for label in labels:
        assert set(label) == {"id", "supported", "fault"}, label["id"]
        assert label["supported"] in (True, False, "unclear"), label["id"]
        assert isinstance(label["supported"], (bool, str)), label["id"]
        assert label["fault"] in (FAULTS if label["supported"] is False else {None}), label["id"]


def test_the_readme_counts_the_labels_as_they_are() -> None:
    labels = [json.loads(line) for line in (CHECKS / "labels.jsonl").read_text("utf-8").splitlines()]
    section = readme_section("The labels")
    counts = Counter(json.dumps(label["supported"]).strip('"') for label in labels)
    for name, times in counts.items():
        assert f"| `{name}` | {times} |" in section
    for fault, times in Counter(label["fault"] for label in labels if label["fault"]).items():
        assert re.search(rf"^\| `{fault}` \| .+ \| {times} \|$", section, re.MULTILINE), fault
