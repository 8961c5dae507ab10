"""Edits that make a true sentence wrong, by kind. Rules, so that a few results are true by chance."""

from __future__ import annotations

import itertools
import random
import re

from judged import NAME, Edit

from freehold.types import Passage

_NUMBER = re.compile(r"(?<![\w.,-])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w]|[.,-]\d)")
_CODE = re.compile(r"`([^`\n]+)`|https?://[^\s<>()\"'`]*\w|\b[\w.+-]+@[\w-]+(?:\.\w+)+")
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_AUX = r"is|are|was|were|can|will|must|should|may|does|do|has been|have been"


def number(text: str, passage: Passage, rng: random.Random) -> str | None:
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    match = rng.choice(found)
    whole = match.group()
    for _ in range(8):
        at = rng.choice([i for i, char in enumerate(whole) if char.isdigit()])
        digit = rng.choice([d for d in "123456789" if d != whole[at]])
        changed = whole[:at] + digit + whole[at + 1 :]
        if not re.search(rf"(?<!\d){re.escape(changed)}(?!\d)", passage.text):
            return text[: match.start()] + changed + text[match.end() :]
    return None


def number_of_another(text: str, passage: Passage, rng: random.Random) -> str | None:
    here = list(_NUMBER.finditer(text))
    there = {match.group() for match in _NUMBER.finditer(passage.text)} - {match.group() for match in here}
    if not here or not there:
        return None
    match = rng.choice(here)
    return text[: match.start()] + rng.choice(sorted(there)) + text[match.end() :]


def date(text: str, passage: Passage, rng: random.Random) -> str | None:
    for names in (_MONTHS, _DAYS):
        found = [
            match for match in re.finditer(rf"\b(?:{'|'.join(names)})\b", text) if match.group() != "May"
        ]
        if found:
            match = rng.choice(found)
            others = [name for name in names if name not in passage.text and name != "May"]
            return text[: match.start()] + rng.choice(others) + text[match.end() :] if others else None
    if years := list(re.finditer(r"\b(?:1[5-9]|20)\d\d\b(?!\d)", text)):
        match = rng.choice(years)
        year = str(int(match.group()) + rng.choice([-10, -3, -2, -1, 1, 2, 3, 10]))
        return None if year in passage.text else text[: match.start()] + year + text[match.end() :]
    return None


_UNIT_SWAPS = {
    "days": "weeks", "weeks": "days", "hours": "days", "minutes": "hours", "months": "weeks",
    "years": "months", "day": "week", "week": "month", "hour": "day", "minute": "hour", "month": "year",
    "year": "month", "euros": "dollars", "dollars": "euros", "percent": "euros", "kg": "g", "cm": "mm",
    "km": "miles", "MB": "GB", "GB": "MB", "seconds": "minutes", "million": "billion", "%": " euros",
    "$": "€", "€": "$", "metres": "feet", "miles": "kilometres", "°C": "°F", "kWh": "Wh", "mm": "cm",
    "ml": "l", "litres": "millilitres",
}  # fmt: skip


def unit(text: str, passage: Passage, rng: random.Random) -> str | None:
    found = [
        (match, name)
        for name in _UNIT_SWAPS
        for match in re.finditer(
            rf"(?<=\d){re.escape(name)}" if name in "%°C" else rf"(?<=\d[\s-]){name}\b"
            if name.isalpha() else rf"{re.escape(name)}(?=\d)", text,
        )
    ]  # fmt: skip
    if not found:
        return None
    match, name = rng.choice(found)
    return text[: match.start()] + _UNIT_SWAPS[name] + text[match.end() :]


def entity(text: str, passage: Passage, rng: random.Random) -> str | None:
    """Another name of the same passage in the place of one."""
    here = list(NAME.finditer(text))
    there = sorted({m.group() for m in NAME.finditer(passage.text)} - {m.group() for m in here})
    there = [name for name in there if name not in text]
    if not here or not there:
        return None
    match = rng.choice(here)
    if any(match.group() in name or name in match.group() for name in there):
        return None
    return text[: match.start()] + rng.choice(there) + text[match.end() :]


