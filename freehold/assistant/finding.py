"""Which passages an answer is looked for in: what search found, less what is about something else, and the
beginning of the steps that are asked for.

Knows nothing of how search finds them or what is then quoted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from freehold.assistant.evidence import Rarities, ask
from freehold.assistant.namesakes import without_namesakes
from freehold.assistant.procedures import begins_steps, is_headed, same_section
from freehold.assistant.subject import kept_to
from freehold.types import Passage, Query, ScoredPassage

Look = Callable[[Query, int], Sequence[ScoredPassage]]
"""Searches for at most so many passages, best first."""
Section = Callable[[Passage, int], Sequence[Passage]]
"""The first passages, at most so many, of the section that one is of."""

LOOKED_AT = 2
"""Times as many passages as wanted are looked at, for those that are left out."""
SECTION_LOOKED_AT = 20
"""Passages of a section in which steps are looked for."""


def find(
    query: Query, look: Look, section: Section, wanted: int, rarities: Rarities | None
) -> tuple[ScoredPassage, ...]:
    """At most `wanted` passages, best first: what the turns name before all else, and no namesake of what the
    question names."""
    near = look(query, LOOKED_AT * wanted)
    first = kept_to(query, near[:wanted], lambda text: look(Query(text), wanted), rarities)
    there = {scored.passage.id for scored in first}
    rest = (scored for scored in near[wanted:] if scored.passage.id not in there)
    found = without_namesakes(query.text, (*first, *rest))[:wanted]
    return _begun(query.text, found, section, rarities)


def _begun(
    text: str, found: tuple[ScoredPassage, ...], section: Section, rarities: Rarities | None
) -> tuple[ScoredPassage, ...]:
    """What was found; where sections are headed with a question how to do something and no first step of
    theirs was found, that of the best which has one takes the place of the last passage."""
    asked = ask(Query(text), rarities, None)
    of_sections = [scored for scored in found if is_headed(asked, scored.passage)]
    if any(begins_steps(scored.passage.text) for scored in of_sections):
        return found
    for best in of_sections:
        its = section(best.passage, SECTION_LOOKED_AT)
        start = next((one for one in its if begins_steps(one.text)), None)
        if start is not None:
            others = [one for one in found if not same_section(one.passage, best.passage)]
            return (*(one for one in found if one not in others[-1:]), replace(best, passage=start))
    return found
