"""Runs of words as numbers, to compare many long texts: 64 bits a run, by numpy.

Two different runs have the same number with a chance of about one in 10¹⁹ a pair. Upper case, punctuation and
spaces don't count.
"""

from __future__ import annotations

import hashlib
import re

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.uint64]

_WORD = re.compile(r"\w+")
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class Words:
    """Words as numbers; those met before are remembered."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def numbers(self, text: str) -> Numbers:
        """Shape (words of the text,)."""
        found = _WORD.findall(text.lower())
        for word in (each for each in set(found) if each not in self._known):
            digest = hashlib.blake2b(word.encode(errors="replace"), digest_size=8).digest()
            self._known[word] = int.from_bytes(digest, "little")
        return np.fromiter((self._known[word] for word in found), np.uint64, len(found))


def grams(numbers: Numbers, length: int) -> Numbers:
    """A number for each run of `length` words, in order; shape (max(0, words - length + 1),)."""
    count = max(0, len(numbers) - length + 1)
    made = np.full(count, length, dtype=np.uint64)
    for place in range(length):
        made = made * _FACTOR + numbers[place : place + count]
        made ^= made >> np.uint64(29)
    return made
