"""A sentence as what it turns on: stems, numbers with their units, names, commands, negations, comparisons.

Numbers are compared by value (1,000 = 1000, two = 2, a week = 7 days), words by stem, commands and addresses
letter by letter. Knows nothing of what a second statement says: comparison.py holds two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

from freehold.assistant.quantities import ALSO_NUMBERS, NUMBERS, SCALES, length, told_plainly, value_of
from freehold.assistant.seen import seen

_MARKUP = re.compile(r"[“”\"|]|^[ \t]*(?:[>#]+|[-*+•‣◦])(?=\s)", re.M)
_NUMBERING = re.compile(r"^[ \t]*(?:\d{1,3}[.)]|[a-z]\))[ \t]+", re.M)
_CODE = re.compile(
    r"`(?P<marked>[^`\n]{1,400})`"
    r"|(?P<bare>https?://[^\s<>()\"']+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.\w+)+|(?<!\S)--?[A-Za-z][\w-]*"
    r"|(?<![\w.])\w[\w.]{0,80}\(\)|\$[A-Za-z]\w*)"
    r"|(?P<run>(?<![\w./\\-])\w[\w./\\-]*[\w-])"
)
_PATH = re.compile(r"[/\\_][\w-]|\.[a-z]{2}")
_TOKEN = re.compile(
    r"(?P<time>~?(?<![\d:])\d{1,2}:[0-5]\d(?![\d:]))"
    r"|(?P<number>(?<![^\W_])(?:\d{1,3}(?:[,\u00a0\u202f’'\u2009]\d{3})+(?!\d)|\d+)(?:[.,]\d+)*(?=[^\W\d_]|\b))"
    r"|(?P<word>[^\W_]+(?:['’][^\W\d_]+)*)"
    r"|(?P<stop>[.!?](?=\s|$)|[,;:()\n—–])"
)
_MONEY = re.compile(r"([$€£])\s?(\d(?:[\d.,]*\d)?)")
_SYMBOLS = {
    "%": " percent ",
    "$": " dollar ",
    "€": " euro ",
    "£": " pound ",
    "&": " and ",
    "’": "'",
    " ": " ",
}
_SYMBOL = re.compile("[%$€£&’ ]")
_NO_DENIAL = re.compile(
    r"(?:^No[,;:]|\b(?:not?|never) (?:more|less|fewer|longer|later|earlier|farther|further|exceed)\b"
    r"|\bnot? (?:only|just|matter)\b)",
    re.IGNORECASE,
)
"""Negations that compare, or answer a question, and deny nothing of what follows."""
_NEGATION = re.compile(r"not|no|never|none|neither|nor|cannot|without|nobody|nothing|nowhere|\w+n't")
_STOP_WORDS = re.compile(
    r"an?|and|are|as|at|be|been|being|but|by|can|could|did|do|does|for|from|had|has|have|he|her|hers|him|his|how"
    r"|i|i'd|i'm|i've|if|in|into|is|it|it's|its|me|my|of|on|or|our|shall|she|should|so|such|than|that|the|their"
    r"|them|then|there|these|they|this|those|to|us|was|we|were|what|what's|when|where|which|while|who|whom|whose"
    r"|why|will|with|would|you|your|you'll|you're|we'll|we're|they're|i'll|that's|there's"
)
_HARMLESS = re.compile(
    r"also|however|therefore|thus|additionally|furthermore|moreover|please|simply|just|note|instance|example"
    r"|according|documents?|documentation|following|able|may|might|want|wish|like|here|yes|ok|sure|about|one"
    r"|per|cent|finally|am|does|did|done|get|gets|having|let|lets|e\.g|i\.e|sorry|unfortunately"
    r"|happy|glad|luckily|too|very|really|notably|specifically|overall|although|though|despite|during"
)
_CONDITION = r"if|when|unless|provided|as long as|in case|while|as soon as|for those who|where"
_GROUPS = {
    "more than": r"more than|greater|higher|larger|longer than|exceed(?:s|ed|ing)?|above|over|beyond"
    r"|older than",
    "less than": r"less than|fewer|lower|smaller|shorter than|below|under|younger than",
    "at least": r"at least|minimum|or (?:more|above|over|older|longer)|from"
    r"|(?:no|not) (?:less|fewer|lower|younger) than",
    "at most": r"at most|maximum|up to|or (?:less|fewer|below|younger)"
    r"|(?:no|not) (?:more|longer|farther|further|higher|older) than"
    r"|limited to|within|as (?:long|much|many) as|at the latest|max",
    "before": r"before|prior to|earlier|until|no(?:t)? later than|by",
    "after": r"after|afterwards|later|once|since|following",
    "only": r"only|solely|exclusively|just",
    "always": r"always|every time|in all cases|in every case|guaranteed?s?|automatically|immediately"
    r"|instantly",
    "all": r"all|every|each|any|everyone|everything|both|anybody|anyone|whole|entire",
    "some": r"some|a few|several|certain|part of|selected",
    "must": r"must|required?|requires|mandatory|ha(?:ve|s) to|needs?|needed|necessary|shall|obliged",
    "except": r"except(?:ing|ion|ions)?|unless|excluding|other than|apart from|but not",
    "condition": _CONDITION,
    "may": r"may|might|could|can(?!['’])|possibly|perhaps",
    "usually": r"usually|often|sometimes|mostly|typically|generally|normally|rarely|occasionally"
    r"|in most cases|most",
}
GROUP = {name: re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE) for name, pattern in _GROUPS.items()}
_DROPPED = ("only", "always", "all", "some", "must", "except", "usually")
"""Groups whose words are no content words; so are the words of BOUNDS."""
BOUNDS = ("more than", "less than", "at least", "at most", "before", "after")
NEAR = 3
"""Words before or after a number within which a comparison belongs to it."""
_UNITS = {
    "kilogram": "kg kgs kilo kilos kilogram kilograms kilogramme kilogrammes",
    "gram": "gram grams gramme grammes", "pound": "pound pounds lb lbs gbp", "euro": "euro euros eur",
    "dollar": "dollar dollars usd", "cent": "cent cents", "percent": "percent percentage",
    "metre": "metre metres meter meters", "centimetre": "cm centimetre centimetres centimeter centimeters",
    "millimetre": "mm millimetre millimetres millimeter millimeters", "kilometre": "km kilometre kilometres",
    "litre": "litre litres liter liters", "millilitre": "ml millilitre millilitres",
    "kilobyte": "kb kilobyte kilobytes", "megabyte": "mb megabyte megabytes", "mile": "mile miles",
    "gigabyte": "gb gigabyte gigabytes", "terabyte": "tb terabyte terabytes",
    "second": "second seconds sec secs", "minute": "minute minutes min mins", "hour": "hour hours hr hrs",
    "day": "day days", "week": "week weeks", "month": "month months", "year": "year years yr yrs",
    "watt": "watt watts", "kilowatt": "kw kilowatt kilowatts", "degree": "degree degrees",
}  # fmt: skip
_UNIT = {word: unit for unit, ways in _UNITS.items() for word in ways.split()}
_SHORT = {
    day[:3]: day for day in ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
}
_SHORT |= {"tues": "tuesday", "thurs": "thursday", "sept": "september"}
_SHORT |= {
    m[:3]: m
    for m in [
        "january",
        "february",
        "april",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ]
}
_UNIT |= _SHORT
_LETTERS = {"h": "hour", "m": "metre", "g": "gram", "l": "litre", "w": "watt", "s": "second"}
"""Units of one letter, right after a number."""
_BETWEEN = frozenset({"working", "business", "calendar", "full", "whole", "consecutive", "more"})
_RANGE = re.compile(r"\s*(?:to|or|and|-|–|—)\s*")


@dataclass(slots=True)
class Token:
    """A word or number that carries meaning."""

    key: str
    """Stem, or `#` and the value, or `@` and a time of day."""
    text: str
    start: int
    end: int
    """Its place in the statement's text."""
    clause: int
    capital: int = 0
    """0 none, 1 at the start of a sentence, 2 within one."""
    denied: int = 0
    """1 for the first word after a negation in its clause, 2 for the second."""
    joined: bool = False
    """Whether nothing, not even a stop word, stands between it and the token before."""
    unit: str = ""
    """Of a number: what it counts, when that is a known unit."""
    length: str = ""
    """Of a number: the length of time it makes with its unit."""

    @property
    def is_number(self) -> bool:
        return self.key[:1] in ("#", "@")


