"""Who asks how to do something is shown the steps, where the documents have them.

What is measured of a piece prefers sentences: one that says when a thing is done reads more like an answer
than ten steps do. But under a heading that holds the question, or beside the sentence that answers best, the
numbered list is the answer. Knows headings and numbers; steps written as prose, or in another section under a
heading in other words, it does not see.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Protocol, TypeVar

from freehold.assistant.evidence import Asked, Told
from freehold.assistant.sentences import Piece, pieces
from freehold.knowledge.words import words
from freehold.types import Passage, ScoredPassage

HEADED = 0.75
"""Share of the question, by rarity, from which a section's own heading holds it."""
MOST_LISTS = 12
"""Lists that one procedure's steps are shown in, where notes or passages divide them."""
MOST_HEADING_CHARS = 300
"""As much of a heading as is looked at."""
_DOING = re.compile(
    r"\bhow (?:do|can|could|should|would|may|might) (?:i|we|you|one)\b|\bhow to\b|\bsteps (?:to|for)\b",
    re.IGNORECASE,
)
_FIRST = re.compile(r"^1[.)][ \t]", re.MULTILINE)
_STEP = re.compile(r"^\d{1,3}[.)][ \t]", re.MULTILINE)
"""At the margin: what is indented is part of a step."""


class Candidate(Protocol):
    """A piece of a passage that could be quoted."""

    @property
    def passage(self) -> ScoredPassage: ...

    @property
    def told(self) -> Told: ...


One = TypeVar("One", bound=Candidate)


def begins_steps(text: str) -> bool:
    """Whether a first step stands in it."""
    return _FIRST.search(text) is not None


def same_section(one: Passage, other: Passage) -> bool:
    """Whether they are of one document and under the same headings."""
    return (one.document.id, one.heading_path) == (other.document.id, other.heading_path)


def is_headed(asked: Asked, passage: Passage) -> bool:
    """Whether a passage stands under a heading that holds what is asked to be done."""
    return _match(asked, passage)[0] >= HEADED


def first_steps(asked: Asked, ranked: Sequence[One]) -> One | None:
    """The numbered list with which the procedure that is asked for begins; None where there is none.

    `ranked` are all pieces looked at, best first. It is of the section headed with the question and little
    else, of several that of the best piece; else the best piece's, where the visitor is to do something.
    """
    firsts = [one for one in ranked if one.told.piece.kind == "list" and begins_steps(one.told.text)]
    matches = [_match(asked, one.passage.passage) for one in firsts]
    most = max(matches, default=(0.0, 0.0))
    if is_said := most[0] >= HEADED:
        firsts = [one for one, match in zip(firsts, matches, strict=True) if match == most]
    elif not _DOING.search(asked.text):
        return None
    here = [one for one in firsts if same_section(one.passage.passage, ranked[0].passage.passage)]
    if here:
        return min(here, key=_place)
    return firsts[0] if is_said else None


def lists_from(first: Passage, start: int, section: Sequence[Passage]) -> list[tuple[Passage, Piece]]:
    """The numbered lists of a section's passages, given in order, from the one that begins at `start` of
    `first` to the next procedure."""
    lists = [
        (passage, piece)
        for passage in section
        for piece in pieces(passage.text)
        if piece.kind == "list" and _STEP.search(passage.text[piece.start : piece.end])
    ]
    begun = [
        at for at, (passage, piece) in enumerate(lists) if (passage.id, piece.start) == (first.id, start)
    ]
    if not begun:
        return []
    rest = lists[begun[0] + 1 :]
    after = takewhile(lambda one: not begins_steps(one[0].text[one[1].start : one[1].end]), rest)
    return [lists[begun[0]], *after][:MOST_LISTS]


def _match(asked: Asked, passage: Passage) -> tuple[float, float]:
    """Share of the question's own words, by rarity, in a passage's heading, and of the heading's words in the
    question; 0 where nothing is to be done."""
    if not asked.steps or not passage.above:
        return 0.0, 0.0
    own = {word: asked.rarity.get(word, 0.0) for word in asked.words}
    held = set(words(passage.above[-1][:MOST_HEADING_CHARS]))
    if not held or not any(own.values()):
        return 0.0, 0.0
    share = sum(rarity for word, rarity in own.items() if word in held) / sum(own.values())
    return share, len(held & own.keys()) / len(held)


def _place(one: Candidate) -> int:
    """Where it begins in its document."""
    return one.passage.passage.start + one.told.piece.start
