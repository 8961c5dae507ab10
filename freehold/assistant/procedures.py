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
from freehold.knowledge.words import words
from freehold.types import Passage, ScoredPassage

HEADED = 0.75
"""Share of the question, by rarity, from which a section's own heading holds it."""
MOST_LISTS = 6
"""Lists of one section's steps that are shown, where notes or passages divide them."""
_DOING = re.compile(
    r"\bhow (?:do|can|could|should|would|may|might) (?:i|we|you|one)\b|\bhow to\b|\bsteps (?:to|for)\b",
    re.IGNORECASE,
)
_FIRST = re.compile(r"^[ \t]*1[.)][ \t]", re.MULTILINE)
_STEP = re.compile(r"^[ \t]*\d{1,3}[.)][ \t]", re.MULTILINE)


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


def procedure(asked: Asked, ranked: Sequence[One]) -> list[One]:
    """The numbered lists of one section, in their order, from its first step on; empty where there are none.

    `ranked` are all pieces looked at, best first. The section is the one headed with the question and little
    else, of several that of the best piece; else the best piece's, where the visitor is to do something.
    """
    lists = [one for one in ranked if one.told.piece.kind == "list" and _STEP.search(one.told.text)]
    firsts = [one for one in lists if begins_steps(one.told.text)]
    matches = [_match(asked, one.passage.passage) for one in firsts]
    most = max(matches, default=(0.0, 0.0))
    if is_said := most[0] >= HEADED:
        firsts = [one for one, match in zip(firsts, matches, strict=True) if match == most]
    elif not _DOING.search(asked.text):
        return []
    here = [one for one in firsts if _together(one, ranked[0])]
    if not here and not is_said:
        return []
    first = min(here, key=_place) if here else firsts[0]
    after = [one for one in lists if _together(one, first) and _place(one) > _place(first)]
    rest = takewhile(lambda one: not begins_steps(one.told.text), sorted(after, key=_place))
    return [first, *rest][:MOST_LISTS]


def _match(asked: Asked, passage: Passage) -> tuple[float, float]:
    """Share of the question's own words, by rarity, in a passage's heading, and of the heading's words in the
    question; 0 where nothing is to be done."""
    own = {word: asked.rarity.get(word, 0.0) for word in asked.words}
    held = set(words(passage.above[-1])) if asked.steps and passage.above else set()
    if not held or not any(own.values()):
        return 0.0, 0.0
    share = sum(rarity for word, rarity in own.items() if word in held) / sum(own.values())
    return share, len(held & own.keys()) / len(held)


def _together(one: Candidate, other: Candidate) -> bool:
    return same_section(one.passage.passage, other.passage.passage)


def _place(one: Candidate) -> int:
    """Where it begins in its document."""
    return one.passage.passage.start + one.told.piece.start
