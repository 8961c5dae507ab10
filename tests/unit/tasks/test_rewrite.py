"""The transcript that a question is rewritten from, and what is read back."""

from __future__ import annotations

import pytest

from freehold.tasks import rewrite
from freehold.types import Query, Turn

QUERY = Query(
    "And for the\nPro plan?",
    (*(Turn("user", f"old {n}") for n in range(9)), Turn("assistant", "The Basic plan costs 5 euros.")),
)


def test_the_transcript_shows_the_last_turns_on_lines_of_their_own() -> None:
    system, (turn,) = rewrite.compose(QUERY)
    assert system == rewrite.POLICY
    assert turn.text.splitlines() == [
        "Customer: old 6",
        "Customer: old 7",
        "Customer: old 8",
        "Assistant: The Basic plan costs 5 euros.",
        "Customer: And for the Pro plan?",
    ]


def test_long_turns_are_cut() -> None:
    _, (turn,) = rewrite.compose(Query("q?", (Turn("user", "x" * 9000),)))
    assert len(turn.text) < rewrite.LONGEST_TURN + 40


def test_what_is_learnt_is_what_is_asked() -> None:
    learnt = rewrite.example(QUERY, "What does the\nPro plan cost?")
    assert (learnt.system, learnt.turns[:-1]) == rewrite.compose(QUERY)
    assert learnt.target == "What does the Pro plan cost?"


@pytest.mark.parametrize(
    ("written", "question"),
    [
        ("What does the Pro plan cost?\nIt costs …", "What does the Pro plan cost?"),
        ("Customer: What does Pro cost?", "What does Pro cost?"),
        ("", QUERY.text),
        ("  ??? ", QUERY.text),
        ("word " * 400, QUERY.text),
    ],
)
def test_a_useless_rewriting_leaves_the_question_as_it_was(written: str, question: str) -> None:
    assert rewrite.read(written, QUERY) == question
