"""A name in the question that nothing quoted has is told."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from freehold.assistant.unnamed import MOST_LOOKED_FOR, unnamed
from freehold.types import DocumentRef, Passage, Query, ScoredPassage

BODY = "The fee is $5 a month."


def passage(title: str, text: str = BODY, *headings: str) -> ScoredPassage:
    place = DocumentRef(1, title, "a.md")
    return ScoredPassage(Passage(1, 1, place, headings, text, 0, len(text)), 0.8, 0.8, 0.8)


def lacking(
    text: str,
    quoted: ScoredPassage,
    *titles: str,
    elsewhere: Sequence[str] = (),
    looked_for: list[str] | None = None,
) -> str:
    """`titles` are found beside what is quoted, `elsewhere` where the name is looked for."""

    def look(query: Query, limit: int) -> list[ScoredPassage]:
        if looked_for is not None:
            looked_for.append(query.text)
        return [passage(title) for title in elsewhere][:limit]

    return unnamed(text, [quoted.passage], [quoted, *map(passage, titles)], look)


@pytest.mark.parametrize(
    ("text", "quoted", "title", "name"),
    [
        ("Is the EcoCard free?", passage("Silver Account: Fees"), "EcoCard: Payments", "EcoCard"),
        ("is the silver card free?", passage("Bronze Account"), "Silver Card benefits", "silver card"),
        ("Is the Silver Card free?", passage("Silver Account"), "Silver Card benefits", "Silver Card"),
        (
            "What does the Business Gold Card cost?",
            passage("Gold Card: Fees"),
            "Business Gold Card: Fees",
            "Business Gold Card",
        ),
        ("Is the Gold Saver free?", passage("Gold Plus Saver: Fees"), "Gold Saver: Limits", "Gold Saver"),
        ("What does Code 92 mean?", passage("Code 56", "It is dear."), "Code 92 (2024)", "Code 92"),
    ],
    ids=["one word", "no capitals", "another kind", "a longer name", "a name within one", "a number"],
)
def test_a_name_that_nothing_quoted_has(text: str, quoted: ScoredPassage, title: str, name: str) -> None:
    others = ("EcoCard: Limits", "Gold Card: Fees")
    assert lacking(text, quoted, title, *others) == name
    assert lacking(text, passage(title), title, *others) == ""


@pytest.mark.parametrize(
    ("text", "quoted", "titles"),
    [
        ("Is the EcoCard free?", passage("All cards", "No EcoCard costs anything."), ["EcoCard"]),
        ("Is the EcoCard free?", passage("Cards", BODY, "The EcoCard"), ["EcoCard"]),
        ("Is the Gold Card free?", passage("Cards", "Silver and Gold Cards are free."), ["Gold Card"]),
        ("Is the Hunter Green Card free?", passage("Start with Hunter Green"), ["Hunter Green Card"]),
        ("Is my card free?", passage("Silver Account"), ["Card"]),
        ("How do I pay?", passage("Silver Account"), ["How do I pay by card?", "How Do I Pay?"]),
        ("Where are gift cards sent?", passage("Delivery"), ["Send gift cards", "Send Gift Cards"]),
        ("What Is The EcoCard?", passage("Silver Account"), ["Credit Card"]),
        ("Is PayPal accepted?", passage("Payment"), ["Delivery"]),
        ("Does Lux Lamps ship to Rome?", passage("Delivery"), ["Lux Lamps – good light"]),
        ("", passage(""), ["", "?", "EcoCard"]),
        ("Is a" + "x" * 300 + " free?", passage("Fees"), ["B" + "x" * 300]),
    ],
    ids=[
        "its text has it",
        "a heading has it",
        "apart in the text",
        "its last word left out",
        "no name",
        "a question for a title",
        "a verb before it",
        "capitals everywhere",
        "no title has it",
        "the shop's own name",
        "nothing",
        "endless words",
    ],
)
def test_else_nothing_is_said(text: str, quoted: ScoredPassage, titles: list[str]) -> None:
    assert lacking(text, quoted, *titles) == ""


def test_names_that_were_not_found_are_looked_for() -> None:
    looked: list[str] = []
    said = lacking(
        "Does the Silver Account have lounges, as in Rome?",
        passage("Gold Card: Lounges"),
        elsewhere=["Silver Account features", "Silver Account limits"],
        looked_for=looked,
    )
    assert (said, looked) == ("Silver Account", ["Silver Account", "Rome"])


def test_what_a_quarter_of_all_passages_hold_names_nothing() -> None:
    found = [passage("Lux Lamps: returns"), passage("Lux Lamps: repairs")]
    rare = {"lux": 0.3, "lamp": 0.2, "ship": 4.0}
    for known, name in ((rare, ""), ({**rare, "lux": 2.0}, "Lux Lamps"), (None, "Lux Lamps")):
        rarities = None if known is None else (lambda asked, known=known: {one: known[one] for one in asked})
        quoted = [passage("Delivery").passage]
        assert unnamed("Do Lux Lamps ship?", quoted, found, lambda query, limit: [], rarities) == name


def test_little_is_looked_for_and_only_what_is_missing() -> None:
    looked: list[str] = []
    many = "Is it the Alba, the Berg, the Cima or the Dolo?"
    assert lacking(many, passage("The Alba"), looked_for=looked) == ""
    assert looked == ["Berg"] and len(looked) <= MOST_LOOKED_FOR
    assert lacking("Does the Alba cost less?", passage("The Alba"), "Berg", looked_for=looked) == ""
    assert looked == ["Berg"]


def test_the_longest_question_takes_no_time() -> None:
    long = "The Silver Card and the Gold Card " * 1200
    began = time.perf_counter()
    lacking(long, passage("Fees", "word " * 400), *(f"Card {number} of Gold" for number in range(12)))
    assert time.perf_counter() - began < 2