@dataclass(eq=False)
class Statement:
    """What a text turns on."""

    tokens: list[Token] = field(default_factory=list)
    codes: frozenset[str] = frozenset()
    marked: frozenset[str] = frozenset()
    """Plain words in code marks: read as words, but to be there to the letter."""
    groups: frozenset[str] = frozenset()
    denies: bool = False
    text: str = ""
    """As it was taken apart: plain, codes left out."""

    @cached_property
    def keys(self) -> frozenset[str]:
        """Stems, `#` numbers and codes."""
        return frozenset(token.key for token in self.tokens) | self.codes

    @cached_property
    def numbers(self) -> frozenset[str]:
        return frozenset(token.key for token in self.tokens if token.is_number)

    @cached_property
    def lengths(self) -> frozenset[str]:
        return frozenset(token.length for token in self.tokens if token.length)

    @cached_property
    def index(self) -> dict[str, list[int]]:
        """Where each key stands among the tokens."""
        found: dict[str, list[int]] = {}
        for at, token in enumerate(self.tokens):
            found.setdefault(token.key, []).append(at)
        return found

    def names(self, known: Iterable[str] = ()) -> list[list[Token]]:
        """Runs of capitalised words, owners apart; one at a sentence's start only if `known` holds it."""
        known = set(known)
        runs: list[list[Token]] = []
        for token in self.tokens:
            if not token.capital:
                runs.append([])
            elif runs and runs[-1] and token.joined and token.capital == 2 and not _owns(runs[-1][-1]):
                runs[-1].append(token)
            else:
                runs.append([token])
        return [run for run in runs if len(run) > 1 or (run and (run[0].capital == 2 or run[0].key in known))]

    def places(self, keys: Sequence[str]) -> list[int]:
        """Where the tokens `keys` stand one after the other."""
        wanted = list(keys)
        return [
            at
            for at in (self.index.get(wanted[0], ()) if wanted else ())
            if [token.key for token in self.tokens[at : at + len(wanted)]] == wanted
        ]

    def denied(self, reach: int) -> set[str]:
        return {token.key for token in self.tokens if 0 < token.denied <= reach}

    def in_terms_of(self, other: Statement) -> Statement:
        """The same with times of day and lengths of time as `other` writes them, where it has them."""
        theirs = {token.length: (token.key, token.unit) for token in reversed(other.tokens) if token.length}
        tokens = list(self.tokens)
        for at, token in enumerate(tokens):
            if token.is_number and not token.unit and token.key not in other.keys:
                tokens[at] = replace(token, key=_at_the_hour(token.key, other))
            if token.length in theirs and (token.key, token.unit) != theirs[token.length]:
                key, unit = theirs[token.length]
                tokens[at] = replace(token, key=key, unit=unit)
                for beside in (at + 1, at + 2):
                    if beside < len(tokens) and tokens[beside].key == _stem(token.unit):
                        tokens[beside] = replace(tokens[beside], key=_stem(unit))
                        break
        return Statement(tokens, self.codes, self.marked, self.groups, self.denies, self.text)


