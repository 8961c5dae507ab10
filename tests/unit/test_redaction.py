"""Personal data is found, masked, and masked the same way throughout a ticket."""

from __future__ import annotations

import time

import pytest
from marked import figures

from freehold.personal_data import FINDERS
from freehold.redaction import Masker, without_placeholders


def test_the_set_it_was_written_with_is_masked() -> None:
    hits, total, extra = figures("personal_data.txt")
    assert sum(total.values()) >= 75
    assert hits == total
    assert extra == ["998 4421 0087"]  # a meeting's number: rather masked than not


def test_the_set_written_afterwards_is_masked_but_for_names_in_passing() -> None:
    hits, total, extra = figures("personal_data_unseen.txt")
    assert {kind: total[kind] - hits[kind] for kind in total if hits[kind] < total[kind]} == {"name": 4}
    assert extra == []


def test_the_same_value_gets_the_same_mark() -> None:
    masker = Masker(["Anna Kowalska"])
    first = masker.mask("Hi, Anna here: write to anna@mail.example or ben@mail.example.")
    second = masker.mask("Dear Anna Kowalska, we wrote to ANNA@mail.example. Kowalska is on file.")
    assert first == "Hi, [name 1] here: write to [email 1] or [email 2]."
    assert second == "Dear [name 1], we wrote to [email 1]. [name 1] is on file."
    assert masker.found == {"name": 3, "email": 3}


def test_a_name_given_away_late_is_masked_early_once_learnt() -> None:
    text = "I told Tove already.\n\nBest regards,\nTove"
    assert "Tove" in Masker().mask("I told Tove already.")
    masker = Masker()
    masker.learn(text)
    assert "Tove" not in masker.mask(text)


def test_a_known_name_takes_the_surname_behind_it_along() -> None:
    masker = Masker()
    masker.learn("Hi Anna, you can return it.")
    assert masker.mask("I'm Anna Miller (a customer). Is Anna there? Anna Please call.") == (
        "I'm [name 1] (a customer). Is [name 1] there? [name 1] Please call."
    )
    assert masker.mask("Ms Miller asked.") == "Ms [name 1] asked."
    assert Masker().mask("Hi, I'm Anna Miller (see below).") == "Hi, I'm [name 1] (see below)."


def test_masked_text_is_left_as_it_is() -> None:
    text = "Write to [email 1], [name 2], order [number 3]."
    assert Masker().mask(text) == text
    assert without_placeholders(text) == "Write to , , order ."


def test_words_that_are_names_too_stay_in_lower_case() -> None:
    masker = Masker(["Mark May"])
    assert masker.mask("Mark it? I mark it in may.") == "[name 1] it? I mark it in may."


@pytest.mark.parametrize(
    "piece",
    ["a", "1", "1 ", "Aa ", "a-", "a.", "a@", "a1", "a:", "Hi Anna ", "order ", "Regards\n", "AB12", "DE89 ",
     "12 Aa Bb ", "https://a.b/c?d=e ", "password ", "\n", "_", "my name is A", "rue de la ", "+1 (",
     "0.", "::"],
)  # fmt: skip
def test_hostile_text_takes_time_in_proportion(piece: str) -> None:
    text = (piece * 5_000)[:5_000]
    began = time.process_time()
    for _, find in FINDERS:
        list(find(text))
    assert time.process_time() - began < 0.6
