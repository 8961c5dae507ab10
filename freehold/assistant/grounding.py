"""Checks a generated sentence against the passages it cites.

Everything the sentence turns on must stand in one cited passage: content words (by stem), numbers,
names, commands and addresses, negations, comparisons and obligations; numbers and names must stand
beside the same words there as here. When in doubt it is unsupported. Knows nothing of meaning: a true
sentence in other words fails, and so does one that needs two passages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from freehold.assistant.sentences import pieces
from freehold.assistant.statement import Statement, read
from freehold.types import Passage

MOST_UNITS = 3
"""Sentences, list items or table rows that a quote may run over."""
ENOUGH = 0.6
"""Share of the sentence's words that the quote itself must hold; its passage or headings have the others."""

_FREE_TO_DROP = frozenset({"must", "before", "after"})
"""Comparisons that may stand in the quote though the sentence leaves them out, beside its numbers."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was found; when supported, the quote is `passages[passage].text[quote_start:quote_end]`."""

    supported: bool
    quote_start: int = 0
    quote_end: int = 0
    passage: int = 0
    """Index of the passage that supports it, among those given."""
    reasons: tuple[str, ...] = ()
    """Why not, for the trace; empty when supported."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence, list item, table row or code block of a passage."""

    start: int
    end: int
    said: Statement


def check(sentence: str, passages: Sequence[Passage]) -> Check:
    """The first of `passages` that supports `sentence`, else what the most promising one lacks."""
    claim = read(sentence)
    if not claim.keys:
        return Check(False, reasons=("it says nothing that can be checked",))
    found = [replace(_against(claim, passage), passage=at) for at, passage in enumerate(passages)]
    supporting = [one for one in found if one.supported]
    if supporting:
        return supporting[0]
    return min(
        found, key=lambda one: len(one.reasons), default=Check(False, reasons=("it cites no passage",))
    )


def _against(claim: Statement, passage: Passage) -> Check:
    units = list(_units(passage.text))
    context = read(" . ".join((passage.document.title, *passage.heading_path)))
    whole = read(passage.text)
    missing = [
        f"“{key.removeprefix('#')}” is not in the passage"
        for key in claim.missing_from(whole, context, passage.text)
    ]
    missing += [f"the name “{name}” is not in the passage" for name in claim.foreign_names(whole, context)]
    if missing or not units:
        return Check(False, reasons=tuple(missing) or ("the passage is empty",))
    first, last = _quote(claim, units, passage.text)
    chosen = units[first : last + 1]
    start, end = chosen[0].start, chosen[-1].end
    reasons = list(_conflicts(claim, chosen, read(passage.text[start:end]), context))
    return Check(not reasons, start, end, reasons=tuple(reasons))


def _units(text: str) -> Iterator[_Unit]:
    for piece in pieces(text):
        if piece.kind == "heading":
            continue
        cuts = [piece.start, piece.end]
        if piece.kind in ("list", "table"):
            marker = r"^[ \t]*(?:[-*+•‣◦]|\d{1,3}[.)]|[a-z]\))[ \t]+\S" if piece.kind == "list" else r"^"
            lines = re.finditer(marker, text[piece.start : piece.end], re.MULTILINE)
            cuts = sorted({piece.start, piece.end, *(piece.start + line.start() for line in lines)})
        for start, end in pairwise(cuts):
            body = text[start:end].strip()
            if body.strip("|:- \t"):
                start += len(text[start:end]) - len(text[start:end].lstrip())
                yield _Unit(start, start + len(body), read(body))


def _quote(claim: Statement, units: Sequence[_Unit], text: str) -> tuple[int, int]:
    """The run of at most three units that holds most of the claim, the shortest such."""
    runs = [
        (first, last)
        for first in range(len(units))
        for last in range(first, min(first + MOST_UNITS, len(units)))
    ]

    def merit(run: tuple[int, int]) -> tuple[float, int, int]:
        first, last = run
        start, end = units[first].start, units[last].end
        keys = set().union(*(unit.said.keys for unit in units[first : last + 1]))
        held = sum(
            (3.0 if key.startswith("#") else 1.0)
            * (key in keys or (key in claim.codes and key in text[start:end]))
            for key in claim.keys
        )
        held += 0.25 * max(len(unit.said.keys & claim.keys) for unit in units[first : last + 1])
        return (round(held / len(claim.keys), 3), -(last - first), start - end)

    return max(runs, key=merit)


def _conflicts(
    claim: Statement, chosen: Sequence[_Unit], quote: Statement, context: Statement
) -> Iterator[str]:
    """What the quote says otherwise than the claim, or does not say at all."""
    own = {key for key in claim.keys if key not in context.keys or key in quote.keys}
    held = {key for key in own if key in quote.keys or key in claim.codes}
    if own and len(held) < ENOUGH * len(own):
        yield "its words stand scattered over the passage"
    for number in sorted(key for key in claim.keys if key.startswith("#")):
        if number not in quote.keys | context.keys:
            yield f"“{number[1:]}” does not stand with the other words"
    yield from claim.polarity_conflicts(quote)
    yield from claim.opposites(quote)
    for group in sorted(claim.groups - quote.groups):
        yield f"“{group}” is not what the passage says"
    if claim.numbers:
        for group in sorted(quote.bounds(claim.numbers) - claim.groups - _FREE_TO_DROP):
            yield f"the passage says “{group}”"
    for unit in [one.said for one in chosen]:
        if claim.reverses(unit):
            yield "the words stand in another order"
    yield from claim.stray_items([unit.said for unit in chosen], context)
