"""Which passages an answer is looked for in: what search found, less what is about something else.

Knows nothing of how search finds them or what is then quoted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from freehold.assistant.evidence import Rarities
from freehold.assistant.namesakes import without_namesakes
from freehold.assistant.subject import kept_to
from freehold.types import Query, ScoredPassage

Look = Callable[[Query, int], Sequence[ScoredPassage]]
"""Searches for at most so many passages, best first."""

LOOKED_AT = 2
"""Times as many passages as wanted are looked at, for those that are left out."""


def find(query: Query, look: Look, wanted: int, rarities: Rarities | None) -> tuple[ScoredPassage, ...]:
    """At most `wanted` passages, best first: what the turns name before all else, and no namesake of what the
    question names."""
    near = look(query, LOOKED_AT * wanted)
    first = kept_to(query, near[:wanted], lambda text: look(Query(text), wanted), rarities)
    there = {scored.passage.id for scored in first}
    rest = (scored for scored in near[wanted:] if scored.passage.id not in there)
    return without_namesakes(query.text, (*first, *rest))[:wanted]
