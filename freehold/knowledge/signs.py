"""Signs of vectors, a bit a dimension: 48 bytes for 384 dimensions, and the number in which two differ says
how near they are, roughly.

Held a word a column (uint64[words, vectors]), so that counting reads memory from end to end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Signs = NDArray[np.uint64]
"""uint64[dimensions / 64, rounded up, vectors]."""

BLOCK = 65_536
"""Vectors compared at a time: their distances stay within the processor's cache."""


def signs_of(matrix: NDArray[Any]) -> Signs:
    """Which dimensions of each row are positive."""
    bits = np.packbits(matrix > 0, axis=1)
    padded = np.zeros((len(bits), _bytes(matrix.shape[1])), dtype=np.uint8)
    padded[:, : bits.shape[1]] = bits
    return np.ascontiguousarray(padded.view(np.uint64).T)


def written(signs: Signs) -> list[bytes]:
    """As the store keeps them, one a vector."""
    return [row.tobytes() for row in signs.T]


def read(packed: Sequence[bytes], dimensions: int) -> Signs:
    """What `written` gave; all must be of these dimensions."""
    rows = np.frombuffer(b"".join(packed), dtype=np.uint64)
    return np.ascontiguousarray(rows.reshape(len(packed), _bytes(dimensions) // 8).T)


def are_signs(packed: bytes | None, dimensions: int) -> bool:
    """Whether these can be the signs of a vector of so many dimensions."""
    return packed is not None and len(packed) == _bytes(dimensions)


def differing(signs: Signs, one: Signs) -> NDArray[np.uint16]:
    """In how many dimensions each vector's sign differs from that of `one`, the signs of a single vector."""
    count = signs.shape[1]
    distances = np.empty(count, dtype=np.uint16)
    words = np.empty(BLOCK, dtype=np.uint64)
    bits = np.empty(BLOCK, dtype=np.uint8)
    for first in range(0, count, BLOCK):
        size = min(BLOCK, count - first)
        into = distances[first : first + size]
        into[:] = 0
        for column, word in zip(signs, one[:, 0], strict=True):
            np.bitwise_xor(column[first : first + size], word, out=words[:size])
            np.bitwise_count(words[:size], out=bits[:size])
            into += bits[:size]
    return distances


def least(distances: NDArray[np.uint16], count: int) -> NDArray[np.int64]:
    """Where the `count` least distances are, in ascending order of place; of equals the earlier are taken."""
    if count >= len(distances):
        return np.arange(len(distances))
    at_most = np.cumsum(np.bincount(distances))
    cut = int(np.searchsorted(at_most, count))
    inside = np.flatnonzero(distances <= cut)
    surplus = int(at_most[cut]) - count
    if surplus:
        edge = np.flatnonzero(distances[inside] == cut)[-surplus:]
        inside = np.delete(inside, edge)
    return inside


def _bytes(dimensions: int) -> int:
    return -(-dimensions // 64) * 8
