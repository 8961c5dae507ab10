"""Claims and their labels, as the public sets write them down."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from benchmark_modules import loaded

MODULES = ("datasets", "edits", "judged", "phrasing", "reading_material", "reading_claims")
LIFT = "The caretaker mends the lift. He comes on Mondays."


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    with loaded(monkeypatch, *MODULES) as modules:
        yield modules["reading_claims"]


def told(claims: ModuleType, path: Path) -> list[tuple[str, str, str | None]]:
    """Claim, passage, and the sentence that says the same."""
    return [
        (item.question, item.passage, item.answers[0][0] if item.answers else None)
        for item in claims.of_claims(path)
    ]


def test_a_claim_is_answered_by_the_sentence_that_says_it_or_by_none(
    claims: ModuleType, tmp_path: Path
) -> None:
    file = tmp_path / "claims.jsonl"
    rows = [
        {"claim": "A caretaker mends lifts.", "evidence": LIFT, "label": "SUPPORTS"},
        {"claim": "Nobody mends the lift.", "evidence": [LIFT[:29], LIFT[30:]], "label": "REFUTES"},
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    assert told(claims, file) == [
        ("A caretaker mends lifts.", LIFT, "The caretaker mends the lift."),
        ("Nobody mends the lift.", LIFT, None),
    ]


def test_of_an_audit_what_is_of_two_minds_is_not_said_and_what_claims_nothing_left_out(
    claims: ModuleType, tmp_path: Path
) -> None:
    file = tmp_path / "audit.csv"
    file.write_text(
        "knowledge,history,gpt2,begin_label\n"
        "The caretaker mends the lift .,Hm ?,A caretaker does n't mind ( he mends it ) .,Entailment\n"
        'The caretaker mends the lift .,Hm ?,He is tall .,"entailment, hallucination"\n'
        "The caretaker mends the lift .,Hm ?,Nice !,generic\n"
    )
    assert told(claims, file) == [
        ("A caretaker doesn't mind (he mends it).", LIFT[:29], LIFT[:29]),
        ("He is tall.", LIFT[:29], None),
    ]


def test_of_a_summary_the_changed_sentence_counts_where_it_is_clear_which(
    claims: ModuleType, tmp_path: Path
) -> None:
    document = " ".join([*["word"] * 400, LIFT, *["word"] * 400])
    before = "The caretaker mends it. He comes weekly."
    summaries = [
        ("1_og", before, 1),
        ("1_1", "The janitor mends it. He comes weekly.", 1),
        ("1_2", "The caretaker mends it. He comes daily.", 0),
        ("1_3", "Nobody mends it. He comes daily.", 0),
    ]
    file = tmp_path / "mails.json"
    rows = [
        {"id": name, "doc": document, "summary": text, "original_summary": before, "label": label}
        for name, text, label in summaries
    ]
    file.write_text(json.dumps(rows))
    found = told(claims, file)
    assert [(claim, said is not None) for claim, _, said in found] == [
        ("The caretaker mends it.", True),
        ("He comes weekly.", True),
        ("The janitor mends it.", True),
        ("He comes daily.", False),
    ]
    for _, passage, _ in found:
        assert LIFT.partition(". ")[0] in passage
        assert len(passage.split()) == claims.NEIGHBOURHOOD


def test_a_folder_is_read_as_descriptions_of_pictures(claims: ModuleType, tmp_path: Path) -> None:
    for part in ("dev", "test"):
        (tmp_path / f"s1.{part}").write_text("A man plays , alone .\nA man plays .\n")
        (tmp_path / f"s2.{part}").write_text("Somebody plays .\nA man sleeps .\n")
        (tmp_path / f"labels.{part}").write_text("entailment\ncontradiction\n")
    once = [
        ("Somebody plays.", "A man plays, alone.", "A man plays, alone."),
        ("A man sleeps.", "A man plays.", None),
    ]
    assert told(claims, tmp_path) == [*once, *once]
