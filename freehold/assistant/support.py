"""What speaks for and against a claim in one passage, as numbers, and the words to quote for it.

First what rules a claim out: a number, name, command, address, script or negation that the passage does
not hold. Then the run of units that holds most of the claim, and how the two compare. Knows nothing of
what the numbers are worth: soundness.py weighs them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from freehold.assistant import comparison, qualifiers
from freehold.assistant.evidence import Array
from freehold.assistant.framing import unframed
from freehold.assistant.material import Material, Unit
from freehold.assistant.seen import scripts, seen, turns
from freehold.assistant.statement import Statement, Token, content, read

_GROUPS = ("only", "always", "all", "some", "must", "except", "condition", "may", "usually")
NAMES = (
    "missing missing_count outside names_outside names_exchanged in_context scatter unsaid numbers_outside"
    " stray_numbers stray_names denied_not denied_there denies_more denies_less opposites turned shifted"
    " bound_added bound_dropped"
    f" {' '.join(f'added_{name}' for name in _GROUPS)} {' '.join(f'dropped_{name}' for name in _GROUPS)}"
    " reversed exchanged condition_unsaid limits_unsaid contrasts_unsaid length"
    " short units is_table is_list numbers held"
).split()

_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)*")
_EACH = r"\b(?:an?|per|each|every|one|whole|full) (?:\w+ )?{}"
_CONDITION = re.compile(
    r"\b(?:if|when|unless|provided|as long as|in case|while|only|except|once|after|before|where|with"
    r"|without)\b([^.;:,\n]{3,160})",
    re.IGNORECASE,
)
_LIMIT = re.compile(r"\b(?:for|in|on|from|by|at|with|per|of|to)\b((?: [^\s.;:,()]+){1,4})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence, read."""

    text: str
    shown: str
    said: Statement


@dataclass(frozen=True, slots=True)
class Finding:
    """What one passage has to do with a claim; the quote is `text[start:end]`."""

    vetoes: tuple[str, ...]
    reasons: tuple[str, ...]
    """What else speaks against it, in words."""
    start: int = 0
    end: int = 0
    measured: Array | None = None
    """Shape (NAMES,); None where nothing was measured."""


def take(sentence: str) -> Claim:
    """Reads a claim; what only leads into it is none of it."""
    claimed = unframed(sentence)
    return Claim(sentence, seen(claimed), read(claimed))


def find(claim: Claim, material: Material) -> Finding:
    """Vetoes alone when there are any, else what was measured and the words to quote."""
    said = claim.said.in_terms_of(material.whole)
    vetoes = list(dict.fromkeys(_vetoes(claim, said, material)))
    if not material.units:
        vetoes = vetoes or ["the passage is empty"]
    if vetoes:
        return Finding(tuple(vetoes), ())
    first, last = _quote(said, material)
    units = material.units[first : last + 1]
    start, end = units[0].start, units[-1].end
    quote = units[0].said if len(units) == 1 else read(material.text[start:end])
    if any(unit.kind == "table" for unit in units):
        quote = read(" . ".join(unit.said.text for unit in units))
    if said.denies and not material.whole.denies and not comparison.implies_denial(quote.text):
        return Finding(("the passage denies nothing of it",), (), start, end)
    reasons: list[str] = []
    measured = _measure(said, material, units, quote, reasons)
    return Finding((), tuple(reasons), start, end, np.array(measured, np.float32))


def _vetoes(claim: Claim, said: Statement, material: Material) -> Iterator[str]:
    told, above = (_WORD.findall(text.lower()) for text in (claim.shown, material.context.text))
    if told and told == above[-len(told) :]:
        yield "it only repeats the heading"
    if turns(claim.text) - turns(material.text):
        yield "it holds characters that turn the direction of writing"
    if foreign := scripts(claim.shown) - scripts(material.shown):
        yield f"it has letters ({', '.join(sorted(foreign)).lower()}) that the passage has not"
    whole, context = material.whole, material.context
    there = whole.keys | context.keys
    for token in said.tokens:
        if token.is_number:
            if token.key == "#1.0" and re.search(
                _EACH.format(token.unit or "-"), material.shown, re.IGNORECASE
            ):
                continue  # `1 year` for `a year`, which is read as a rate
            if token.key not in there or not _counts(token.key, token.unit, token.length, (whole, context)):
                yield f"“{_with_unit(said, token)}” is not in the passage"
        elif token.key not in there and any(char.isdigit() for char in token.text):
            yield f"“{token.text}” is not in the passage"
    for code in sorted(said.codes):
        if not re.search(rf"(?<![\w-]){re.escape(code)}(?![\w-]|[./]\w)", material.shown):
            yield f"“{code}” is not in the passage"
    for words in sorted(said.marked):
        longer = any(words != code and words in code for code in whole.codes | whole.marked)
        if words.lower() not in material.shown.lower() or (longer and words not in whole.marked):
            yield f"“{words}” is not in the passage"
    for word in qualifiers.foreign_frequencies(claim.shown, material.shown):
        yield f"“{word}” is not in the passage"
    for name in comparison.foreign_names(said, whole, context):
        yield f"the name “{name}” is not in the passage"


def _with_unit(said: Statement, token: Token) -> str:
    """A number as it is written, with the word that it counts where that is a unit."""
    if not token.unit:
        return token.text
    beside = re.match(r"(?:[\s-]*(?:working|business|calendar))?[\s-]*[^\W\d_]+", said.text[token.end :])
    return token.text + (beside.group() if beside else "")


