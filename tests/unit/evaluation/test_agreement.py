"""An answer is held against a person's reply, sentence by sentence, and judged."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from freehold.evaluation.agreement import FEATURES, compare, denies, is_aside
from freehold.evaluation.judge import judge, resolved

PAIRS = Path(__file__).parents[2] / "fixtures" / "agreement_pairs.txt"


def pairs() -> list[tuple[str, str, str, str]]:
    """Question, reply, answer, label."""
    text = re.sub(r"^#.*\n", "", PAIRS.read_text(), flags=re.M)
    found = []
    for block in text.strip().split("\n\n"):
        question, reply, told = block.split("\n")
        label, answer = told.split(": ", 1)
        found.append((question, reply, answer, label))
    return found


def test_every_sentence_has_a_standing() -> None:
    found = compare(
        "How do I cancel?",
        "Hi! Open Settings and press Cancel plan. A refund takes five days. Let me know if that works.",
        ("Press Cancel plan in Settings. ", "Refunds take nine days."),
        None,
    )
    assert [one.standing for one in found.reply] == ["aside", "covered", "contradicted", "aside"]
    assert [one.keeping for one in found.answer] == ["in the reply", "against the reply"]
    assert len(found.features) == len(FEATURES)


@pytest.mark.parametrize(
    "sentence",
    ["Hello Tove,", "Thanks for writing!", "Is there anything else I can help with?", "You're welcome.",
     "Your order [number 1] left today.", "Which version do you have?", "I hope this helps.", "Yes."],
)  # fmt: skip
def test_what_documents_could_not_say_is_set_aside(sentence: str) -> None:
    assert is_aside(sentence)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The warranty does not cover water.", True),
        ("Water damage is excluded from the warranty.", True),
        ("It is not excluded.", False),
        ("You can change it until it has not been shipped.", False),
        ("Dogs are welcome.", False),
    ],
)
def test_denials_in_other_words(sentence: str, expected: bool) -> None:
    assert denies(sentence) is expected


def test_nothing_to_compare_is_never_settled() -> None:
    found = compare("Where is my parcel?", "Could you send me the number?", ("See My orders.",), None)
    by = judge("words")
    assert not found.comparable
    assert by.verdict(found) == "not comparable"
    assert by.chance(found) == 0.0


def test_the_judge_orders_the_pairs_that_were_read() -> None:
    """Without an embedding model; with one docs/benchmarks.md has the figures."""
    by = judge("words")
    found = [(compare(question, reply, (answer,), None), label) for question, reply, answer, label in pairs()]
    good = np.array([by.chance(one) for one, label in found if label == "agrees"])
    bad = np.array([by.chance(one) for one, label in found if label != "agrees"])
    area = float((good[:, None] > bad[None, :]).mean())
    assert len(found) >= 70
    assert area >= 0.93
    said = [by.verdict(one) for one, label in found if label == "agrees"]
    assert said.count("contradicts") <= 1
    contradicted = [one.contradicted > 0 for one, label in found if label == "contradicts"]
    assert sum(contradicted) >= 0.7 * len(contradicted)


def test_the_share_stands_within_its_interval_and_doubts_few_tickets() -> None:
    by = judge("words")
    rows = [compare(q, r, (a,), None).features for q, r, a, _ in pairs()]
    many = resolved(by, rows * 20, 40 * len(rows))
    few = resolved(by, rows[:8], 16)
    assert 0 < many.low < many.value < many.high < 0.5
    assert few.high - few.low > many.high - many.low
    assert resolved(by, rows * 20, 40 * len(rows)) == many
    none = resolved(by, [], 30)
    assert (none.value, none.low) == (0.0, 0.0) and 0.09 < none.high < 0.1
    assert resolved(by, [], 0).value == 0.0
