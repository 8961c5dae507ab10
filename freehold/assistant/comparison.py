"""Two statements held against each other: what one denies, compares, counts or orders otherwise.

Everything here is a rule over words and their places; each finding is a sentence for the trace. Knows
nothing of how much a finding is worth: support.py measures, soundness.py weighs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from freehold.assistant.statement import BOUNDS, GROUP, NEAR, Statement, Token

_OPPOSITES = (
    ("on", "off"), ("in", "out"), ("up", "down"), ("to", "from"), ("before", "after"), ("first", "last"),
    ("open", "closed"), ("free", "paid"), ("online", "offline"), ("day", "night"), ("earlier", "later"),
    ("with", "without"), ("above", "below"), ("same", "different"), ("inside", "outside"),
    ("left", "right"), ("none", "all"), ("before", "afterwards"), ("more", "less"), ("more", "fewer"),
    ("higher", "lower"), ("larger", "smaller"), ("greater", "smaller"), ("shorter", "longer"),
    ("optional", "required"), ("optional", "mandatory"), ("manually", "automatically"), ("always", "never"),
    ("internal", "external"), ("incoming", "outgoing"), ("sender", "recipient"), ("buyer", "seller"),
    ("customer", "vendor"), ("public", "private"), ("early", "late"), ("top", "bottom"), ("new", "old"),
    ("fixed", "variable"), ("daily", "weekly"), ("monthly", "yearly"), ("monthly", "weekly"),
    ("daily", "monthly"), ("domestic", "international"), ("summer", "winter"), ("heating", "cooling"),
    ("hot", "cold"), ("full", "empty"), ("morning", "evening"), ("morning", "afternoon"),
    ("weekday", "weekend"), ("debit", "credit"), ("front", "back"), ("high", "low"), ("long", "short"),
    ("big", "small"), ("large", "small"), ("quick", "slow"),
)  # fmt: skip
_TURNS = (
    "increas decreas", "enabl disabl", "open close", "add remov", "allow block", "allow forbid",
    "allow prohibit", "includ exclud", "receiv send", "buy sell", "start stop", "begin end",
    "accept reject", "accept refus", "approv reject", "import export", "upload download", "lock unlock",
    "raise lower", "rise fall", "gain lose", "instal uninstal", "subscrib unsubscrib", "activ deactiv",
    "keep delet", "win lose", "connect disconnect", "show hide", "borrow lend", "deposit withdraw",
    "arriv leav", "push pull", "pass fail",
)  # fmt: skip
"""The same for verbs, by stem."""
_TURNED: dict[str, set[str]] = {}
for _one, _other in (pair.split() for pair in _TURNS):
    _TURNED.setdefault(_one, set()).add(_other)
    _TURNED.setdefault(_other, set()).add(_one)
_DENIALS = re.compile(
    r"\b(?:un\w+|im(?:possible|permissible)|in(?:valid|active|eligible|complete|sufficient)|non-?\w+|fail\w*|refus\w+"
    r"|reject\w*|exclud\w+|prohibit\w*|forbid\w*|forbidden|bann?e?d?|den(?:y|ies|ied)|lack\w*|except\w*|free|lose[sd]?"
    r"|lost|expire[sd]?|stop\w*|only|block\w*|end(?:s|ed)?|disabled?|closed|cannot|can't|instead|rather|too"
    r"|remove[sd]?|delete[sd]?|gone|void|zero|0|barred|avoid\w*|prevent\w*|impossible|missing|absent|neither)\b",
    re.IGNORECASE,
)
"""Words that deny without a negation: what they say may be put with one."""
_BY = re.compile(r"\bby\b", re.IGNORECASE)
_UPPER = frozenset({"less than", "at most", "before"})
_LOWER = frozenset({"more than", "at least", "after"})
_MOST_SPOTS = 64
"""Occurrences of a word that are looked at; a unit with more is a table's or a list's, not a sentence's."""


def implies_denial(text: str) -> bool:
    return _DENIALS.search(text) is not None


def foreign_names(claim: Statement, passage: Statement, context: Statement) -> Iterator[str]:
    """Names of several words that do not stand there in one piece, and words with capitals not there."""
    for run in claim.names():
        keys = [token.key for token in run]
        ways = [keys, keys[1:]] if run[0].capital == 1 else [keys]
        if not any(passage.places(way) or context.places(way) for way in ways if way):
            yield " ".join(token.text for token in run)


