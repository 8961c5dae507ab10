"""Whoever speaks of one thing is not told of another."""

from collections.abc import Iterable

import pytest

from freehold.assistant.extract import Extractor
from freehold.assistant.subject import TURNS, asides, kept_to
from freehold.types import DocumentRef, Passage, Query, ScoredPassage, Turn

ALBA, BERG = "Hotel Alba", "Hotel Berg"
PARKING = "Parking is free for guests of the house."
PLACES = {
    ALBA: f"{PARKING} Breakfast is served from seven.",
    BERG: "Parking costs nine euros a night. Breakfast is served from eight.",
}


def passage(title: str, text: str, number: int = 1, *headings: str) -> Passage:
    return Passage(number, number, DocumentRef(number, title, f"{number}.md"), headings, text, 0, len(text))


FOUND = [passage(title, text, number) for number, (title, text) in enumerate(PLACES.items(), 1)]


def asked(text: str, *turns: str) -> Query:
    roles = ("user", "assistant")
    return Query(text, tuple(Turn(roles[at % 2], turn) for at, turn in enumerate(turns)))


def rarities(wanted: Iterable[str]) -> dict[str, float]:
    return {word: 1.0 if word == "hotel" else 6.0 for word in wanted}


def beside(text: str, *turns: str) -> list[float]:
    return [round(float(one), 2) for one in asides(asked(text, *turns), FOUND, rarities)]


@pytest.mark.parametrize(
    ("text", "turns", "expected"),
    [
        ("Does it have parking?", ("Is the Alba nice?",), [0.0, 0.86]),
        ("Does it have parking?", ("Somewhere quiet, please.", "The Hotel Berg is."), [0.86, 0.0]),
        ("And parking?", ("Is the Alba nice?", "Yes.", "And the Berg?", "It is, too."), [0.86, 0.0]),
        ("Is parking free for guests?", ("Is the Alba nice?",), [0.0, 0.43]),
        ("Is it as near as the Berg?", ("Is the Alba nice?",), [0.0, 0.0]),
        ("Is parking free at the Hotel Berg?", ("Is the Alba nice?",), [0.86, 0.0]),
        ("Does it have parking?", ("Is there a hotel by the sea?",), [0.0, 0.0]),
        ("Does the Alba have parking?", (), [0.0, 0.0]),
        ("Does it have parking?", ("Is the Alba nice?", *["Go on."] * TURNS), [0.0, 0.0]),
    ],
    ids=[
        "by the visitor",
        "by us",
        "the last one",
        "alone",
        "the question too",
        "the question anew",
        "neither",
        "no turns",
        "long ago",
    ],
)
def test_what_the_turns_name_stands_before_the_others(
    text: str, turns: tuple[str, ...], expected: list[float]
) -> None:
    assert beside(text, *turns) == expected


def test_a_heading_counts_as_its_title_does() -> None:
    found = [passage("Plans", "Ten gigabytes.", 1, "Free plan"), passage("Plans", "Fifty.", 2, "Pro plan")]
    query = asked("How much storage has it?", "What does the Pro plan cost?")
    assert asides(query, found, None).tolist() == [0.5, 0.0]


def test_an_index_that_tells_of_the_rarest_words_alone_is_enough() -> None:
    def rarest(wanted: Iterable[str]) -> dict[str, float]:
        return {word: 6.0 for word in wanted if word in {"alba", "berg"}}

    query = asked("Does it have parking?", "Is the Alba nice?")
    assert asides(query, FOUND, rarest).tolist() == pytest.approx([0.0, 0.98], abs=0.01)
    assert asides(query, FOUND, lambda wanted: {}).tolist() == [0.0, 0.5]