def _owns(token: Token) -> bool:
    return token.text.endswith("'s")


def _at_the_hour(key: str, other: Statement) -> str:
    """`seven` and `seven o'clock` as 07:00 or 19:00, where `other` has that."""
    plain = key.replace("~", "")
    hour, minute = (int(part) for part in plain[1:].split(":")) if plain[0] == "@" else (0, 0)
    if plain[0] == "#":
        value = float(plain[1:])
        if not 1 <= value <= 12 or value % 1:
            return key
        hour = int(value)
    elif plain == key:
        return key
    ways = [f"@{hour:02d}:{minute:02d}", f"@{hour % 12 + 12:02d}:{minute:02d}"]
    return next((way for way in ways if way in other.keys), plain)


def read(text: str) -> Statement:
    """Takes `text` (limited Markdown) apart."""
    codes: set[str] = set()
    marked: set[str] = set()

    def keep(match: re.Match[str]) -> str:
        code = match["marked"] or match["bare"] or match["run"]
        if match["run"]:
            code = code.rstrip(".")
            if not _PATH.search(code):
                return match.group()
        if re.fullmatch(r"[A-Za-z]+/[A-Za-z]+", code):
            return code.replace("/", " / ")
        if re.fullmatch(r"[^\W\d_]+(?: [^\W\d_]+)*", code):  # plain words in code marks are words
            marked.add(code)
            return f" {code} "
        codes.add(code.rstrip(".,;:!?") if match["bare"] else code)
        return " \x00 "

    bare = _CODE.sub(keep, _NUMBERING.sub("", seen(text)))
    bare = _MONEY.sub(lambda match: f"{match[2]} {_SYMBOLS[match[1]].strip()} ", bare)
    bare = told_plainly(_SYMBOL.sub(lambda match: _SYMBOLS[match.group()], bare))
    bare = _MARKUP.sub(" ", bare)
    groups, mask = set(), bytearray(len(bare))
    for name, pattern in GROUP.items():
        for match in pattern.finditer(bare):
            groups.add(name)
            if name in _DROPPED or name in BOUNDS:
                mask[match.start() : match.end()] = b"\x01" * (match.end() - match.start())
    tokens, denies = _tokens(bare, mask)
    return Statement(tokens, frozenset(codes), frozenset(marked), frozenset(groups), denies, bare)