def polarity_conflicts(claim: Statement, quote: Statement) -> Iterator[str]:
    """Words denied in one and not in the other."""
    for key in sorted((claim.denied(1) & quote.keys) - quote.denied(2)):
        yield f"the passage does not deny “{key}”"
    affirmed = {token.key for token in quote.tokens if not token.denied}
    for key in sorted((quote.denied(1) & claim.keys) - claim.denied(2) - affirmed):
        yield f"the passage denies “{key}”"


def opposites(claim: Statement, quote: Statement) -> Iterator[str]:
    """Small words that stand in the claim while only their opposite stands in the quote."""
    here, there = ({*re.findall(r"[a-z]+", one.text.lower())} for one in (claim, quote))
    for pair in _OPPOSITES:
        for word, opposite in (pair, pair[::-1]):
            if word in here - there and opposite in there - here:
                yield f"the passage says “{opposite}”, not “{word}”"
    for token in claim.tokens:
        if token.key in _TURNED and token.key not in quote.keys and _TURNED[token.key] & quote.keys:
            yield f"the passage says the opposite of “{token.text}”"


def bounds(statement: Statement, numbers: Iterable[str]) -> set[str]:
    """Comparisons that stand beside any of `numbers`."""
    found: set[str] = set()
    for key in set(numbers):
        for at in statement.index.get(key, ())[:_MOST_SPOTS]:
            token = statement.tokens[at]
            before = " ".join(statement.text[max(0, token.start - 60) : token.start].split()[-NEAR:])
            after = " ".join(statement.text[token.end : token.end + 60].split()[:NEAR])
            beside = f"{re.split(r'[.;:,]', before)[-1]} | {re.split(r'[.;:,]', after)[0]}"
            found |= {name for name in BOUNDS if GROUP[name].search(beside)}
    if "at most" in found:  # `no more than` holds `more than`
        found -= {"more than"} if _negated(statement, "more|longer|farther|further|higher|older") else set()
    if "at least" in found:
        found -= {"less than"} if _negated(statement, "less|fewer|lower|younger") else set()
    if "before" in found and _negated(statement, "later"):
        found -= {"after"}
    return found


def _negated(statement: Statement, words: str) -> bool:
    return re.search(rf"\bnot? (?:{words})\b", statement.text, re.IGNORECASE) is not None


def bound_conflicts(claim: Statement, quote: Statement) -> tuple[int, int, int, int]:
    """How many numbers have their bound turned, shifted (`more than` for `at least`), added, dropped."""
    new, gone = claim.groups - quote.groups, quote.groups - claim.groups
    turned = int(bool((new & _UPPER and gone & _LOWER) or (new & _LOWER and gone & _UPPER)))
    shifted = added = dropped = 0
    for number in claim.numbers & quote.numbers:
        here, there = bounds(claim, [number]), bounds(quote, [number])
        if (here & _UPPER and there & _LOWER and not here & _LOWER and not there & _UPPER) or (
            here & _LOWER and there & _UPPER and not here & _UPPER and not there & _LOWER
        ):
            turned += 1
        elif {"more than", "at least"} <= here ^ there or {"less than", "at most"} <= here ^ there:
            shifted += 1
        elif here and not there:
            added += 1
        elif there and not here:
            dropped += 1
    return turned, shifted, added, dropped


def reverses(claim: Statement, unit: Statement) -> bool:
    """Whether most neighbours here stand the other way round in `unit` (words that both have once)."""
    shared = [
        unit.index[token.key][0]
        for token in claim.tokens
        if len(claim.index[token.key]) == 1 and len(unit.index.get(token.key, ())) == 1
    ]
    turned = sum(b < a for a, b in pairwise(shared))
    return len(shared) >= 3 and 2 * turned > len(shared) - 1


def exchanged(claim: Statement, unit: Statement) -> bool:
    """Whether two things stand in each other's place, what lies between them as it was.

    A clause moved to the front is none, nor is a passive, which turns `by`.
    """
    order = [
        unit.index[token.key][0]
        for token in claim.tokens
        if len(claim.index[token.key]) == 1 and len(unit.index.get(token.key, ())) == 1
    ]
    if bool(_BY.search(claim.text)) != bool(_BY.search(unit.text)):
        return False
    straight = sorted(order)
    wrong = [at for at, (a, b) in enumerate(zip(order, straight, strict=True)) if a != b]
    if not wrong:
        return False
    inside = order[wrong[0] : wrong[-1] + 1]
    breaks = [at + 1 for at, (a, b) in enumerate(pairwise(inside)) if b < a]
    if len(breaks) != 2:
        return False
    first, middle, last = inside[: breaks[0]], inside[breaks[0] : breaks[1]], inside[breaks[1] :]
    return max(last) < min(middle) and max(middle) < min(first)


