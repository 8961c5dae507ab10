"""What a follow-up means, and which questions need no turns before them."""

import pytest

from freehold.assistant.history import resolve, stands_alone, without_small_talk
from freehold.types import Query, Turn


def meant(*turns: str) -> str:
    *before, last = turns
    history = tuple(turn for text in before for turn in (Turn("user", text), Turn("assistant", "Yes.")))
    return resolve(Query(last, history)).text


@pytest.mark.parametrize(
    ("turns", "full"),
    [
        (("How much does the Basic plan cost?", "and the Pro plan?"), "How much does the Pro plan cost?"),
        (("What does the Basic plan cost?", "What about the Pro plan"), "What does the Pro plan cost?"),
        (("Do you ship to France?", "And to Germany?"), "Do you ship to Germany?"),
        (("Do you ship to France?", "And Germany?"), "Do you ship to Germany?"),
        (("How do I install it on Windows?", "and on macOS?"), "How do I install it on macOS?"),
        (("How long does delivery take to France?", "what about to Spain", "and Italy?"),
         "How long does delivery take to Italy?"),
        (("Is a debit card free?", "same for a credit card?"), "Is a credit card free?"),
        (("What is the limit (Pro plan)?", "and the Free plan?"), "What is the limit (Free plan)?"),
        (("Is the Ashley Hotel quiet?", "How about the Gonville Hotel?"), "Is the Gonville Hotel quiet?"),
    ],
)  # fmt: skip
def test_what_is_named_anew_takes_the_place_of_what_was_named_before(
    turns: tuple[str, ...], full: str
) -> None:
    assert meant(*turns) == full


@pytest.mark.parametrize(
    "turns",
    [
        ("How do I reset my password?", "How long does it take?"),
        ("How do I reset my password?", "Where do I see my invoices?"),
        ("How long does delivery take?", "What about refunds?"),
        ("My card is lost.", "and the Pro plan?"),
        ("Do you ship to France?", "Great, that is good to know about Germany and all of the others"),
        ("Do you ship to France or Spain?", "And Germany?"),
        ("Do you ship to France?", "Germany is nice."),
    ],
)
def test_what_no_rule_fits_stays_as_it_was_said(turns: tuple[str, ...]) -> None:
    assert meant(*turns) == turns[-1]


def test_a_question_without_turns_before_it_stays_as_it_is() -> None:
    query = Query("and the Pro plan?")
    assert resolve(query) is query


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("How do I reset my password?", True),
        ("Can I pay by card in euros?", True),
        ("How long does it take?", False),
        ("and for the Pro plan?", False),
        ("What about refunds?", False),
        ("Pro plan?", False),
        ("Is there parking?", False),
        ("Are children welcome in that hotel?", False),
        ("For the Pro plan, how many users can I have?", False),
    ],
)
def test_which_questions_stand_alone(text: str, alone: bool) -> None:
    assert stands_alone(text) is alone


def test_small_talk_is_no_history() -> None:
    turns = [
        Turn("user", "hi"),
        Turn("assistant", "Hello!"),
        Turn("user", "What is it?"),
        Turn("assistant", "It is."),
    ]
    assert without_small_talk(turns) == tuple(turns[2:])
