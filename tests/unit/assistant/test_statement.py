"""A text taken apart: numbers with units, codes, groups, negations."""

from __future__ import annotations

from freehold.assistant.statement import read


def test_numbers_have_their_units() -> None:
    found = read("It takes 3 to 4 working days, weighs 5kg, costs $7 and holds two-thirds.")
    assert [(token.key, token.unit) for token in found.tokens if token.is_number] == [
        ("#3.0", "day"),
        ("#4.0", "day"),
        ("#5.0", "kilogram"),
        ("#7.0", "dollar"),
        ("#2.0", ""),
    ]


def test_codes_and_plain_words_in_code_marks() -> None:
    found = read("Enter `fh export --all`, choose `Settings`, see https://example.com/a. Then and/or what.")
    assert found.codes == {"fh export --all", "https://example.com/a"}
    assert found.marked == {"Settings"}


def test_only_what_denies_denies() -> None:
    assert read("Refunds are not paid.").denies
    assert read("You can't do that.").denies
    assert not read("It takes no more than two days.").denies
    assert not read("No, it needs the Pro plan.").denies


def test_times_and_lengths_are_put_as_the_other_has_them() -> None:
    passage = read("Open from 09:00 to 19:00. Refunds within 14 days.")
    claim = read("Open until seven; refunds within two weeks.").in_terms_of(passage)
    assert {"@19:00", "#14.0", "day"} <= claim.keys
    assert "#2.0" not in claim.keys
    unknown = read("Open until eight.").in_terms_of(passage)
    assert "#8.0" in unknown.keys


def test_an_owner_is_a_name_apart() -> None:
    names = read("It was Torvell's Saver Box that came.").names()
    assert [[token.text for token in run] for run in names] == [["Torvell's"], ["Saver", "Box"]]