def test_a_name_that_the_others_use_too_names_nothing() -> None:
    texts = {"Mono": "Mono keeps files.", "Export": "Mono exports to CSV.", "Plans": "Mono has two plans."}
    found = [passage(title, text, number) for number, (title, text) in enumerate(texts.items(), 1)]
    query = asked("How do I get my files out?", "What is Mono?", "Mono keeps files.")
    assert asides(query, found, rarities).tolist() == [0.0, 0.0, 0.0]
    others, shelf = scored(*found[1:]), scored(found[0])
    assert kept_to(query, others, lambda text: shelf, rarities) == others


def test_nothing_found_and_no_titles_are_fine() -> None:
    query = asked("Does it have parking?", "Is the Alba nice?")
    assert asides(query, [], rarities).tolist() == []
    assert asides(query, [passage("", "Parking is free.")], rarities).tolist() == [0.0]


def test_the_answer_is_of_what_was_spoken_of_and_of_nothing_else() -> None:
    found = [ScoredPassage(one, 0.5, 0.5, None) for one in FOUND]
    for title, other in ((ALBA, BERG), (BERG, ALBA)):
        for order in (found, found[::-1]):
            query = asked("What about parking there?", f"Tell me of the {title}.")
            extract = Extractor(None, rarities).extract(query, order)
            shown = {span.passage.passage.document.title for span in extract.spans}
            assert shown == {one.passage.document.title for one in extract.about} == {title}, other


def test_a_question_that_names_another_is_answered_of_that() -> None:
    found = [ScoredPassage(one, 0.5, 0.5, None) for one in FOUND]
    query = asked("What does parking at the Berg cost?", "Tell me of the Hotel Alba.")
    first = Extractor(None, rarities).extract(query, found).spans[0]
    assert first.passage.passage.document.title == BERG


def test_without_turns_all_that_was_found_is_about_it() -> None:
    found = [ScoredPassage(one, 0.5, 0.5, None) for one in FOUND]
    extract = Extractor(None, rarities).extract(asked("When is breakfast served?"), found)
    assert extract.about == tuple(found)
    assert {span.passage.passage.document.title for span in extract.spans} == {ALBA, BERG}


def scored(*passages: Passage) -> tuple[ScoredPassage, ...]:
    return tuple(ScoredPassage(one, 0.5, 0.5, None) for one in passages)


class Shelf:
    """Searches by the names in the text alone."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def look(self, text: str) -> tuple[ScoredPassage, ...]:
        self.asked.append(text)
        return scored(*(one for one in FOUND if one.document.title.split()[1] in text))


SEA = [passage(f"By the sea {at}", "The sea is near.", at) for at in range(10, 13)]


def test_what_the_turns_name_is_looked_for_where_none_of_it_was_found() -> None:
    shelf = Shelf()
    query = asked("Is it near the sea?", "Is the Hotel Berg nice?", "It is.")
    found = kept_to(query, scored(*SEA), shelf.look, rarities)
    assert [one.passage for one in found] == [FOUND[1], *SEA[:2]]
    assert shelf.asked == ["It is.", "Is the Hotel Berg nice?", "Hotel Berg Is it near the sea?"]


@pytest.mark.parametrize(
    ("found", "turns"),
    [
        (SEA, ()),
        (SEA, ("Somewhere quiet, please.",)),
        ([*SEA, FOUND[1]], ("Is the Hotel Berg nice?",)),
        ([], ("Is the Hotel Berg nice?",)),
    ],
    ids=["no turns", "none named", "found already", "nothing found"],
)
def test_and_not_otherwise(found: list[Passage], turns: tuple[str, ...]) -> None:
    shelf = Shelf()
    assert kept_to(asked("Is it near the sea?", *turns), scored(*found), shelf.look, rarities) == scored(
        *found
    )
    assert len(shelf.asked) <= 1


def test_nor_for_a_question_that_stands_alone() -> None:
    shelf = Shelf()
    query = asked("How near is the sea?", "Is the Hotel Berg nice?")
    assert kept_to(query, scored(*SEA), shelf.look, rarities) == scored(*SEA)
    assert not shelf.asked
