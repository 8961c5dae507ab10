"""Passages about another thing whose name is alike: the Bronze Card for one who asks about the Silver Card.

Documents of one kind are built alike, so where the right one says nothing, that of a sister answers every
word of the question but the name. A passage's title or heading and the question are laid beside each other.
It is about a namesake where they go on alike after, or began alike before, one or two words that differ:
these are names, the question's stands nowhere in the passage, and the passage's is not asked about. Knows
capitals, and the titles and headings found; things whose names share no word it does not tell apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product

from freehold.knowledge.words import STOP_WORDS, words
from freehold.types import Passage, ScoredPassage

LONGEST = 2
"""Words in which two names differ, at most."""
ALIKE = 3
"""Letters that longer words begin with alike if they may be forms of one ("Spain", "Spanish")."""
MOST_WORDS, MOST_ASKED = 40, 200
"""Words of a part of a title or heading, and of a question, that are looked at."""
PLACES_KEPT = 4_096
"""Titles and headings that are kept taken apart."""
SMALL = frozenset(STOP_WORDS) - {"i"}
"""Words that are written with a capital only where all are."""
PARTS = re.compile(r"[:;,|()/?!]|\s[-–—]+\s")
"""Where a name ends."""
TOKEN = re.compile(r"[^\W_]+")

Pairs = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Name:
    """A word, and whether it is written as a name: with a capital or as a number."""

    word: str
    named: bool


@dataclass(frozen=True, slots=True)
class _Slot:
    """Words of a title or heading, and those that stand in their place in the question."""

    theirs: Sequence[_Name]
    ours: Sequence[_Name]
    beside: _Name
    """The question's word before or after them, which the title has there too."""
    pair: tuple[str, str]
    """That word and ours next to it, as they follow each other."""
    begins: bool
    """Whether the title or heading begins with this."""

    def named(self, known: Pairs) -> bool:
        """Whether ours are a name: written as one, or known from others at a beginning."""
        written = self.beside.named and all(name.named for name in self.ours)
        return written or (self.begins and self.pair in known)


def without_namesakes(text: str, found: Sequence[ScoredPassage]) -> tuple[ScoredPassage, ...]:
    """The passages that are not about a namesake of what a question names."""
    asked = _asked(text)
    pieces = [piece for scored in found for part in scored.passage.above for piece in _pieces(part)]
    known = frozenset((one.word, next_one.word) for piece in pieces for one, next_one in pairwise(piece))
    return tuple(scored for scored in found if not _namesake(asked, scored.passage, known))


def _namesake(asked: Sequence[_Name], passage: Passage, known: Pairs) -> bool:
    """`known` are neighbours in titles and headings, by which a name is known that has no capitals."""
    spoken = {name.word for name in asked}
    title = [name.word for name in next(iter(_pieces(passage.document.title)), ())]
    if len(title) > 1 and spoken.issuperset(title):
        return False
    rivals = [
        slot
        for part in passage.above
        for piece in _pieces(part)
        for slot in _slots(piece, asked)
        if all(name.named and name.word not in spoken for name in slot.theirs)
        and not any(_forms(name.word, slot.theirs) for name in slot.ours)
        and slot.named(known)
    ]
    own = {word for text in (*passage.above, passage.text) for word in words(text)} if rivals else set()
    return any(not own.intersection(name.word for name in slot.ours) for slot in rivals)


def _slots(place: Sequence[_Name], asked: Sequence[_Name]) -> Iterator[_Slot]:
    """What could stand for each other, one or two words of each, after and before a name's word in both."""
    lengths = range(1, LONGEST + 1)
    for (at, there), (to, here) in product(enumerate(place), enumerate(asked)):
        if there.word != here.word or not there.named:
            continue
        for long, length in product(lengths, lengths):
            theirs, ours = place[at + 1 : at + 1 + long], asked[to + 1 : to + 1 + length]
            if (len(theirs), len(ours)) == (long, length):
                yield _Slot(theirs, ours, here, (here.word, ours[0].word), at == 0)
            theirs, ours = place[max(0, at - long) : at], asked[max(0, to - length) : to]
            amount = any(name.word.isdigit() for name in (*theirs, *ours))  # "50 GB"; "Code 50" is a name
            if (len(theirs), len(ours)) == (long, length) and not amount:
                yield _Slot(theirs, ours, here, (ours[-1].word, here.word), at == long)


@lru_cache(PLACES_KEPT)
def _pieces(part: str) -> tuple[tuple[_Name, ...], ...]:
    """The names that a title or heading may consist of; its first word is written as one."""
    pieces = (TOKEN.findall(piece)[:MOST_WORDS] for piece in PARTS.split(part, MOST_WORDS))
    return tuple(
        tuple(_Name(word, not token[0].islower()) for token in piece for word in words(token))
        for piece in pieces
        if piece
    )


def _asked(text: str) -> tuple[_Name, ...]:
    """A question's words. Its first is not taken for a name, nor any by its capital where all have one, as in
    "How Long Is The Delivery Time?"."""
    tokens = TOKEN.findall(text)[:MOST_ASKED]
    all_have = capitals_everywhere(text, tokens)
    return tuple(
        _Name(word, number > 0 and not token[0].islower() and not (all_have and token.isalpha()))
        for number, token in enumerate(tokens)
        for word in words(token)
    )


def capitals_everywhere(text: str, tokens: Sequence[str]) -> bool:
    """Whether a question's words have capitals that are not names': all, or small ones among them."""
    return text.isupper() or any(one.istitle() and one.lower() in SMALL for one in tokens[1:])


def _forms(word: str, theirs: Iterable[_Name]) -> bool:
    """Whether it may be another form of one of theirs, or the same mistyped."""
    return len(word) > ALIKE and any(name.word[:ALIKE] == word[:ALIKE] for name in theirs)