def roles(text: str, passage: Passage, rng: random.Random) -> str | None:
    """Two names, or two things, in each other's place."""
    names = list(NAME.finditer(text))
    pairs = [(a, b) for a, b in itertools.pairwise(names) if a.group() != b.group()]
    things = list(re.finditer(r"(?<=\b[Tt]he )[a-z]{4,}(?! (?:of|in)\b)", text))
    pairs += [(a, b) for a, b in itertools.pairwise(things) if a.group() != b.group()]
    pairs = [
        (a, b)
        for a, b in pairs
        if not re.search(
            r"\b(?:and|or|as|like|with|than|to|between|both)\b|[,;:(]", text[a.end() : b.start()]
        )
        and re.search(r"[a-z]{4,}", text[a.end() : b.start()])
    ]
    if not pairs:
        return None
    a, b = rng.choice(pairs)
    return text[: a.start()] + b.group() + text[a.end() : b.start()] + a.group() + text[b.end() :]


def negation(text: str, passage: Passage, rng: random.Random) -> str | None:
    for pattern, instead in (
        (r"\b(can)(?:not|'t)\b", r"\1"),
        (r"\b(do|does|is|are|was|were|has|have|will|must|should)n[o']t\b", r"\1"),
        (rf"\b({_AUX}) (?:not|never)\b", r"\1"), (r"\bno longer\b", "still"), (r"\bwithout\b", "with"),
    ):  # fmt: skip
        if re.search(pattern, text):
            return re.sub(pattern, instead, text, count=1)
    if re.search(r"\b(?:no|not|never|none|nor|neither)\b|n't\b", text):
        return None
    found = list(re.finditer(rf"\b(?:{_AUX})\b(?! (?:you|I|we|it|there)\b)", text))
    if not found:
        return None
    match = found[0]
    said = match.group()
    denied = (
        f"{said.split()[0]} not been" if " been" in said else "cannot" if said == "can" else f"{said} not"
    )
    return text[: match.start()] + denied + text[match.end() :]


_COMPARED = (
    ("at least", "at most"), ("at most", "at least"), ("more than", "less than"),
    ("less than", "more than"), ("fewer than", "more than"), ("before", "after"), ("after", "before"),
    ("minimum", "maximum"), ("maximum", "minimum"), ("up to", "at least"), ("within", "after"),
    ("no more than", "at least"), ("at least", "more than"), ("higher", "lower"), ("lower", "higher"),
    ("larger", "smaller"), ("above", "below"), ("below", "above"), ("longer", "shorter"), ("over", "under"),
    ("older", "younger"), ("most", "all"), ("some", "all"), ("usually", "always"), ("often", "always"),
    ("sometimes", "always"), ("always", "sometimes"), ("every", "some"), ("all", "some"), ("each", "some"),
    ("may", "must"), ("must", "may"), ("can", "must"), ("only", "always"), ("from", "up to"),
    ("exactly", "at most"), ("once", "twice"), ("both", "neither"),
)  # fmt: skip


def comparison(text: str, passage: Passage, rng: random.Random) -> str | None:
    found = [
        (match, other)
        for one, other in _COMPARED
        for match in re.finditer(
            rf"\b{one}\b(?= (?:\S+ )?\d)"
            if one in ("from", "over", "within", "above", "below")
            else rf"\b{one}\b",
            text,
        )
        if not (one == "may" and match.group() == "May")
    ]
    if not found:
        return None
    match, other = rng.choice(found)
    return text[: match.start()] + other + text[match.end() :]


