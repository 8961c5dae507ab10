"""What a conversation is about, as far as it names a document's title or a heading.

Whoever asks "does it have parking?" after a word on one hotel wants to be told of that one, though the
question names none and the documents of others answer it as well. A name that stands in other passages too,
as the product's does in all of its documents, names nothing. Knows the places (title and headings) of
passages, and of the turns before only their words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from freehold.assistant.evidence import USUAL_RARITY, Rarities
from freehold.assistant.history import stands_alone
from freehold.assistant.marks import without_ours
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
ALONE = 0.5
"""How much the turns before count for a question that can be understood without them, beside 1."""
LEAST_RARITY = 0.1
"""That of a word which the index does not tell among many others, as too common."""

USUAL_SHARE = 1 / 3
"""A word that more of the other passages have in their text does not tell a place from theirs."""

Place = list[frozenset[str]]
"""The words of a title and of the headings under it."""
Text = tuple[frozenset[str], frozenset[str]]
"""The words of a passage, and those of its title and headings."""


def asides(query: Query, found: Sequence[Passage], rarities: Rarities | None) -> NDArray[np.float32]:
    """How much less the conversation names each passage's place than the one it names most, 0 to 1.

    The last turns that name any count, and the question itself; half as much where the question stands alone,
    and it alone where it then clearly names one. All are 0 where no turns are before it or none names any.
    """
    if len(found) < 2 or not query.history:
        return np.zeros(len(found), np.float32)
    places = _apart(_telling([_place(passage) for passage in found], _texts(found)))
    weight = _weight(places, rarities)
    own = frozenset(words(query.text))
    alone = stands_alone(query.text)
    if alone and max(shares := _shares(places, own, weight)) >= CLEARLY:
        return np.asarray(shares.max() - shares, np.float32)
    said: frozenset[str] = frozenset()
    for turn in reversed(query.history[-TURNS:]):
        said |= _said(turn)
        if max(_shares(places, said, weight)) >= NAMED_FROM:
            shares = _shares(places, said | own, weight)
            return np.asarray((shares.max() - shares) * (ALONE if alone else 1.0), np.float32)
    return np.zeros(len(found), np.float32)


def kept_to(
    query: Query, found: Sequence[ScoredPassage], look: Look, rarities: Rarities | None
) -> tuple[ScoredPassage, ...]:
    """What was found; first, where none of it is of what the last turns name, passages that are.

    A question that leans on them ("is that a good location?") finds what says that best of anything. Then the
    turns are searched for, and the question once more under the title or heading that they name: as
    many passages as were found.
    """
    turns = query.history[-LAST_TURNS:]
    if not turns or not found or stands_alone(query.text):
        return tuple(found)
    passages = [each.passage for each in found]
    said = frozenset(words(query.text)).union(*map(_said, turns))
    places = [_place(passage) for passage in passages]
    if max(_shares(places, said, _weight(places, rarities))) >= CLEARLY:
        return tuple(found)
    texts = _texts(passages)
    for turn in reversed(turns):
        said = _said(turn)
        near = look(turn.text)
        places = _telling([_place(each.passage) for each in near], texts)
        shares = _shares(places, said, _weight(places, rarities))
        if not len(shares) or shares.max() < CLEARLY:
            continue
        name = _named_part(near[int(shares.argmax())].passage, said)
        again = look(f"{name} {query.text}")
        places = _telling([_place(each.passage) for each in again], texts)
        shares = _shares(places, said, _weight(places, rarities))
        about = [each for each, share in zip(again, shares, strict=True) if share >= NAMED_FROM]
        known = {each.passage.id for each in about}
        return (*about, *(each for each in found if each.passage.id not in known))[: len(found)]
    return tuple(found)


def _named_part(passage: Passage, said: frozenset[str]) -> str:
    """The words said of the title or heading that has most of them."""
    part = max(passage.above, key=lambda part: len(said & set(words(part))))
    return " ".join(word for word in part.split() if said & set(words(word)))


def _place(passage: Passage) -> Place:
    return [frozenset(words(part)) for part in passage.above]


def _texts(found: Sequence[Passage]) -> list[Text]:
    return [(frozenset(words(passage.text)), frozenset().union(*_place(passage))) for passage in found]


def _telling(places: Sequence[Place], texts: Sequence[Text]) -> list[Place]:
    """The places without words that are usual in the text of passages found elsewhere."""

    def tells(word: str) -> bool:
        others = [text for text, place in texts if word not in place]
        return sum(word in text for text in others) <= USUAL_SHARE * len(others)

    telling = {
        word for word in frozenset().union(*(part for place in places for part in place)) if tells(word)
    }
    return [[part & telling for part in place] for place in places]


def _apart(places: Sequence[Place]) -> list[Place]:
    """The places with empty parts for those that all have: these do not tell them apart."""
    shared = frozenset.intersection(*map(frozenset, places))
    return [[frozenset() if part in shared else part for part in place] for place in places]


def _shares(
    places: Sequence[Place], said: frozenset[str], weight: Callable[[str], float]
) -> NDArray[np.float32]:
    """How far each is named."""
    return np.array([named(place, said, weight) for place in places], np.float32)


def _weight(places: Sequence[Place], rarities: Rarities | None) -> Callable[[str], float]:
    """The rarity of the places' words."""
    known: dict[str, float] = {}
    if rarities is None:
        return lambda word: USUAL_RARITY
    for place in places:
        known |= rarities(word for part in place for word in part)
    return lambda word: known.get(word, LEAST_RARITY)


def _said(turn: Turn) -> frozenset[str]:
    """Its words; the titles that we put above quotes are nobody's choice of subject."""
    return frozenset(words(turn.text if turn.role == "user" else without_ours(turn.text)))
