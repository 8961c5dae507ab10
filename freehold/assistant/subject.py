"""What a conversation is about, as far as it names a document's title or a heading.

Whoever asks "does it have parking?" after a word on one hotel wants to be told of that one, though the
question names none and the documents of others answer it as well. Knows the places of the passages found, and
of the turns before only their words.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from freehold.assistant.evidence import USUAL_RARITY, Rarities
from freehold.knowledge.closeness import named
from freehold.knowledge.words import words
from freehold.types import Passage, Query

NAMED_FROM = 0.5
"""Share of a title or heading, by rarity, from which a conversation is taken to be about it."""
LEAST_RARITY = 0.1
"""That of a word which the index does not tell among many others, as too common."""
TURNS = 20
"""Turns before the question that are looked at, the last one first."""


def asides(query: Query, found: Sequence[Passage], rarities: Rarities | None) -> NDArray[np.float32]:
    """How much less the conversation names each passage's place than the one it names most, 0 to 1.

    The last turns that name any count, and the question itself; all are 0 where there are no turns before it
    or none of them names any.
    """
    shared = (
        frozenset.intersection(*(frozenset(passage.above) for passage in found)) if found else frozenset()
    )
    places = [
        [frozenset(words(part)) if part not in shared else frozenset() for part in passage.above]
        for passage in found
    ]
    rarity: dict[str, float] = {}
    if query.history and rarities is not None:
        for place in places:
            rarity |= rarities(word for part in place for word in part)
    usual = USUAL_RARITY if rarities is None else LEAST_RARITY

    def weight(word: str) -> float:
        return rarity.get(word, usual)

    said: frozenset[str] = frozenset()
    for turn in reversed(query.history[-TURNS:]):
        said |= frozenset(words(turn.text))
        if max((named(place, said, weight) for place in places), default=0.0) >= NAMED_FROM:
            said |= frozenset(words(query.text))
            shares = np.array([named(place, said, weight) for place in places], np.float32)
            return np.asarray(shares.max() - shares, np.float32)
    return np.zeros(len(found), np.float32)
