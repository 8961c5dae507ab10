"""A question that changes the subject, asked once more as if nothing had been said before it.

The turns before lend a question their words, and pull it towards what they named. One that leans on them
needs that; one that does not may be refused for it. Knows nothing of how answers are found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from freehold.assistant.branches import alike
from freehold.assistant.extract import Extract
from freehold.assistant.history import stands_alone
from freehold.types import Query


def afresh(
    query: Query, told: Extract, below: float, seek: Callable[[Query], Extract]
) -> tuple[Query, Extract]:
    """The question and what answers it: by itself, where amid its turns it would be refused.

    Not where several documents then tell it alike, each of its own thing, as those of hotels all do of
    parking: the question was about the one spoken of. An answer is refused under the confidence `below`.
    """
    if told.answers(below) or not query.history or not stands_alone(query.text):
        return query, told
    alone = replace(query, history=())
    anew = seek(alone)
    apart = not alike([span.passage.passage for span in anew.spans])
    return (alone, anew) if anew.answers(below) and apart else (query, told)
