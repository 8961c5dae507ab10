"""Nothing slips past the check by looking like something else, and nothing makes it slow."""

from __future__ import annotations

import time

import pytest

from freehold.assistant.grounding import LONGEST, Checker
from freehold.types import DocumentRef, Passage

TEXT = (
    "Refunds are paid within 14 days. Orders above 41 euros ship free. Steps 1 to 4 are optional. "
    "The Pro plan is paid by invoice."
)


def passage(text: str) -> Passage:
    return Passage(1, 1, DocumentRef(1, "Plans", "plans.md"), (), text, 0, len(text))


@pytest.mark.parametrize(
    "sentence",
    [
        "Refunds are paid within 4\u200b1 days.",
        "Refunds are paid within 2\u200b4 days.",
        "Refunds are paid within 1\u200b44 days.",
        "Refunds are paid within 2**4** days.",
        "Refunds are paid within \uff12\uff14 days.",
        "Refunds are paid within \U0001d7d0\U0001d7d2 days.",
        "Refunds are paid within \u0662\u0664 days.",
        "Refunds are paid within 1\u03364\u03360 days.",
        "Refunds are paid within \u202e41\u202c days.",
        "Refunds are paid within l4 days.",
        "Refunds are paid within 1O days.",
        "Refunds are n\u043et paid within 14 days.",
        "The \u0420ro plan is paid by invoice.",
        "Refunds are paid within 14 d\u200bays or 9 hours.",
        "Refunds are paid within 14 hours.",
        "Refunds are paid within `24` days.",
        "Refunds are paid within 1`44` days.",
        "Orders above 1\u200b44 euros ship free.",
    ],
)
def test_a_disguised_change_is_refused(sentence: str) -> None:
    found = Checker().check(sentence, [passage(TEXT)])
    assert not found.supported
    assert found.reasons


def test_harmless_disguises_are_not_punished() -> None:
    for sentence in ("Refunds are paid within 1\u200b4 days.", "Refunds are **paid** within two weeks."):
        assert Checker().check(sentence, [passage(TEXT)]).supported, sentence


def test_a_sentence_too_long_is_refused_at_once() -> None:
    began = time.process_time()
    found = Checker().check("word " * 20_000, [passage(TEXT)])
    assert not found.supported
    assert time.process_time() - began < 0.5
    assert str(f"{LONGEST:,}") in found.reasons[0]


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "a" + "_" * 50_000 + "!",
        "a-" * 50_000,
        "12 " * 33_000,
        "1," * 50_000,
        "One two. " * 11_000,
        "**One two. " * 9_000,
        "- the word 12 days\n" * 5_000,
        "| a | 12 |\n|---|---|\n" + "| the word | 12 days |\n" * 4_000,
        "more than 12 days " * 5_500,
        "Ada Byrne wrote 12 days. " * 4_000,
        "`" * 100_000,
        "word " * 20_000,
        "\u6771" * 100_000,
    ],
    ids=range(14),
)
def test_time_grows_with_the_passage_and_no_faster(text: str) -> None:
    checker = Checker()
    began = time.process_time()
    checker.check("The word of Ada Byrne is more than 12 days.", [passage(text)])
    assert time.process_time() - began < 6


def test_thousands_of_short_clauses_in_one_sentence() -> None:
    for sentence in ("12 days, " * 220, "Ada Byrne " * 199, "`a` " * 499, "a_" * 999):
        began = time.process_time()
        Checker().check(sentence, [passage(TEXT * 20)])
        assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("Refunds are paid within 15 days.", "15 days"),
        ("Refunds are paid within 14 weeks.", "14 weeks"),
        ("Orders above 43 euros ship free.", "43 euros"),
        ("Refunds are paid within 15 working days.", "15 working days"),
    ],
)
def test_the_reason_names_a_number_with_its_unit(sentence: str, told: str) -> None:
    assert f"“{told}” is not in the passage" in Checker().check(sentence, [passage(TEXT)]).reasons


def test_a_case_that_is_left_out_is_told() -> None:
    found = Checker().check("Entry costs 5.", [passage("Entry costs 5 for members and 7 for guests.")])
    assert not found.supported
    assert "it leaves out “for members” and “for guests”" in found.reasons


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("Does entry cost 5 for members?", "it asks"),
        ("**Does entry cost 5 for members?** ", "it asks"),
        ("```sh", "block of code"),
        ("```entry for members", "block of code"),
    ],
)
def test_what_asks_or_only_opens_a_block_of_code_claims_nothing(sentence: str, reason: str) -> None:
    found = Checker().check(sentence, [passage("Does entry cost 5 for members? Entry costs 5 for members.")])
    assert not found.supported
    assert reason in found.reasons[0]
