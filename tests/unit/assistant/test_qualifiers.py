"""Qualifications that a claim leaves out, and how often a thing happens."""

from __future__ import annotations

import pytest

from freehold.assistant.qualifiers import foreign_frequencies, unsaid_contrasts
from freehold.assistant.statement import read

FEES = "Entry costs 5 euros for members and 7 euros for guests."


@pytest.mark.parametrize(
    ("claim", "unit", "left_out"),
    [
        ("Entry costs 5 euros.", FEES, True),
        ("Entry costs 5 euros for members.", FEES, False),
        ("Guests pay 7 euros.", FEES, False),
        ("You may bring several dogs.", "You may bring several dogs in summer, but none in winter.", True),
        ("The pool opens at 9.", "The pool opens at 9 in June and in July.", False),
        ("The pool opens at 9.", "The pool opens at 9.", False),
    ],
)
def test_contrasts(claim: str, unit: str, left_out: bool) -> None:
    found = list(unsaid_contrasts(read(claim), read(unit), read("")))
    assert bool(found) is left_out, found


def test_a_heading_names_the_case() -> None:
    assert not list(unsaid_contrasts(read("Entry costs 5 euros."), read(FEES), read("Members")))


@pytest.mark.parametrize(
    ("claim", "passage", "foreign"),
    [
        ("Clean the filter monthly.", "Clean the filter every 6 months.", ["monthly"]),
        ("Clean the filter monthly.", "Clean the filter every month.", []),
        ("The monthly fee is 5 euros.", "The fee is 5 euros a month.", []),
        ("It is billed annually.", "It is billed yearly.", []),
        ("It is billed Yearly.", "The annual fee is due in May.", []),
        ("Reports come daily.", "Reports come after 3 working days.", ["daily"]),
    ],
)
def test_frequencies(claim: str, passage: str, foreign: list[str]) -> None:
    assert list(foreign_frequencies(claim, passage)) == foreign
