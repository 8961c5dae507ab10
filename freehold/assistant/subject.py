"""What a conversation is about, as far as it names a document's title or a heading.

Whoever asks "does it have parking?" after a word on one hotel wants to be told of that one, though the
question names none and the documents of others answer it as well. Knows the places (title and headings) of
passages, and of the turns before only their words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from freehold.assistant.evidence import USUAL_RARITY, Rarities
from freehold.assistant.history import stands_alone
from freehold.knowledge.closeness import named
from freehold.knowledge.words import words
from freehold.types import Passage, Query, ScoredPassage, Turn

Look = Callable[[str], Sequence[ScoredPassage]]
"""Searches for a text without turns before it."""

NAMED_FROM = 0.5
"""Share of a title or heading, by rarity, from which a conversation is taken to be about it."""
CLEARLY = 0.8
"""Share from which it is even where nothing of it was found, and from which a question is about another."""
TURNS, LAST_TURNS = 20, 3
"""Turns before the question that are looked at, the last one first; and that are searched for."""
LEAST_RARITY = 0.1
"""That of a word which the index does not tell among many others, as too common."""

Place = list[frozenset[str]]
"""The words of a title and of the headings under it."""


def asides(query: Query, found: Sequence[Passage], rarities: Rarities | None) -> NDArray[np.float32]:
    """How much less the conversation names each passage's place than the one it names most, 0 to 1.

    The last turns that name any count, and the question itself; alone the question, where it stands alone and
    clearly names one. All are 0 where there are no turns before it or none of them names any.
    """
    shared = (
        frozenset.intersection(*(frozenset(passage.above) for passage in found)) if found else frozenset()
    )
    places = [_place(passage, without=shared) for passage in found]
    if not places or not query.history:
        return np.zeros(len(found), np.float32)
    weight = _weight(places, rarities)
    own = frozenset(words(query.text))
    if stands_alone(query.text) and max(shares := _shares(places, own, weight)) >= CLEARLY:
        return np.asarray(shares.max() - shares, np.float32)
    said: frozenset[str] = frozenset()
    for turn in reversed(query.history[-TURNS:]):
        said |= _said(turn)
        if max(_shares(places, said, weight)) >= NAMED_FROM:
            shares = _shares(places, said | own, weight)
            return np.asarray(shares.max() - shares, np.float32)
    return np.zeros(len(found), np.float32)


def kept_to(
    query: Query, found: Sequence[ScoredPassage], look: Look, rarities: Rarities | None
) -> tuple[ScoredPassage, ...]:
    """What was found; first, where none of it is of what the last turns name, passages that are.

    A short question ("is that a good location?") finds what says that best of anything. Then the turns are
    searched for, and the question once more under the title or heading that they name: as many as were found.
    """
    turns = query.history[-LAST_TURNS:]
    if not turns or not found:
        return tuple(found)
    said = frozenset(words(query.text)).union(*map(_said, turns))
    if _most_named(found, said, rarities)[0] >= CLEARLY:
        return tuple(found)
    for turn in reversed(turns):
        share, name = _most_named(look(turn.text), _said(turn), rarities)
        if share >= CLEARLY:
            again = look(f"{name} {query.text}")
            about = [each for each in again if _most_named([each], _said(turn), rarities)[0] >= NAMED_FROM]
            known = {each.passage.id for each in about}
            rest = (each for each in found if each.passage.id not in known)
            return (*about, *rest)[: len(found)]
    return tuple(found)


def _most_named(
    found: Sequence[ScoredPassage], said: frozenset[str], rarities: Rarities | None
) -> tuple[float, str]:
    """How far the title or heading that is named most is named, and those words of it."""
    places = [_place(each.passage) for each in found]
    weight = _weight(places, rarities)
    most, name = 0.0, ""
    for place, each in zip(places, found, strict=True):
        if (share := named(place, said, weight)) > most:
            part = max(each.passage.above, key=lambda part: named([frozenset(words(part))], said, weight))
            most, name = share, " ".join(word for word in part.split() if said & set(words(word)))
    return most, name


def _shares(
    places: Sequence[Place], said: frozenset[str], weight: Callable[[str], float]
) -> NDArray[np.float32]:
    """How far each is named."""
    return np.array([named(place, said, weight) for place in places], np.float32)


def _place(passage: Passage, without: frozenset[str] = frozenset()) -> Place:
    """Parts that tell nothing apart keep their number, but have no words."""
    return [frozenset(() if part in without else words(part)) for part in passage.above]


def _weight(places: Sequence[Place], rarities: Rarities | None) -> Callable[[str], float]:
    """The rarity of the places' words."""
    known: dict[str, float] = {}
    if rarities is None:
        return lambda word: USUAL_RARITY
    for place in places:
        known |= rarities(word for part in place for word in part)
    return lambda word: known.get(word, LEAST_RARITY)


def _said(turn: Turn) -> frozenset[str]:
    return frozenset(words(turn.text))
