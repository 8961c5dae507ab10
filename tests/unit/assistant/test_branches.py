"""When the documents branch the visitor is asked which; otherwise never."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from freehold.assistant.branches import choices, narrowed, offered_in, picked, question_back
from freehold.assistant.history import resolve
from freehold.types import DocumentRef, Passage, Query, ScoredPassage, Turn


def passage(path: str, text: str, score: float = 0.8, id: int = 0) -> ScoredPassage:
    title, *headings = path.split(" > ")
    id = id or abs(hash((path, text))) % 10_000 + 1
    return ScoredPassage(
        Passage(id, 1, DocumentRef(id, title, "a.md"), tuple(headings), text, 0, len(text)), score, 0.8, 0.8
    )


def asked(text: str, *found: ScoredPassage, history: tuple[Turn, ...] = ()) -> tuple[str, ...]:
    return choices(Query(text, history), found, lambda each: each.passage.text.partition(". ")[0])


FREE = passage("Free plan > Storage", "The storage limit is 2 GB a user. More can be bought.")
PRO = passage("Pro plan > Storage", "The storage limit is 100 GB a user. More can be bought.", 0.79)
QUESTION = "What is the storage limit?"


def test_parallel_headings_that_answer_differently_are_asked_back() -> None:
    assert asked(QUESTION, FREE, PRO) == ("Free plan", "Pro plan")
    germany = passage("Returns in Germany", "Goods can be returned within 30 days of delivery.")
    france = passage("Returns in France", "Goods can be returned within 14 days of delivery.")
    assert asked("How long can I return goods?", germany, france) == (
        "Returns in Germany",
        "Returns in France",
    )


@pytest.mark.parametrize(
    "text",
    [
        "What is the storage limit on the Pro plan?",
        "What is the storage limit on the free plan?",
        "What is the storage limit of each plan?",
        "Which plan has the highest storage limit?",
        "What is the difference in the storage limit?",
    ],
)
def test_a_question_that_says_which_or_wants_all_is_answered(text: str) -> None:
    assert asked(text, FREE, PRO) == ()


def test_a_conversation_that_says_which_is_enough() -> None:
    turns = (Turn("user", "I am on the pro plan."), Turn("assistant", "Good."))
    assert asked(QUESTION, FREE, PRO, history=turns) == ()


def test_a_question_that_names_another_thing_than_these_is_not_asked_back() -> None:
    named: list[str] = []

    def missing(passages: Sequence[Passage]) -> str:
        named.extend(each.document.title for each in passages)
        return "Gold plan"

    query = Query("What is the storage limit of the Gold plan?")
    assert choices(query, [FREE, PRO], lambda each: each.passage.text.partition(". ")[0], missing) == ()
    assert named == ["Free plan", "Pro plan"]


def read_from(text: str, *found: ScoredPassage) -> tuple[ScoredPassage, ...]:
    return narrowed(Query(text), found, lambda each: each.passage.text.partition(". ")[0])


def test_who_names_a_choice_is_not_told_of_the_others() -> None:
    assert read_from("What is the storage limit (Pro plan)?", FREE, PRO) == (PRO,)
    assert read_from("What is the storage limit of the free plan?", FREE, PRO) == (FREE,)


@pytest.mark.parametrize(
    "text",
    [
        QUESTION,
        "Is the storage limit of the Free plan lower than that of the Pro plan?",
        "What is the storage limit of any plan?",
    ],
)
def test_who_names_none_or_several_is_told_of_all(text: str) -> None:
    assert read_from(text, FREE, PRO) == (FREE, PRO)


def test_a_section_that_says_something_else_is_read_though_another_is_named() -> None:
    delivery = passage("Help > Delivery", "Parcels are brought by the post within three days.")
    refunds = passage("Help > Refunds", "We pay everything back, the price of the parcel's way included.")
    assert read_from("Is the price of delivery paid back?", delivery, refunds) == (delivery, refunds)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (FREE, passage("Pro plan > Storage", "The storage limit is 2 GB a user. More can be bought.")),
        (FREE, passage("Pro plan > Support", "Write to us at any hour. We answer at once.")),
        (FREE, passage("Pro plan > Storage", "The storage limit is 100 GB a user.", score=0.3)),
        (passage("Guide > Step 1", "The storage limit is 2 GB a user."),
         passage("Guide > Step 2", "The storage limit is 5 GB a user.")),
        (passage("Storage > Purpose", "The storage limit is 2 GB a user."),
         passage("Storage > Prerequisites", "The storage limit is 5 GB a user.")),
        (passage("Add storage", "The storage limit grows by 2 GB a user."),
         passage("Remove storage", "The storage limit shrinks by 2 GB a user.")),
        (passage("Storage", "The storage limit is 2 GB a user."),
         passage("Storage > History", "The storage limit was 1 GB a user.")),
        (passage("Anna's notes on plans", "The storage limit is 2 GB a user."),
         passage("A page by Bertha of the year", "The storage limit is 1 GB a user.")),
    ],
)  # fmt: skip
def test_what_is_not_clearly_parallel_is_not_asked(one: ScoredPassage, other: ScoredPassage) -> None:
    assert asked(QUESTION, one, other) == ()


def test_the_same_is_not_asked_twice() -> None:
    turns = (Turn("user", QUESTION), Turn("assistant", question_back(("Free plan", "Pro plan"))))
    assert asked(QUESTION, FREE, PRO, history=turns) == ()


def test_headings_lose_their_markup() -> None:
    rich = passage("**Pro** [plan](http://x) > Storage", "The storage limit is 100 GB a user.")
    offered = asked(QUESTION, FREE, rich)
    assert not any(mark in each for each in offered for mark in "*[]")


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ("Pro plan", "Pro plan"),
        ("pro", "Pro plan"),
        ("The Pro plan, please", "Pro plan"),
        ("2", "Pro plan"),
        ("the first one", "Free plan"),
        ("both", ""),
        ("3", None),
        ("Where do I find my invoices and who pays for the pro plan?", None),
        ("the plan", None),
        ("free or pro", None),
        ("", None),
    ],
)
def test_the_visitors_pick_is_understood(said: str, choice: str | None) -> None:
    offered = ("Free plan", "Pro plan")
    assert picked(said, offered) == choice
    assert offered_in(Turn("assistant", question_back(offered))) == offered
    assert offered_in(Turn("user", question_back(offered))) == ()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Pro plan", "What is the storage limit (Pro plan)?"),
        ("both", QUESTION),
        ("Who are you?", "Who are you?"),
    ],
)
def test_a_pick_is_put_together_with_the_question_before(said: str, meant: str) -> None:
    turns = (Turn("user", QUESTION), Turn("assistant", question_back(("Free plan", "Pro plan"))))
    query = resolve(Query(said, turns))
    assert query.text == meant
    assert query.history == (() if said == "Pro plan" else turns)
    if said != "Who are you?":
        assert asked(query.text, FREE, PRO, history=query.history) == ()
