"""Packing: nothing lost, nothing too long, the same again from any step on."""

from __future__ import annotations

import itertools

import numpy as np

from freehold.training.packing import packed_in_order, packs_of_epoch, share, steps

LENGTHS = np.random.default_rng(0).integers(1, 100, 300).tolist()


def test_every_sequence_once_and_no_row_too_long() -> None:
    packs = packs_of_epoch(LENGTHS, 100, seed=1, epoch=0)
    assert sorted(number for pack in packs for number in pack) == list(range(300))
    assert max(sum(LENGTHS[number] for number in pack) for pack in packs) <= 100
    assert sum(LENGTHS) / (len(packs) * 100) > 0.93


def test_the_order_is_the_seeds_and_the_epochs() -> None:
    first = packs_of_epoch(LENGTHS, 100, seed=1, epoch=0)
    assert packs_of_epoch(LENGTHS, 100, seed=1, epoch=0) == first
    assert packs_of_epoch(LENGTHS, 100, seed=1, epoch=1) != first
    assert packs_of_epoch(LENGTHS, 100, seed=2, epoch=0) != first


def test_whole_rows_keep_their_order() -> None:
    assert packed_in_order(range(4), [10] * 4, 10) == [(0,), (1,), (2,), (3,)]


def test_steps_go_on_where_they_were_left_over_the_end_of_epochs() -> None:
    def some(skip: int, count: int) -> list[object]:
        return list(itertools.islice(steps(LENGTHS, 100, seed=1, batch=40, skip=skip), count))

    assert some(0, 12)[7:] == some(7, 5)
    assert all(len(step) == 40 for step in some(0, 12))


def test_shares_are_equally_long_and_hold_everything() -> None:
    packs = [(0,), (1,), (2,), (3,), (4,)]
    shares = [share(packs, rank, 3) for rank in range(3)]
    assert shares == [[(0,), (3,)], [(1,), (4,)], [(2,), ()]]
