"""How sequences are laid out: positions, pieces, and what is scored."""

from __future__ import annotations

from freehold.training.sequence import Piece, laid_out

NONE, ALL = [False] * 3, [True] * 3


def test_a_causal_example_counts_on_and_scores_what_is_wanted() -> None:
    made = laid_out([[5, 6, 7], [8, 9, 3]], [NONE, ALL], passages=range(0))
    assert made.tokens.tolist() == [5, 6, 7, 8, 9, 3]
    assert made.positions.tolist() == [0, 1, 2, 3, 4, 5]
    assert made.pieces == (Piece(0, 6, 0),)
    assert made.at.tolist() == [2, 3, 4]
    assert made.targets.tolist() == [8, 9, 3]


def test_passages_begin_at_one_position_and_the_question_one_past_the_highest() -> None:
    parts = [[1, 2], [3, 4, 5], [6], [7, 8]]
    made = laid_out(parts, [[True] * len(part) for part in parts], passages=range(1, 3))
    assert made.positions.tolist() == [0, 1, 2, 3, 4, 2, 5, 6]
    assert made.pieces == (Piece(0, 2, 0), Piece(2, 5, 2), Piece(5, 6, 5), Piece(6, 8, 0))
    # not token 0, nor the first of a passage, which nothing before it is seen by
    assert made.targets.tolist() == [2, 4, 5, 7, 8]


def test_passages_may_stand_first_and_last() -> None:
    made = laid_out([[1, 2], [3]], [[True, True], [True]], passages=range(2))
    assert made.positions.tolist() == [0, 1, 0]
    assert made.pieces == (Piece(0, 2, 0), Piece(2, 3, 2))
    assert made.targets.tolist() == [2]


def test_nothing_is_an_empty_sequence() -> None:
    made = laid_out([], [], passages=range(0))
    assert len(made) == 0
    assert made.pieces == ()
