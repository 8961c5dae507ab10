"""Findings about two statements, each of them able to be absent."""

from __future__ import annotations

import pytest

from freehold.assistant.comparison import bound_conflicts, exchanged, opposites, stray_numbers
from freehold.assistant.statement import read


@pytest.mark.parametrize(
    ("claim", "quote", "found"),
    [
        ("The ledger updates the invoice.", "The invoice updates the ledger.", True),
        ("The invoice updates the ledger.", "The invoice updates the ledger.", False),
        ("The ledger is updated by the invoice.", "The invoice updates the ledger.", False),
        ("Choose a plan before you pay.", "Before you pay, choose a plan.", False),
    ],
)
def test_exchanged(claim: str, quote: str, found: bool) -> None:
    assert exchanged(read(claim), read(quote)) is found


def test_bounds_are_turned_shifted_added_or_dropped() -> None:
    quote = read("It holds at most 5 users.")
    assert bound_conflicts(read("It holds at least 5 users."), quote)[0] >= 1
    assert bound_conflicts(read("It holds less than 5 users."), quote)[1] == 1
    assert bound_conflicts(read("It holds 5 users."), quote)[3] == 1
    assert bound_conflicts(read("It holds no more than 5 users."), quote) == (0, 0, 0, 0)


def test_opposites_of_words_and_stems() -> None:
    assert list(opposites(read("Turn it on."), read("Turn it off.")))
    assert list(opposites(read("Enabling it is free."), read("Disabling it is free.")))
    assert not list(opposites(read("Turn it on."), read("Turn it on.")))


def test_a_number_belongs_to_its_words() -> None:
    unit = read("The fee is 5 euros and the limit is 10 euros.")
    assert list(stray_numbers(read("The limit is 5 euros."), [unit], read("")))
    assert not list(stray_numbers(read("The limit is 10 euros."), [unit], read("")))
