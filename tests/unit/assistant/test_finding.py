"""What an answer is looked for in: namesakes make room, and steps are found from the first on."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from freehold.assistant.finding import LOOKED_AT, SECTION_LOOKED_AT, find
from freehold.types import DocumentRef, Passage, Query, ScoredPassage, Turn

QUESTION = "How do I record a mileage expense?"


def passage(
    number: int, title: str, *headings: str, text: str = "It is free.", document: int = 0
) -> ScoredPassage:
    place = DocumentRef(document or number, title, f"{number}.md")
    return ScoredPassage(Passage(number, 1, place, headings, text, 0, len(text)), 0.8, 0.8, 0.8)


def found(
    query: Query,
    everything: Sequence[ScoredPassage],
    wanted: int = 3,
    section: Sequence[ScoredPassage] = (),
    asked: list[int] | None = None,
) -> list[int]:
    """The passages' numbers; `asked` gets those whose section was asked for, and how many were looked for."""

    def look(query: Query, limit: int) -> Sequence[ScoredPassage]:
        seen.append(limit)
        return everything[:limit]

    def its(one: Passage, limit: int) -> list[Passage]:
        assert limit == SECTION_LOOKED_AT
        if asked is not None:
            asked.append(one.id)
        return [each.passage for each in section]

    seen: list[int] = []
    chosen = find(query, look, its, wanted, None)
    assert seen[0] == wanted * LOOKED_AT
    return [scored.passage.id for scored in chosen]


def test_what_is_left_out_makes_room_for_the_next() -> None:
    everything = [
        *(passage(at, "Bronze Card") for at in range(1, 4)),
        *(passage(at, "Fees") for at in (4, 5, 6)),
    ]
    query = Query("Is the Silver Card free?", (Turn("user", "Hello?"),))
    assert found(query, everything) == [4, 5, 6]


def part(number: int, text: str, heading: str = "Record a mileage expense") -> ScoredPassage:
    return passage(number, "Mileage", heading, text=text, document=9)


BEFORE, FIRST, LATER = part(1, "It is easy."), part(2, "1. Open the list."), part(3, "4. Choose Send.")
OTHERS = [passage(at, "Fees") for at in (4, 5, 6)]


def test_the_first_step_takes_the_place_of_the_last_found() -> None:
    asked: list[int] = []
    assert found(Query(QUESTION), [LATER, *OTHERS], 3, [BEFORE, FIRST, LATER], asked) == [3, 4, 2]
    assert asked == [3]
    assert found(Query(QUESTION), [OTHERS[0], LATER], 2, [BEFORE, FIRST, LATER]) == [3, 2]
    assert found(Query(QUESTION), [LATER], 1, [BEFORE, FIRST, LATER]) == [3, 2]


def test_of_several_sections_the_best_that_has_steps_gives_its_first() -> None:
    bare = passage(7, "Start", "Record a mileage expense", text="It is easy.", document=8)
    sections = {8: [bare.passage], 9: [FIRST.passage, LATER.passage]}
    chosen = find(
        Query(QUESTION),
        lambda query, limit: [bare, LATER, *OTHERS],
        lambda one, limit: sections[one.document.id],
        3,
        None,
    )
    assert [scored.passage.id for scored in chosen] == [7, 3, 2]


@pytest.mark.parametrize(
    ("text", "everything", "section"),
    [
        (QUESTION, [LATER, FIRST, *OTHERS], [FIRST]),
        (QUESTION, [BEFORE, *OTHERS], [BEFORE]),
        (QUESTION, [LATER, *OTHERS], []),
        ("What is a mileage expense?", [LATER, *OTHERS], [FIRST]),
        (QUESTION, [part(3, "4. Choose Send.", "Expenses"), *OTHERS], [FIRST]),
    ],
    ids=["found", "no steps", "gone", "asks what", "another heading"],
)
def test_else_what_was_found_stays(
    text: str, everything: Sequence[ScoredPassage], section: Sequence[ScoredPassage]
) -> None:
    assert found(Query(text), everything, 3, section) == [one.passage.id for one in everything[:3]]