def _tokens(text: str, compared: bytearray) -> tuple[list[Token], bool]:
    tokens: list[Token] = []
    clause, initial, pending, denies, joined = 0, True, 0, False, False
    value_open = False
    harmless = {match.start() for match in _NO_DENIAL.finditer(text)}
    for match in _TOKEN.finditer(text):
        raw, place = match.group(), match.span()
        low = raw.lower()
        if match["stop"]:
            clause, joined, value_open = clause + 1, False, False
            initial = initial or raw in ".!?\n:"
            pending = 0
            continue
        if match["word"] and _NEGATION.fullmatch(low):
            joined, value_open, initial = False, False, False
            if place[0] not in harmless:
                denies, pending = denies or low != "without", 1
            continue
        if match["time"]:
            key = f"@{'~' * (raw[0] == '~')}{raw.lstrip('~').zfill(5)}"
            tokens.append(Token(key, raw.lstrip("~"), *place, clause, denied=pending, joined=joined))
            joined, initial, value_open = True, False, False
            continue
        value = value_of(low) if match["number"] else _worded(low)
        if value is not None and not (low == "one" and not value_open):
            if value_open and low in SCALES:
                _extend(tokens[-1], float(tokens[-1].key[1:]) * value, raw, match.end())
            elif value_open and low in NUMBERS and not float(tokens[-1].key[1:]) % 10 and value < 10:
                _extend(tokens[-1], float(tokens[-1].key[1:]) + value, raw, match.end())
            else:
                tokens.append(Token(f"#{value!r}", raw, *place, clause, denied=pending, joined=joined))
            value_open, joined, initial = True, True, False
            continue
        value_open = False
        after_number = bool(tokens) and tokens[-1].is_number and not text[tokens[-1].end : place[0]].strip()
        if after_number and low in _LETTERS:
            low = _LETTERS[low]
        elif re.fullmatch(r"st|nd|rd|th", low) and after_number:
            continue
        if _is_empty(low) or compared[place[0]]:
            joined, initial = False, False
            if low in ("but", "and", "or"):
                clause += low == "but"
                pending = 0 if low == "but" else pending
            continue
        capital = 0 if not raw[0].isupper() else 1 if initial else 2
        key = _stem(_UNIT.get(low, low))
        tokens.append(Token(key, raw, *place, clause, capital, pending, joined))
        pending = 0 if pending in (0, 2) else 2
        joined, initial = True, False
    _count(tokens, text)
    return tokens, denies


def _extend(token: Token, value: float, raw: str, end: int) -> None:
    token.key, token.text, token.end = f"#{value!r}", f"{token.text} {raw}", end


def _worded(low: str) -> float | None:
    return next((words[low] for words in (NUMBERS, SCALES, ALSO_NUMBERS) if low in words), None)


def _count(tokens: Sequence[Token], text: str) -> None:
    """Gives numbers their units and lengths; `3 to 4 days` gives both the days."""
    for at in range(len(tokens) - 1, -1, -1):
        token = tokens[at]
        if not token.key.startswith("#"):
            continue
        following = re.match(r"[\s-]*([^\W\d_]+)(?:[\s-]+([^\W\d_]+))?", text[token.end : token.end + 48])
        words = [_LETTERS.get(word, word) for word in (following.groups() if following else ()) if word]
        words = [word.lower() for word in words]
        words = words[1:] if len(words) > 1 and words[0] in _BETWEEN else words[:1]
        if words and words[0] in _UNIT and words[0] not in _SHORT:
            token.unit = _UNIT[words[0]]
            token.length = length(float(token.key[1:]), [token.unit])
        elif at + 1 < len(tokens) and tokens[at + 1].unit:
            after = tokens[at + 1]
            if _RANGE.fullmatch(text[token.end : after.start]):
                token.unit, token.length = after.unit, length(float(token.key[1:]), [after.unit])


def _is_empty(token: str) -> bool:
    """Whether a lower-case word means little alone; negations and comparisons do mean something."""
    plain = token.replace("’", "'")
    return (
        (len(token) == 1 and token.isascii())
        or _STOP_WORDS.fullmatch(plain) is not None
        or _HARMLESS.fullmatch(token) is not None
    )


@lru_cache(maxsize=65_536)
def _stem(token: str) -> str:
    """A lower-case word's English stem; words of other languages mostly stay as they are."""
    found = _stemmer().analyze(token.replace("’", "'").removesuffix("'s"))
    return found[0] if found else token


def content(word: str) -> str:
    """The stem under which a word of running text counts, or nothing when it is none to count."""
    low = word.lower()
    if _is_empty(low) or _NEGATION.fullmatch(low) or _worded(low) is not None or low.isdecimal():
        return ""
    return _stem(_UNIT.get(low, low))


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import tantivy

    whole = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
    return whole.filter(tantivy.Filter.stemmer("english")).build()
