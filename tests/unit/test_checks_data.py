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


SUITES = {
    "How it was written": ("sentences.jsonl", "labels.jsonl", "The labels"),
    "Written by small models": ("written.jsonl", "written-labels.jsonl", "Written by small models"),
}
"""Sentences, labels and the section that counts them, by the section that tells who wrote them."""


def lines_of(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (CHECKS / name).read_text("utf-8").splitlines()]


@pytest.fixture(scope="module", params=SUITES)
def suite(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def records(suite: str) -> list[dict[str, Any]]:
    return lines_of(SUITES[suite][0])


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


def test_every_record_has_the_fields_the_readme_names(suite: str, records: list[dict[str, Any]]) -> None:
    manners = set(re.findall(r"^\| `([^`]+)` \|", readme_section(suite), re.MULTILINE)) - FIELDS
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


def test_no_sentence_of_a_passage_and_no_id_comes_twice(records: list[dict[str, Any]]) -> None:
    ids = Counter(record["id"] for record in records)
    said = Counter((record["passage"], record["sentence"]) for record in records)
    assert [one for one, times in (*ids.items(), *said.items()) if times > 1] == []


def test_every_document_is_asked_about(documents: dict[str, str]) -> None:
    asked = Counter(record["document"] for record in lines_of("sentences.jsonl"))
    assert set(asked) == set(documents)
    assert min(asked.values()) >= 14


def test_every_sentence_has_one_valid_label(suite: str, records: list[dict[str, Any]]) -> None:
    labels = lines_of(SUITES[suite][1])
    assert [label["id"] for label in labels] == [record["id"] for record in records]
    faults = {False: FAULTS, True: {None}, "unclear": {None, "no claim"}}
    for label in labels:
        assert set(label) == {"id", "supported", "fault"}, label["id"]
        assert isinstance(label["supported"], (bool, str)), label["id"]
        assert label["fault"] in faults[label["supported"]], label["id"]


def test_the_readme_counts_the_labels_as_they_are(suite: str) -> None:
    labels = lines_of(SUITES[suite][1])
    section = readme_section(SUITES[suite][2])
    counts = Counter(json.dumps(label["supported"]).strip('"') for label in labels)
    for name, times in counts.items():
        assert f"| `{name}` | {times} |" in section
    for fault, times in Counter(label["fault"] for label in labels if label["fault"]).items():
        assert re.search(rf"^\| `{fault}` \| (?:.+ \| )?{times} \|$", section, re.MULTILINE), fault
