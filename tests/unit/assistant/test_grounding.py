"""True sentences pass, edited ones do not, and the quote is where the words stand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.assistant.grounding import Checker
from freehold.assistant.sentences import pieces
from freehold.types import DocumentRef, Passage

check = Checker(keep=0).check

BANK = """\
The Pro plan costs 10 euros a month and holds up to five users. The Basic plan is free, and it holds 2 users.

Refunds are paid within 14 days. You cannot delete a posted invoice, but you can cancel it. A refund of \
more than 1,000 euros needs the approval of Ada Byrne. Joe Quill wrote the first handbook in 1998.

To export your data, follow these steps:

1. Open **Settings**, then choose the **Data Export** action.
2. Enter `fh export --all` in the terminal.
3. Download the file from https://example.com/files within 24 hours.

| Size | Price |
|---|---|
| Small | 4 euros |
| Large | 9 euros |

Only administrators can close an account. The archive is never sent by e-mail.
"""
OTHER = "Parcels leave the warehouse on Mondays. The courier rings twice."


def passage(text: str, number: int = 1) -> Passage:
    return Passage(
        number,
        1,
        DocumentRef(1, "Plans and refunds", "plans.md"),
        ("Accounts", "Closing"),
        text,
        0,
        len(text),
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "The Pro plan costs 10 euros a month.",
        "The **Basic** plan is free.",
        "The Pro plan holds up to 5 users.",
        "Refunds are paid within 14 days.",
        "A posted invoice cannot be deleted.",
        "You can't delete posted invoices.",
        "Refunds of more than 1000 euros need approval of Ada Byrne.",
        "Joe Quill wrote the first handbook in 1998.",
        "Open Settings, then choose the Data Export action.",
        "Open **Settings** and choose **Data Export**.",
        "Enter `fh export --all` in the terminal.",
        "Download the file from https://example.com/files within 24 hours.",
        "The archive is never sent by e-mail.",
        "Only administrators can close accounts.",
        "Administrators can close an account.",
    ],
)
def test_true_sentences_are_supported(sentence: str) -> None:
    found = check(sentence, [passage(BANK)])
    assert found.supported, found.reasons
    assert 0 < found.score <= 1


@pytest.mark.parametrize(
    "sentence",
    [
        "The Pro plan costs 12 euros a month.",
        "The Pro plan costs 2 euros a month.",
        "The Basic plan costs 10 euros a month.",
        "The Basic plan holds up to five users.",
        "The Pro plan is free.",
        "Refunds are not paid within 14 days.",
        "Refunds are paid within 24 days.",
        "Refunds are paid after 14 days.",
        "Refunds are paid within 14 hours.",
        "You can delete a posted invoice.",
        "A posted invoice can be deleted.",
        "You cannot cancel a posted invoice.",
        "A refund of less than 1,000 euros needs the approval of Ada Byrne.",
        "A refund of 1,000 euros needs the approval of Ada Byrne.",
        "A refund of more than 1,000 euros needs the approval of Joe Quill.",
        "A refund of more than 1,000 euros needs the approval of Joe Byrne.",
        "Ada Byrne wrote the first handbook in 1998.",
        "Joe Quill wrote the last handbook in 1998.",
        "Open Settings, then choose the Data Import action.",
        "Enter `fh export --some` in the terminal.",
        "Enter `fh export` in the terminal.",
        "Download the file from https://example.org/files within 24 hours.",
        "Download the file from https://example.com within 24 hours.",
        "The archive is sent by e-mail.",
        "The archive is always sent by e-mail.",
        "Only customers can close an account.",
        "All administrators can close an account.",
        "Administrators must close an account.",
        "The Small size costs 9 euros.",
        "Parcels leave the warehouse on Mondays.",
        "Data of posted Basic users needs Settings.",
        "Yes.",
        "",
        "Here you are:",
    ],
)
def test_edited_and_foreign_sentences_are_not(sentence: str) -> None:
    found = check(sentence, [passage(BANK)])
    assert not found.supported
    assert found.reasons


def test_the_quote_is_the_shortest_run_that_says_it() -> None:
    found = check("Refunds are paid within 14 days.", [passage(BANK)])
    assert BANK[found.quote_start : found.quote_end] == "Refunds are paid within 14 days."
    found = check("Enter `fh export --all` in the terminal.", [passage(BANK)])
    assert BANK[found.quote_start : found.quote_end] == "2. Enter `fh export --all` in the terminal."
    found = check("Large costs 9 euros.", [passage(BANK)])
    assert "Large" in BANK[found.quote_start : found.quote_end]


def test_the_passage_that_supports_is_named() -> None:
    found = check("The courier rings twice.", [passage(BANK), passage(OTHER, 2)])
    assert (found.supported, found.passage) == (True, 1)
    assert OTHER[found.quote_start : found.quote_end] == "The courier rings twice."


def test_two_passages_do_not_add_up() -> None:
    assert not check("Parcels leave on Mondays within 14 days.", [passage(BANK), passage(OTHER, 2)]).supported


def test_headings_lend_words_but_no_citation_means_no_support() -> None:
    assert check("Closing accounts: the archive is never sent by e-mail.", [passage(BANK)]).supported
    assert check("The Pro plan costs 10 euros.", []).reasons == ("it cites no passage",)


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("Bergen has three shops.", "Oslo has three shops. Bergen has two shops."),
        ("Quill founded Mill.", "In 1999 Ada Byrne founded Mill, and later Quill led it."),
        ("The ledger updates the invoice.", "The invoice updates the ledger."),
        ("The limit is 5 euros.", "The fee is 5 euros and the limit is 10 euros."),
        ("It takes 2.5 hours.", "It takes 25 hours."),
        ("It was 1,500 people.", "It was 1.5 people."),
        ("Turn the switch on.", "Turn the switch off."),
    ],
)
def test_swaps(claim: str, text: str) -> None:
    assert not check(claim, [passage(text)]).supported
    assert check(text.split(". ")[0], [passage(text)]).supported


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.text(max_size=400))
def test_anything_can_be_checked_against_anything(claim: str, text: str) -> None:
    found = check(claim, [passage(text)])
    assert found.supported or found.reasons
    if found.supported:
        assert text[found.quote_start : found.quote_end].strip()


def test_the_passage_supports_its_own_words() -> None:
    own = [BANK[piece.start : piece.end] for piece in pieces(BANK) if piece.kind == "sentence"]
    assert len(own) >= 7
    for sentence in own:
        assert check(sentence, [passage(BANK)]).supported, sentence
