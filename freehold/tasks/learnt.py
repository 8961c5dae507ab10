"""The messages that a router learnt from, kept as fingerprints: enough to know them again.

So whoever measures can leave them out. Fingerprints are no secret keeping: a short message can be guessed.
Case, spaces and punctuation do not count; a message put in other words is another one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NOT_HELD_OUT = -1


def fingerprint(message: str) -> int:
    """64 bits of the SHA-256 of a message's words."""
    words = " ".join(re.findall(r"\w+", message.casefold()))
    return int.from_bytes(hashlib.sha256(words.encode(errors="replace")).digest()[:8], "little")


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """What a linear router learnt from, and what it said where that was held out to measure it."""

    messages: NDArray[np.uint64]
    """Shape (messages,): fingerprints."""
    said: NDArray[np.int32]
    """Shape (messages,): the number of the label that was given before this message was learnt; NOT_HELD_OUT
    where it was learnt from the start."""

    @classmethod
    def of(cls, messages: Iterable[str], said: Sequence[int]) -> Learnt:
        """From messages with what was said of each."""
        prints = np.fromiter(map(fingerprint, messages), dtype=np.uint64, count=len(said))
        return cls(prints, np.array(said, dtype=np.int32))

    def known(self) -> dict[int, int]:
        """By fingerprint what was said of it. A message met twice counts as learnt from the start if one of
        them was."""
        found: dict[int, int] = {}
        for print_, said in zip(self.messages.tolist(), self.said.tolist(), strict=True):
            found[print_] = min(said, found.get(print_, said))
        return found


NOTHING = Learnt(np.empty(0, np.uint64), np.empty(0, np.int32))
