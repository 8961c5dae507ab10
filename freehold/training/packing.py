"""Which sequences share a row, and in which order: a pure function of lengths and seed.

Nothing here is remembered between steps, so a run goes on exactly where it stopped by counting.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence

import numpy as np

OPEN_ROWS = 64
"""Rows that wait to be filled up: more waste less and shuffle the order a little more."""

Pack = tuple[int, ...]


def packs_of_epoch(lengths: Sequence[int], context: int, *, seed: int, epoch: int) -> list[Pack]:
    """All sequences, shuffled, in rows of at most `context` tokens (best fit among the open rows)."""
    order = np.random.default_rng([seed, epoch]).permutation(len(lengths))
    return packed_in_order(order.tolist(), lengths, context)


def packed_in_order(order: Sequence[int], lengths: Sequence[int], context: int) -> list[Pack]:
    """The sequences named, in rows of at most `context` tokens."""
    packs: list[Pack] = []
    open_rows: list[tuple[int, int, list[int]]] = []  # room left, age, members; the fullest first
    for age, number in enumerate(order):
        length = lengths[number]
        at = bisect.bisect_left(open_rows, (length,))
        if at < len(open_rows):
            room, born, members = open_rows.pop(at)
        else:
            room, born, members = context, age, []
        members.append(number)
        if room > length:
            bisect.insort(open_rows, (room - length, born, members))
        else:
            packs.append(tuple(members))
        if len(open_rows) > OPEN_ROWS:
            packs.append(tuple(open_rows.pop(0)[2]))
    packs.extend(tuple(members) for *_, members in sorted(open_rows, key=lambda row: row[1]))
    return packs


def steps(lengths: Sequence[int], context: int, *, seed: int, batch: int, skip: int) -> Iterator[list[Pack]]:
    """The packs of each step without end, epoch after epoch, `skip` steps left out."""
    waiting: list[Pack] = []
    epoch = 0
    while True:
        waiting.extend(packs_of_epoch(lengths, context, seed=seed, epoch=epoch))
        epoch += 1
        whole = len(waiting) // batch
        skipped = min(skip, whole)
        skip -= skipped
        for number in range(skipped, whole):
            yield waiting[number * batch : (number + 1) * batch]
        waiting = waiting[whole * batch :]


def share(packs: Sequence[Pack], rank: int, world: int) -> list[Pack]:
    """One process's packs; shorter shares are filled with empty ones, so that all have equally many."""
    rounds = -(-len(packs) // world)
    mine = list(packs[rank::world])
    return mine + [()] * (rounds - len(mine))
