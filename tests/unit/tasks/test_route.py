"""Labels, the route prompt and what is read back from a model."""

from __future__ import annotations

import pytest

from freehold.tasks import route
from freehold.types import Turn


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (" card  arrival ", "card arrival"),
        ("OOS", route.OUT_OF_SCOPE),
        ("Out of scope", route.OUT_OF_SCOPE),
        ("wants a person", route.PERSON),
        ("contact_human_agent", route.PERSON),
        ("personal_loan", "personal_loan"),
    ],
)
def test_reserved_labels_are_known_by_their_usual_spellings(said: str, kept: str) -> None:
    assert route.label_of(said) == kept


def test_an_example_is_the_prompt_and_the_label() -> None:
    assert route.example(" Where is my card? ", "oos").as_json() == {
        "task": "route",
        "messages": [
            {"role": "system", "content": route.POLICY},
            {"role": "user", "content": "Where is my card?"},
            {"role": "assistant", "content": "out_of_scope"},
        ],
    }


def test_the_prompt_that_serves_is_the_one_that_was_learnt() -> None:
    system, turns = route.compose("x" * 5000)
    learnt = route.example("x" * 5000, "a")
    assert (learnt.system, learnt.turns[:-1]) == (system, turns)
    assert len(turns[0].text) == route.LONGEST_MESSAGE


def test_a_message_is_learnt_once() -> None:
    made = route.examples([("Hello  there", "a"), ("hello there", "b"), ("Bye", "b")])
    assert [each.turns for each in made] == [
        (Turn("user", "Hello  there"), Turn("assistant", "a")),
        (Turn("user", "Bye"), Turn("assistant", "b")),
    ]


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("card_arrival", "card_arrival"),
        ("\n Card Arrival \nbecause …", "card_arrival"),
        ("OOS", route.OUT_OF_SCOPE),
        ("card_arrivals", None),
        ("", None),
    ],
)
def test_what_a_model_wrote_is_read_leniently_but_never_guessed(written: str, label: str | None) -> None:
    assert route.read(written, ["card_arrival", route.OUT_OF_SCOPE]) == label


def test_kinds() -> None:
    assert [route.Route(each, 1.0, True).kind for each in ("a", "person", "out_of_scope")] == [
        "label",
        "person",
        "out_of_scope",
    ]