def quantifier_added(text: str, passage: Passage, rng: random.Random) -> str | None:
    match = re.match(r"(?:The )?([A-Za-z]+s) (can|are|have|must|may|will) ", text)
    if match and rng.random() < 0.5:
        word = rng.choice(["Only ", "All "])
        return word + text[0].lower() + text[1:]
    if match := re.search(r"\b(?:is|are|can|will) (?!not|be\b|only|always)", text):
        return f"{text[: match.end()]}{rng.choice(['only', 'always'])} {text[match.end() :]}"
    return None


def command(text: str, passage: Passage, rng: random.Random) -> str | None:
    found = [match for match in _CODE.finditer(text) if re.search(r"[\W_\d]", match.group().strip("`"))]
    if not found:
        return None
    match = rng.choice(found)
    code = match.group()
    parts = [
        part
        for part in re.finditer(r"[A-Za-z]{3,}|\d+", code)
        if part.group().lower() not in ("http", "https")
    ]
    if not parts:
        return None
    part = rng.choice(parts)
    word = part.group()
    other = str(int(word) + 1) if word.isdigit() else rng.choice([word[:-1], word + "s", word[::-1], "main"])
    changed = code[: part.start()] + other + code[part.end() :]
    return (
        None if changed.strip("`") in passage.text else text[: match.start()] + changed + text[match.end() :]
    )


_TURNS = (
    "increase decrease", "enable disable", "open close", "add remove", "allow block", "include exclude",
    "optional required", "manually automatically", "send receive", "buy sell", "internal external",
    "incoming outgoing", "debit credit", "sales purchase", "customer vendor", "sender recipient",
    "start stop", "first last", "public private", "online offline", "free paid", "new old", "early late",
    "accept reject", "accepted rejected", "fixed variable", "daily weekly", "monthly yearly",
    "import export", "upload download", "left right", "top bottom", "on off", "winter summer",
    "heating cooling", "domestic international",
)  # fmt: skip


def opposite(text: str, passage: Passage, rng: random.Random) -> str | None:
    found = [
        (match, other)
        for pair in _TURNS
        for one, other in (pair.split(), pair.split()[::-1])
        for match in re.finditer(rf"\b{one}(?=s?\b)", text)
        if one not in ("on", "right", "last", "new")
        or (one == "on" and re.search(r"\b(?:turn|switch)\w* on\b", text))
    ]
    if not found:
        return None
    match, other = rng.choice(found)
    return text[: match.start()] + other + text[match.end() :]


def condition_dropped(text: str, passage: Passage, rng: random.Random) -> str | None:
    if match := re.match(
        r"(?:If|When|Unless|Until|Once|As long as) [^,]{8,90}, ([a-zA-Z][^.]{15,}\.)$", text
    ):
        return match[1][0].upper() + match[1][1:]
    if match := re.match(
        r"([A-Z][^,.]{15,}?),? (?:if|unless|only if|when|provided that|until|except) [^.]{6,}\.$", text
    ):
        return match[1] + "."
    if re.search(r"\bonly \w", text):
        return re.sub(r"\bonly ", "", text, count=1)
    return None


_CONDITIONS = (
    "if you are an administrator", "unless it is older than a year", "if the owner has agreed in writing",
    "when you call the service line", "as long as you have a paid plan", "but only on working days",
    "provided that it was requested in advance", "if the order was placed online", "for members of the club",
)  # fmt: skip


def condition_added(text: str, passage: Passage, rng: random.Random) -> str | None:
    if not re.search(r"[a-z]\.$", text) or re.search(r"\b(?:if|unless|when|provided)\b", text):
        return None
    return f"{text[:-1]} {rng.choice(_CONDITIONS)}."


WRONG: dict[str, Edit] = {
    "number": number, "number of another": number_of_another, "date": date, "unit": unit, "entity": entity,
    "roles": roles, "negation": negation, "comparison": comparison, "quantifier added": quantifier_added,
    "command": command, "opposite": opposite, "condition dropped": condition_dropped,
    "condition added": condition_added,
}  # fmt: skip
