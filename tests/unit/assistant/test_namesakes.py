"""Who asks about the Silver Card is not told of the Bronze Card."""

import time

import pytest

from freehold.assistant.namesakes import without_namesakes
from freehold.types import DocumentRef, Passage, ScoredPassage

BODY = "New customers pay no interest for a year."


def passage(number: int, title: str, *headings: str, text: str = BODY) -> ScoredPassage:
    document = DocumentRef(number, title, f"{number}.md")
    return ScoredPassage(Passage(number, 1, document, headings, text, 0, len(text)), 0.8, 0.8, 0.8)


def left(text: str, *found: ScoredPassage) -> list[int]:
    return [scored.passage.id for scored in without_namesakes(text, found)]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Is there a promotion for the Silver Card?", "Bronze Card: New Customer Promotion"),
        ("Is there a promotion for the Silver Card?", "Promotion of the Bronze Card"),
        ("What does the Premium Saver Account cost?", "Diamond Elite Saver Account: What it costs"),
        ("How do I open a Plan Max?", "Plan Mini: Open one"),
        ("What does Code 92 mean?", "Code 56 - No card record"),
        ("Is the Hotel Alba quiet?", "Hotel Berg"),
    ],
    ids=["before the frame", "within a title", "two words", "after the frame", "numbers", "places"],
)
def test_what_is_about_a_namesake_is_left_out(text: str, title: str) -> None:
    assert left(text, passage(1, title), passage(2, "Promotions")) == [2]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Is there a promotion for the Silver Card?", passage(1, "Silver Card: Promotion")),
        ("Is the Silver Card better than the Bronze Card?", passage(1, "Bronze Card")),
        ("Can I swap the Silver Card?", passage(1, "Bronze Card", text="Swap it for a Silver Card.")),
        ("Does the Bronze Card Holder pay?", passage(1, "Bronze Card: Interest paid")),
        ("Is there a promotion for the card?", passage(1, "Bronze Card: Promotion")),
        ("Is there a promotion for the Sliver Card?", passage(1, "Slivver Card: Promotion")),
        ("How long is the delivery time?", passage(1, "Shipping time")),
        ("How Long Is The Delivery Time?", passage(1, "Shipping Time")),
        ("HOW LONG IS THE DELIVERY TIME?", passage(1, "Shipping Time")),
        ("Do I get 20 GB of storage?", passage(1, "50 GB of storage")),
        ("Is the Bronze Card free?", passage(1, "Bronze: Card fees")),
        ("", passage(1, "Bronze Card")),
        ("Is the Silver Card free?", passage(1, "")),
    ],
    ids=[
        "the same",
        "both asked about",
        "the text tells of it",
        "its title is named in full",
        "no name",
        "mistyped",
        "words, no names",
        "capitals throughout",
        "shouted",
        "amounts",
        "punctuation between",
        "no question",
        "no title",
    ],
)
def test_all_else_stays(text: str, found: ScoredPassage) -> None:
    assert left(text, found) == [1]


def test_a_name_in_small_letters_is_known_from_another_title() -> None:
    bronze, silver = passage(1, "Bronze Card: Promotion"), passage(2, "Silver Card: Fees")
    assert left("is there a promotion for the silver card?", bronze) == [1]
    assert left("is there a promotion for the silver card?", bronze, silver) == [2]
    assert left("is there a promotion for the bronze card?", bronze, silver) == [1]


def test_a_heading_counts_as_a_title_does() -> None:
    assert left("What does the Pro Plan cost?", passage(1, "Prices", "Free Plan")) == []


def test_a_hostile_title_takes_no_time_to_speak_of() -> None:
    title = " ".join(f"Card{at} Card" for at in range(20_000))
    colons = ": ".join(["Bronze Card"] * 20_000)
    question = "Is the Silver Card free? " * 1_000
    found = [passage(1, title, title, colons), passage(2, colons, title)]
    began = time.process_time()
    without_namesakes(question, found)
    assert time.process_time() - began < 2
