"""The passages' own vectors of a large index, in memory: int8 in blocks that are filled and never moved.

What is in a slot stays what it is, so any number of threads may compare while one adds. Knows nothing of
passages.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Int8 = NDArray[np.int8]
Float32 = NDArray[np.float32]
Slots = NDArray[np.int32]
"""Where vectors are held; NOWHERE for one that is not."""

NOWHERE = -1
_BITS = 16
BLOCK = 1 << _BITS
"""Vectors of a block: of 384 dimensions 25 MB."""


class Heads:
    """Vectors with their scales. What is no longer needed keeps its slot until the others are `moved` on."""

    def __init__(self, dimensions: int, room: int) -> None:
        """`room`: how many are held at most."""
        self._dimensions = dimensions
        self.room = room
        self.used = 0
        self._rows: list[Int8] = []
        self._scales: list[Float32] = []

    def add(self, rows: Int8, scales: Float32) -> Slots:
        """The slots of int8[n, dimensions], NOWHERE for what finds no room. One thread at a time."""
        slots = np.full(len(rows), NOWHERE, dtype=np.int32)
        done, fit = 0, min(len(rows), self.room - self.used)
        while done < fit:
            at = self.used % BLOCK
            if not at:
                self._rows.append(np.empty((BLOCK, self._dimensions), dtype=np.int8))
                self._scales.append(np.empty(BLOCK, dtype=np.float32))
            count = min(BLOCK - at, fit - done)
            self._rows[-1][at : at + count] = rows[done : done + count]
            self._scales[-1][at : at + count] = scales[done : done + count]
            slots[done : done + count] = np.arange(self.used, self.used + count)
            self.used += count
            done += count
        return slots

    def compare(self, slots: Slots, vector: Float32) -> Float32:
        """The products of a vector with those in these slots, none of them NOWHERE."""
        products = np.empty(len(slots), dtype=np.float32)
        for here, block, rows in _by_block(slots):
            products[here] = (self._rows[block][rows].astype(np.float32) @ vector) * self._scales[block][rows]
        return products

    def moved(self, slots: Slots) -> tuple[Heads, Slots]:
        """The same with what is in these slots only, and where that is now."""
        fresh = Heads(self._dimensions, self.room)
        new = np.full(len(slots), NOWHERE, dtype=np.int32)
        held = np.flatnonzero(slots != NOWHERE)
        for here, block, rows in _by_block(slots[held]):
            new[held[here]] = fresh.add(self._rows[block][rows], self._scales[block][rows])
        return fresh, new


def _by_block(slots: Slots) -> Iterator[tuple[NDArray[np.intp], int, Slots]]:
    """Which of the slots each block has, and the rows within it."""
    blocks, within = slots >> _BITS, slots & (BLOCK - 1)
    for block in np.unique(blocks).tolist():
        here = np.flatnonzero(blocks == block)
        yield here, block, within[here]
