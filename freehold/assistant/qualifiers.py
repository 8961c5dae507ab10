"""What a passage says only of some, or only so often: qualifications that a claim may have left out.

Rules over words and their places; each finding is a sentence for the trace. Knows nothing of how much a
finding is worth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from freehold.assistant.statement import Statement, content

_PREPOSITION = r"for|in|on|from|with|of|to|at|under"
_PHRASE = re.compile(
    rf"\b({_PREPOSITION})((?: (?!(?:{_PREPOSITION}|but|while|whereas|is|are|can|may|must|will|has|have)\b"
    r"|(?:and |or )?[€$£]?\d)"
    r"[^\s.;:,()]+){1,5})",
    re.IGNORECASE,
)
_JOINED = re.compile(r"[;,]|\b(?:and|but|while|whereas|or)\b", re.IGNORECASE)
_DIFFERS = re.compile(r"\d|;|\b(?:but|while|whereas|only|just|optional|not|no)\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)*")
_OFTEN = {
    "hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter",
    "yearly": "year", "annually": "year",
}  # fmt: skip
_HOW_OFTEN = re.compile(rf"\b(?:{'|'.join(_OFTEN)})\b", re.IGNORECASE)


def foreign_frequencies(claim: str, passage: str) -> Iterator[str]:
    """`monthly` and its like, where the passage has neither that nor `every month` (nor `a month`)."""
    for match in _HOW_OFTEN.finditer(claim):
        word = match.group().lower()
        ways = [one for one in _OFTEN if _OFTEN[one] == _OFTEN[word]] + ["annual"] * (_OFTEN[word] == "year")
        each = rf"(?:every|each|per|an?|one) (?:\w+ )?{_OFTEN[word]}|/ ?{_OFTEN[word]}"
        if not re.search(rf"\b(?:{'|'.join(ways)}|{each})\b", passage, re.IGNORECASE):
            yield match.group()


def unsaid_contrasts(claim: Statement, unit: Statement, context: Statement) -> Iterator[str]:
    """Pairs such as `5 for members and 7 for guests` of which the claim names neither side."""
    known = claim.keys | context.keys
    phrases = list(_PHRASE.finditer(unit.text))
    for one, other in combinations(phrases, 2):
        here, there = _keys(one[2]), _keys(other[2])
        if (
            one[1].lower() == other[1].lower()
            and here - there
            and there - here
            and not (here ^ there) & known
            and _JOINED.search(unit.text, one.start(), other.start())
            and _DIFFERS.search(unit.text, one.start(), other.start())
        ):
            yield f"it leaves out “{one.group()}” and “{other.group()}”"
            return


def _keys(text: str) -> frozenset[str]:
    return frozenset(map(content, _WORD.findall(text))) - {""}