def stray_numbers(claim: Statement, units: Sequence[Statement], context: Statement) -> Iterator[str]:
    """Numbers that belong to other words in `units` than here."""
    for at, token in enumerate(claim.tokens):
        if token.is_number:
            anchors = _anchors(claim, at, at, lambda one: not one.is_number)
            if not _number_belongs(claim, token.key, anchors, units, context):
                yield f"“{token.text}” stands with other words"


def stray_names(claim: Statement, units: Sequence[Statement], context: Statement) -> Iterator[str]:
    """Names that belong to other words in `units` than here."""
    known = {token.key for unit in units for run in unit.names() for token in run}
    named = claim.names(known)
    in_names = {id(token) for run in named for token in run}
    for run in named:
        first = next(at for at, token in enumerate(claim.tokens) if token is run[0])
        anchors = _anchors(claim, first, first + len(run) - 1, lambda one: id(one) not in in_names)
        keys = [token.key for token in run]
        if not _name_belongs(claim, keys, [a for a in anchors if a not in context.keys], units):
            yield f"“{' '.join(token.text for token in run)}” stands with other words"


def _anchors(claim: Statement, first: int, last: int, fits: Callable[[Token], bool]) -> list[str]:
    clause = claim.tokens[first].clause
    left = next((t for t in reversed(claim.tokens[:first]) if t.clause == clause and fits(t)), None)
    right = next((t for t in claim.tokens[last + 1 :] if t.clause == clause and fits(t)), None)
    return [token.key for token in (left, right) if token is not None]


def _number_belongs(
    claim: Statement, number: str, anchors: list[str], units: Sequence[Statement], context: Statement
) -> bool:
    if number in context.keys and all(number not in unit.keys for unit in units):
        return True
    told = frozenset[str]().union(*(unit.keys for unit in units)) - context.keys
    for unit in units:
        spots = _spots(unit, [number])
        if not spots:
            continue
        if any(anchor not in unit.keys and anchor in told for anchor in anchors):
            continue
        here = [anchor for anchor in anchors if anchor in unit.keys]
        counted = {_after(unit, place[0]) for place in spots}
        rivals = [
            [at]
            for key in unit.numbers - claim.numbers
            for at in unit.index[key][:_MOST_SPOTS]
            if _after(unit, at) in counted or "" in counted or key[0] == number[0] == "@"
        ]
        if len(rivals) > _MOST_SPOTS:
            return False
        own = min(_distance(unit, place, here) for place in spots)
        if all(own <= _distance(unit, rival, here) for rival in rivals):
            return True
    return False


def _name_belongs(claim: Statement, name: list[str], anchors: list[str], units: Sequence[Statement]) -> bool:
    """Whether no unit gives the name's neighbours, or what its own units lack, to another name."""
    at_home = [unit for unit in units if _spots(unit, name) or _spots(unit, name[1:])]
    told = frozenset[str]().union(*(unit.keys for unit in at_home))
    for unit in units:
        here = [anchor for anchor in anchors if anchor in unit.keys]
        rivals = [
            list(range(first, first + len(run)))
            for run in unit.names()
            if not {token.key for token in run} & claim.keys
            for first in unit.places([token.key for token in run])[:_MOST_SPOTS]
        ][: 4 * _MOST_SPOTS]
        if not rivals:
            continue
        if unit not in at_home:
            if unit.keys & claim.keys - told:
                return False
            continue
        own = min(_distance(unit, place, here) for place in _spots(unit, name) or _spots(unit, name[1:]))
        if any(_distance(unit, rival, here) < own for rival in rivals):
            return False
    return True


def _spots(unit: Statement, keys: Sequence[str]) -> list[list[int]]:
    return [list(range(at, at + len(keys))) for at in unit.places(keys)[:_MOST_SPOTS]] if keys else []


def _after(unit: Statement, at: int) -> str:
    token = unit.tokens[at]
    if token.unit:
        return token.unit
    return unit.tokens[at + 1].key if at + 1 < len(unit.tokens) else ""


def _distance(unit: Statement, place: Sequence[int], anchors: Iterable[str]) -> int:
    """Words from `place` to the nearest occurrence of each anchor, summed."""
    return sum(
        min(abs(at - spot) for at in unit.index[anchor][:_MOST_SPOTS] for spot in (place[0], place[-1]))
        for anchor in anchors
    )
