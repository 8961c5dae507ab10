"""What answers to tasks are worth, against values worked out by hand and by others' programs."""

from __future__ import annotations

import pytest

from freehold.tasks import answer, route
from freehold.tasks.metrics import (
    Answered,
    Scope,
    accuracy,
    answered,
    f1,
    holds,
    macro_f1,
    scope,
    words,
)


@pytest.mark.parametrize(
    ("text", "gold", "expected"),
    [  # by hand, after SQuAD's evaluate-v2.0.py
        ("The Denver Broncos.", "Denver Broncos", 1.0),
        ("Denver", "Denver Broncos", 2 / 3),
        ("the the a", "an", 1.0),
        ("nothing alike", "Denver Broncos", 0.0),
        ("It was Denver, Denver!", "Denver Broncos", 2 * (1 / 4) * (1 / 2) / (1 / 4 + 1 / 2)),
        ("", "Denver", 0.0),
    ],
)
def test_token_f1(text: str, gold: str, expected: float) -> None:
    assert f1(text, gold) == pytest.approx(expected)


def test_holding_is_word_by_word() -> None:
    assert words("The U.S.A.'s “best”, an answer") == ["usas", "“best”", "answer"]
    assert holds("It takes (about) five  working days.", "five working days")
    assert not holds("It takes fifty-five working days.", "five working days")
    assert not holds("Five of them work in days.", "five days")
    assert holds("cost: € 5", "€")
    assert not holds("cost: 5", "!")


def test_labels_none_is_always_wrong() -> None:
    assert accuracy(["a", None, "b", "a"], ["a", "None", "b", "b"]) == 0.5


def test_rare_labels_count_as_much_as_common_ones() -> None:
    said, gold = ["a", "a", "a", "a", None], ["a", "a", "a", "b", "c"]
    # by hand: a 2*3/(4+3), b 0, c 0; scikit-learn's f1_score(average="macro") gives the same
    assert macro_f1(said, gold) == pytest.approx((6 / 7) / 3)


def test_scope_is_recall_and_false_alarms() -> None:
    oos = route.OUT_OF_SCOPE
    assert scope([oos, "a", oos, "a"], [oos, oos, "a", "a"]) == Scope(0.5, 0.5)
    assert scope(["a"], ["a"]) == Scope(None, 0.0)
    assert scope([route.PERSON, "a"], [route.PERSON, "a"], route.PERSON) == Scope(1.0, 0.0)


def test_an_answer_is_right_when_it_holds_a_gold_answer() -> None:
    found = answered("Refunds take five days. [2]", ["five days"], gold={2}, passages=3)
    assert found.right and found.cited == 1.0 and found.f1 == pytest.approx(2 * 1 * 0.5 / 1.5)
    assert answered("Refunds take six days. [1]", ["five days"], gold={2}, passages=3).cited == 0.0
    assert answered("Five days [7].", ["five days"], gold={2}, passages=3).cited == 0.0


def test_refusing_is_right_only_where_no_passage_answers() -> None:
    assert answered(answer.REFUSAL, [], gold=(), passages=3) == Answered(True, True, None, None)
    assert not answered(answer.REFUSAL, ["five days"], gold={1}, passages=3).right
    assert not answered("Five days. [1]", [], gold=(), passages=3).right
