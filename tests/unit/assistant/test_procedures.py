"""Who asks how to do something is shown the steps, whole and in order; who asks anything else is not."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from freehold.assistant.extract import Extractor
from freehold.assistant.procedures import MOST_LISTS, same_section
from freehold.assistant.stepwise import completed
from freehold.types import DocumentRef, Passage, Query, ScoredPassage, Turn

TITLE = "Mileage"
ABOUT = "A mileage expense is money for a drive. You record a mileage expense when you drove your own car."
STEPS = "1. Open the list of drives.\n2. Choose New."
NOTE = "Note: Nobody but you sees this list."
MORE = "3. Enter the kilometres.\n4. Choose Send."


def passage(
    heading: str, text: str, start: int = 0, score: float = 0.8, document: int | None = None
) -> ScoredPassage:
    number = abs(hash(heading)) % 1000 + 10 if document is None else document
    place = DocumentRef(number, TITLE, "a.md")
    id = abs(hash((heading, text))) % 10_000 + 1
    return ScoredPassage(
        Passage(id, 1, place, (heading,), text, start, start + len(text)), score, score, score
    )


def quoted(
    text: str, *found: ScoredPassage, history: tuple[Turn, ...] = (), stored: Sequence[ScoredPassage] = ()
) -> list[str]:
    """What is quoted; `stored` are passages that search did not find."""

    def section(one: Passage, limit: int) -> list[Passage]:
        every = [scored.passage for scored in (*found, *stored)]
        return sorted((each for each in every if same_section(each, one)), key=lambda each: each.start)[
            :limit
        ]

    extract = completed(Extractor(None).extract(Query(text, history), found), section)
    assert {span.passage.passage.id for span in extract.spans} <= {one.passage.id for one in extract.about}
    return [span.text for span in extract.spans]


SECTION = passage("Record a mileage expense", f"{ABOUT}\n\n{STEPS}\n\n{NOTE}\n\n{MORE}")
OTHER = passage("Send an expense", "1. Open an expense.\n2. Choose Send.")


@pytest.mark.parametrize(
    "text",
    [
        "How do I record a mileage expense?",
        "how to record mileage expenses",
        "What are the steps to record a mileage expense?",
    ],
)
def test_the_steps_under_the_heading_that_says_it_are_quoted_in_order(text: str) -> None:
    assert quoted(text, OTHER, SECTION) == [STEPS, MORE]


def test_of_headings_alike_the_section_that_answers_best_is_taken() -> None:
    bare = passage("Record a mileage expense", "1. Call us.", document=7)
    for found in ((bare, SECTION), (SECTION, bare)):
        assert quoted("How do I record a mileage expense when I drove my own car?", *found) == [STEPS, MORE]


def test_a_heading_that_says_nothing_else_goes_before() -> None:
    abroad = passage("Record a mileage expense of drives abroad", "1. Call us about it.", score=0.9)
    assert quoted("How do I record a mileage expense?", abroad, SECTION) == [STEPS, MORE]


def test_the_steps_beside_the_best_sentence_are_quoted_where_no_heading_says_it() -> None:
    driven = passage("Drives", f"You get money when you drove your own car.\n\n{STEPS}")
    assert quoted("How do I get money for my own car?", driven, OTHER) == [STEPS]


@pytest.mark.parametrize("text", ["What is a mileage expense?", "Who sees the list of drives?"])
def test_who_asks_what_or_who_is_told_that(text: str) -> None:
    assert STEPS not in quoted(text, SECTION, OTHER)


def test_how_something_comes_about_is_no_procedure() -> None:
    paid = passage(
        "Drives", "The money is paid with the wages of the next month.\n\n1. First class\n2. Second class"
    )
    assert quoted("How is the money paid?", paid)[0].startswith("The money is paid")


def test_steps_that_go_on_in_the_next_passage_follow() -> None:
    first = passage("Record a mileage expense", STEPS)
    second = passage("Record a mileage expense", MORE, start=200)
    assert quoted("How do I record a mileage expense?", second, first) == [STEPS, MORE]


def test_steps_that_search_did_not_find_are_there_too() -> None:
    first = passage("Record a mileage expense", STEPS)
    second = passage("Record a mileage expense", MORE, start=200)
    last = passage("Record a mileage expense", "5. Wait.\n\n1. Or call us.\n\n2. Ask.", start=300)
    found = quoted("How do I record a mileage expense?", first, stored=[last, second])
    assert found[:2] == [STEPS, MORE]
    assert "1. Or call us." not in found


def test_a_second_procedure_of_the_section_is_another() -> None:
    two = passage(
        "Record a mileage expense", f"{STEPS}\n\nOr on the road:\n\n1. Open the app.\n2. Choose Drive."
    )
    assert quoted("How do I record a mileage expense?", two) == [STEPS]


def test_a_step_may_have_steps() -> None:
    more = "3. Enter the kilometres:\n   1. Look at the meter.\n   2. Add them up."
    assert quoted(
        "How do I record a mileage expense?",
        passage("Record a mileage expense", f"{STEPS}\n\n{NOTE}\n\n{more}"),
    ) == [STEPS, more]


def test_steps_without_the_first_are_no_procedure() -> None:
    late = passage("Drives", f"You get money when you drove your own car.\n\n{MORE}")
    assert quoted("How do I get money for my own car?", late)[0].startswith("You get money")


def test_a_procedure_of_very_many_parts_is_cut() -> None:
    many = "\n\nSee the note.\n\n".join(f"{number}. Do this." for number in range(1, 20))
    found = quoted("How do I record a mileage expense?", passage("Record a mileage expense", many))
    assert found == [f"{number}. Do this." for number in range(1, MOST_LISTS + 1)]


def test_steps_of_another_thing_than_the_one_spoken_of_are_left() -> None:
    def at(place: str, id: int) -> ScoredPassage:
        document = DocumentRef(id, place, f"{id}.md")
        text = f"1. Call the desk of {place}.\n2. Wait."
        return ScoredPassage(Passage(id, 1, document, ("Order a taxi",), text, 0, len(text)), 0.8, 0.8, 0.8)

    turns = (Turn("user", "Is there a bar at Hotel Berg?"), Turn("assistant", "Yes, there is."))
    found = quoted(
        "How do I order one of the taxis there?", at("Hotel Alba", 1), at("Hotel Berg", 2), history=turns
    )
    assert found == ["1. Call the desk of Hotel Berg.\n2. Wait."]


def test_a_hostile_section_takes_no_time_to_speak_of() -> None:
    heading = "Record a mileage expense " * 20_000
    every = [passage(heading, "1. Do this.\n\nNote.\n\n" * 300, start=at) for at in range(20)]
    began = time.process_time()
    assert len(quoted("How do I record a mileage expense?", *every[:6], stored=every[6:])) == 1
    assert time.process_time() - began < 10