def _counts(number: str, unit: str, length: str, there: Sequence[Statement]) -> bool:
    """Whether the number stands there with this unit, or with none that is known."""
    if not unit:
        return True
    units = {
        (token.unit, token.length)
        for statement in there
        for token in (statement.tokens[at] for at in statement.index.get(number, ()))
    }
    return any(not other or other == unit or (length and also == length) for other, also in units)


def _quote(said: Statement, material: Material) -> tuple[int, int]:
    """The run of units that holds most of the claim, the shortest such."""
    units = material.units
    keys = [*dict.fromkeys(token.key for token in said.tokens), *sorted(said.codes)]
    held = np.zeros((len(keys), len(units)), np.float32)
    for row, key in enumerate(keys):
        for column, unit in enumerate(units):
            if key in unit.said.keys or (key in said.codes and key in material.text[unit.start : unit.end]):
                held[row, column] = 1.0
    weight = np.array([3.0 if key[:1] in "#@" or key in said.codes else 1.0 for key in keys], np.float32)
    alone = weight @ held
    best, chosen = -1.0, (0, 0)
    for first, last in material.runs:
        together = alone[first] if first == last else float(weight @ held[:, first : last + 1].max(axis=1))
        merit = together + 0.25 * float(alone[first : last + 1].max()) - 0.7 * (last - first)
        if merit > best + 1e-6:
            best, chosen = merit, (first, last)
    return chosen


def _measure(
    said: Statement,
    material: Material,
    units: Sequence[Unit],
    quote: Statement,
    reasons: list[str],
) -> list[float]:
    whole, context = material.whole, material.context
    keys = quote.keys.union(*(unit.said.keys for unit in units))
    words = [key for key in said.keys if not key.startswith(("#", "@"))]
    count = max(1, len(words))
    missing = [key for key in words if key not in whole.keys | context.keys and key not in said.codes]
    outside = [key for key in words if key in whole.keys and key not in keys | context.keys]
    only_above = [key for key in words if key in context.keys and key not in keys]
    held = [key for key in words if key in keys]
    best = max(units, key=lambda unit: len(unit.said.keys & said.keys))
    scattered = [key for key in held if key not in best.said.keys]
    there = [key for key in best.said.keys if key not in context.keys]
    unsaid = [key for key in there if key not in said.keys]
    capital = {token.key for token in said.tokens if token.capital}
    names_elsewhere = [
        key for key in capital if key in whole.keys and key not in best.said.keys | context.keys
    ]
    names_unsaid = [token.key for token in best.said.tokens if token.capital == 2 and token.key in unsaid]
    numbers_outside = [key for key in said.numbers if key not in keys | context.keys]
    parts = [unit.said for unit in units]
    strays = list(comparison.stray_numbers(said, parts, context))
    stray_names = list(comparison.stray_names(said, parts, context))
    denied_not, denied_there = 0, 0
    for conflict in comparison.polarity_conflicts(said, quote):
        denied_not += "does not" in conflict
        denied_there += "does not" not in conflict
        reasons.append(conflict)
    turned_words = list(comparison.opposites(said, quote))
    turned, shifted, added, dropped = comparison.bound_conflicts(said, quote)
    condition = [
        key
        for match in _CONDITION.finditer(best.said.text)
        for key in map(content, _WORD.findall(match[1]))
        if key
    ]
    limits = [
        {key for key in map(content, _WORD.findall(match[1])) if key}
        for match in _LIMIT.finditer(best.said.text)
    ]
    limits_unsaid = sum(bool(limit) and not limit & said.keys for limit in limits)
    contrasts = list(qualifiers.unsaid_contrasts(said, best.said, context))
    reversed_order = any(comparison.reverses(said, part) for part in parts)
    exchanged = any(comparison.exchanged(said, part) for part in parts)
    new, gone = said.groups - quote.groups, quote.groups - said.groups
    originals = {token.key: token.text for token in said.tokens}
    reasons += [f"“{originals.get(key, key)}” is not in the passage" for key in missing]
    reasons += strays + stray_names + turned_words + contrasts
    reasons += ["the passage compares otherwise"] * bool(turned or shifted)
    reasons += [
        f"the passage does not say “{name}”" for name in sorted(new & {"only", "always", "all", "must"})
    ]
    reasons += [f"it leaves out “{name}”" for name in sorted(gone & {"only", "except", "condition"})]
    reasons += ["its words stand in another order"] * (reversed_order or exchanged)
    reasons += ["its words stand scattered over the passage"] * bool(outside)
    return [
        len(missing) / count,
        min(len(missing), 6) / 6,
        len(outside) / count,
        min(sum(originals[key][0].isupper() for key in outside if key in originals), 2),
        float(bool(names_elsewhere and names_unsaid)),
        len(only_above) / count,
        len(scattered) / count,
        len(unsaid) / max(1, len(there)),
        min(len(numbers_outside), 2),
        min(len(strays), 2),
        min(len(stray_names), 2),
        min(denied_not, 2),
        min(denied_there, 2),
        float(said.denies and not quote.denies),
        float(quote.denies and not said.denies),
        min(len(turned_words), 2),
        min(turned, 2),
        min(shifted, 2),
        min(added, 2),
        min(dropped, 2),
        *(float(name in new) for name in _GROUPS),
        *(float(name in gone) for name in _GROUPS),
        float(reversed_order),
        float(exchanged),
        sum(key not in said.keys for key in condition) / max(1, len(condition)) if condition else 0.0,
        min(limits_unsaid, 3) / 3,
        float(bool(contrasts)),
        min(count, 30) / 30,
        float(len(words) <= 3),
        min(len(units) - 1, 4) / 4,
        float(any(unit.kind == "table" for unit in units)),
        float(any(unit.kind == "list" for unit in units)),
        min(len(said.numbers), 3) / 3,
        min(len(held), 12) / 12,
    ]
