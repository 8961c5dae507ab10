"""A sentence as what it turns on: stems, numbers, names, commands, negations, comparisons.

Two statements can be held against each other without knowing what either means. Numbers are compared by
value (1,000 = 1000, two = 2), words by stem, commands and addresses letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

_MARKUP = re.compile(
    r"\*\*|__|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)|[“”\"|]|^[ \t]*(?:[>#]+|[-*+•‣◦])(?=\s)", re.M
)
_NUMBERING = re.compile(r"^[ \t]*(?:\d{1,3}[.)]|[a-z]\))[ \t]+", re.M)
_CODE = re.compile(
    r"`([^`\n]+)`|(https?://[^\s<>()\"']*[\w/]|[\w.+-]+@[\w-]+(?:\.\w+)+|(?<!\S)--?[A-Za-z][\w-]*|\w[\w.]*\(\)"
    r"|(?<!\w)\w[\w-]*(?:[/\\._]+[\w-]+)*(?:[/\\_]+|\.(?=[a-z]{2}))[\w-]+(?:[/\\._]+[\w-]+)*|\$[A-Za-z]\w*)"
)
_TOKEN = re.compile(
    r"(?P<number>(?<![^\W_])(?:\d{1,3}(?:[,\u00a0\u202f’']\d{3})+(?!\d)|\d+)(?:[.,]\d+)*(?=[^\W\d_]|\b))"
    r"|(?P<word>[^\W_]+(?:['’][^\W\d_]+)*)"
    r"|(?P<stop>[.!?](?=\s|$)|[,;:()\n—–])"
)
_SYMBOLS = {
    "%": " percent ",
    "$": " dollar ",
    "€": " euro ",
    "£": " pound ",
    "&": " and ",
    "’": "'",
    " ": " ",
}
_NEGATION = re.compile(r"not|no|never|none|neither|nor|cannot|without|nobody|nothing|nowhere|\w+n't")
_STOP_WORDS = re.compile(
    r"an?|and|are|as|at|be|been|being|but|by|can|could|did|do|does|for|from|had|has|have|he|her|hers|him|his|how"
    r"|i|i'd|i'm|i've|if|in|into|is|it|it's|its|me|my|of|on|or|our|shall|she|should|so|such|than|that|the|their"
    r"|them|then|there|these|they|this|those|to|us|was|we|were|what|what's|when|where|which|while|who|whom|whose"
    r"|why|will|with|would|you|your"
)
_HARMLESS = re.compile(
    r"also|however|therefore|thus|additionally|furthermore|moreover|please|simply|just|note|instance|example"
    r"|according|documents?|documentation|following|able|may|might|want|wish|like|here|yes|ok|sure|about|one"
    r"|per|cent|first|next|finally|am|does|did|done|get|gets|having|let|lets|e\.g|i\.e"
)
_GROUPS = {
    "more than": r"more|greater|higher|larger|longer|exceed(?:s|ed|ing)?|above|over|beyond",
    "less than": r"less|fewer|lower|smaller|shorter|below|under",
    "at least": r"at least|minimum|or (?:more|above|over)|(?:no|not) (?:less|fewer) than",
    "at most": r"at most|maximum|up to|or (?:less|fewer|below)|(?:no|not) more than|limited to",
    "before": r"before|prior to|earlier|until|no later than",
    "after": r"after|afterwards|later|once|since",
    "only": r"only|solely|exclusively",
    "always": r"always|every time|in all cases",
    "all": r"all|every|each|any|everyone|everything|both",
    "must": r"must|required?|requires|mandatory|ha(?:ve|s) to|needs?|needed|necessary|shall|obliged",
    "except": r"except(?:ing|ion)?|unless|excluding|other than|apart from",
}
_GROUP = {name: re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE) for name, pattern in _GROUPS.items()}
_OPPOSITES = (("on", "off"), ("in", "out"), ("up", "down"), ("to", "from"), ("before", "after"))
_BOUNDS = ("more than", "less than", "at least", "at most", "before", "after")
_NEAR = 3
"""Words before or after a number within which a comparison belongs to it."""
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen"
)
_NUMBERS = {word: float(value) for value, word in enumerate(_SMALL.split())}
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMBERS |= {word: float(10 * value) for value, word in enumerate(_TENS.split(), start=2)}
_SCALES = {"dozen": 12.0, "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9}


@dataclass(slots=True)
class Token:
    """A word or number that carries meaning."""

    key: str
    """Stem, or `#` and the value."""
    text: str
    clause: int
    capital: int = 0
    """0 none, 1 at the start of a sentence, 2 within one."""
    denied: int = 0
    """1 for the first word after a negation in its clause, 2 for the second."""
    joined: bool = False
    """Whether nothing, not even a stop word, stands between it and the token before."""

    @property
    def is_number(self) -> bool:
        return self.key.startswith("#")


@dataclass(slots=True)
class Statement:
    """What a text turns on."""

    tokens: list[Token] = field(default_factory=list)
    codes: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    denies: bool = False
    _text: str = ""

    @property
    def keys(self) -> set[str]:
        """Stems, `#` numbers and codes."""
        return {token.key for token in self.tokens} | self.codes

    @property
    def numbers(self) -> set[str]:
        return {token.key for token in self.tokens if token.is_number}

    def missing_from(self, passage: Statement, context: Statement, text: str) -> list[str]:
        """What of this neither the passage (whose text is `text`) nor its headings hold."""
        there = passage.keys | context.keys
        gone = [
            token.text for token in self.tokens if token.key not in there and (token.is_number or token.key)
        ]
        gone += [
            code
            for code in sorted(self.codes)
            if not re.search(rf"(?<![\w-]){re.escape(code)}(?![\w-]|[./]\w)", text)
        ]
        return list(dict.fromkeys(gone))

    def names(self, known: Iterable[str] = ()) -> list[list[Token]]:
        """Runs of capitalised words; one alone at a sentence's start counts when `known` holds it."""
        known = set(known)
        runs: list[list[Token]] = []
        for token in self.tokens:
            if not token.capital:
                runs.append([])
            elif runs and runs[-1] and token.joined and token.capital == 2:
                runs[-1].append(token)
            else:
                runs.append([token])
        return [run for run in runs if len(run) > 1 or (run and (run[0].capital == 2 or run[0].key in known))]

    def foreign_names(self, passage: Statement, context: Statement) -> Iterator[str]:
        """Names of several words that do not stand there in one piece."""
        for run in self.names():
            keys = [token.key for token in run]
            ways = [keys, keys[1:]] if run[0].capital == 1 else [keys]
            if not any(passage.places(way) or context.places(way) for way in ways if way):
                yield " ".join(token.text for token in run)

    def places(self, keys: Sequence[str]) -> list[int]:
        """Where the tokens `keys` stand one after the other."""
        own = [token.key for token in self.tokens]
        return [at for at in range(len(own) - len(keys) + 1) if own[at : at + len(keys)] == list(keys)]

    def denied(self, reach: int) -> set[str]:
        return {token.key for token in self.tokens if 0 < token.denied <= reach}

    def polarity_conflicts(self, quote: Statement) -> Iterator[str]:
        """Words denied here and not in the quote, or there and not here."""
        if self.denies and not quote.denies:
            yield "the passage denies nothing"
        for key in sorted(self.denied(1) - quote.denied(2)):
            yield f"the passage does not deny “{key}”"
        affirmed = {token.key for token in quote.tokens if not token.denied}
        for key in sorted((quote.denied(1) & self.keys) - self.denied(2) - affirmed):
            yield f"the passage denies “{key}”"

    def opposites(self, quote: Statement) -> Iterator[str]:
        """Small words that stand here while only their opposite stands in the quote."""
        here, there = ({*re.findall(r"[a-z]+", one._text.lower())} for one in (self, quote))
        for pair in _OPPOSITES:
            for word, opposite in (pair, pair[::-1]):
                if word in here - there and opposite in there - here:
                    yield f"the passage says “{opposite}”, not “{word}”"

    def bounds(self, numbers: Iterable[str]) -> set[str]:
        """Comparisons that stand beside any of `numbers`."""
        wanted = set(numbers)
        found: set[str] = set()
        for token in self.tokens:
            if token.key in wanted:
                for match in re.finditer(rf"(?<!\w){re.escape(token.text)}(?!\w)", self._text):
                    before = " ".join(self._text[: match.start()].split()[-_NEAR:])
                    after = " ".join(self._text[match.end() :].split()[:_NEAR])
                    before = re.split(r"[.;:,]", before)[-1]
                    after = re.split(r"[.;:,]", after)[0]
                    found |= {name for name in _BOUNDS if _GROUP[name].search(f"{before} | {after}")}
        return found

    def reverses(self, unit: Statement) -> bool:
        """Whether most neighbours here stand the other way round in `unit` (words that both have once)."""
        here, there = ([token.key for token in one.tokens] for one in (self, unit))
        shared = [key for key in here if here.count(key) == 1 and there.count(key) == 1]
        pairs = [(there.index(a), there.index(b)) for a, b in pairwise(shared)]
        turned = sum(b < a for a, b in pairs)
        return len(pairs) >= 2 and 2 * turned > len(pairs)

    def stray_items(self, units: Sequence[Statement], context: Statement) -> Iterator[str]:
        """Numbers and names that belong to other words in `units` than here."""
        known = {token.key for unit in units for run in unit.names() for token in run}
        named = self.names(known)
        in_names = {id(token) for run in named for token in run}
        for at, token in enumerate(self.tokens):
            if token.is_number:
                anchors = self._anchors(at, at, lambda one: not one.is_number)
                if not self._number_belongs(token.key, anchors, units, context):
                    yield f"“{token.text}” stands with other words"
        for run in named:
            first = next(at for at, token in enumerate(self.tokens) if token is run[0])
            anchors = self._anchors(first, first + len(run) - 1, lambda one: id(one) not in in_names)
            keys = [token.key for token in run]
            if not self._name_belongs(keys, [a for a in anchors if a not in context.keys], units):
                yield f"“{' '.join(token.text for token in run)}” stands with other words"

    def _anchors(self, first: int, last: int, fits: object) -> list[str]:
        assert callable(fits)
        clause = self.tokens[first].clause
        left = next((t for t in reversed(self.tokens[:first]) if t.clause == clause and fits(t)), None)
        right = next((t for t in self.tokens[last + 1 :] if t.clause == clause and fits(t)), None)
        return [token.key for token in (left, right) if token is not None]

    def _number_belongs(
        self, number: str, anchors: list[str], units: Sequence[Statement], context: Statement
    ) -> bool:
        if number in context.keys and all(number not in unit.keys for unit in units):
            return True
        for unit in units:
            here = [anchor for anchor in anchors if anchor in unit.keys]
            if number not in unit.keys or set(anchors) - unit.keys - context.keys:
                continue
            rivals = [
                [at]
                for at, token in enumerate(unit.tokens)
                if token.is_number
                and token.key not in self.numbers
                and unit._after(at) in {unit._after(place[0]) for place in unit._spots([number])}
            ]
            own = min(unit._distance(place, here) for place in unit._spots([number]))
            if all(own <= unit._distance(rival, here) for rival in rivals):
                return True
        return False

    def _name_belongs(self, name: list[str], anchors: list[str], units: Sequence[Statement]) -> bool:
        """Whether no unit gives the name's neighbours, or what its own units lack, to another name."""
        at_home = [unit for unit in units if unit._spots(name) or unit._spots(name[1:])]
        told = set().union(*(unit.keys for unit in at_home)) if at_home else set()
        for unit in units:
            here = [anchor for anchor in anchors if anchor in unit.keys]
            rivals = [
                list(range(first, first + len(run)))
                for run in unit.names()
                for first in unit.places([token.key for token in run])
                if not {token.key for token in run} & self.keys
            ]
            if not rivals:
                continue
            if unit not in at_home:
                if unit.keys & self.keys - told:
                    return False
                continue
            own = min(unit._distance(place, here) for place in unit._spots(name) or unit._spots(name[1:]))
            if any(unit._distance(rival, here) < own for rival in rivals):
                return False
        return True

    def _spots(self, keys: Sequence[str]) -> list[list[int]]:
        return [list(range(at, at + len(keys))) for at in self.places(keys)] if keys else []

    def _after(self, at: int) -> str:
        return self.tokens[at + 1].key if at + 1 < len(self.tokens) else ""

    def _distance(self, place: Sequence[int], anchors: Iterable[str]) -> int:
        """Words from `place` to the nearest occurrence of each anchor, summed."""
        return sum(
            min(
                abs(at - spot)
                for at, token in enumerate(self.tokens)
                if token.key == anchor
                for spot in place
            )
            for anchor in anchors
        )


def read(text: str) -> Statement:
    """Takes `text` (limited Markdown) apart."""
    codes: set[str] = set()

    def keep(match: re.Match[str]) -> str:
        code = match[1] or match[2]
        if re.fullmatch(r"[A-Za-z]+/[A-Za-z]+", code):
            return code.replace("/", " / ")
        if re.fullmatch(r"[^\W\d_]+(?: [^\W\d_]+)*", code):  # plain words in code marks are words
            return f" {code} "
        codes.add(code)
        return " \x00 "

    bare = _CODE.sub(keep, _NUMBERING.sub("", text))
    for symbol, word in _SYMBOLS.items():
        bare = bare.replace(symbol, word)
    bare = _MARKUP.sub(" ", bare)
    groups = frozenset(name for name, pattern in _GROUP.items() if pattern.search(bare))
    compared = {match.span() for pattern in _GROUP.values() for match in pattern.finditer(bare)}
    tokens, denies = _tokens(bare, compared)
    return Statement(tokens, frozenset(codes), groups, denies, bare)


def _tokens(text: str, compared: set[tuple[int, int]]) -> tuple[list[Token], bool]:
    tokens: list[Token] = []
    clause, initial, pending, denies, joined = 0, True, 0, False, False
    value_open = False
    for match in _TOKEN.finditer(text):
        raw = match.group()
        low = raw.lower()
        if match["stop"]:
            clause, joined, value_open = clause + 1, False, False
            initial = initial or raw in ".!?\n:"
            pending = 0
            continue
        if match["word"] and _NEGATION.fullmatch(low):
            denies, pending, joined, value_open, initial = True, 1, False, False, False
            continue
        value = _value(low) if match["number"] else _NUMBERS.get(low, _SCALES.get(low))
        if value is not None and not (low == "one" and not value_open):
            if value_open and low in _SCALES:
                tokens[-1].key = f"#{float(tokens[-1].key[1:]) * value!r}"
            elif value_open and low in _NUMBERS and not float(tokens[-1].key[1:]) % 10 and value < 10:
                tokens[-1].key = f"#{float(tokens[-1].key[1:]) + value!r}"
            else:
                tokens.append(Token(f"#{value!r}", raw, clause, denied=pending, joined=joined))
            value_open, joined, initial = True, True, False
            continue
        value_open = False
        in_comparison = any(start <= match.start() and match.end() <= end for start, end in compared)
        if (
            _is_stop_word(low)
            or _HARMLESS.fullmatch(low)
            or in_comparison
            or (low.isascii() and len(low) == 1)
        ):
            joined, initial = False, False
            if low in ("but", "and", "or"):
                clause += low == "but"
                pending = 0 if low == "but" else pending
            continue
        capital = 0 if not raw[0].isupper() else 1 if initial else 2
        tokens.append(Token(_stem(low), raw, clause, capital, pending, joined))
        pending = 0 if pending in (0, 2) else 2
        joined, initial = True, False
    return tokens, denies


def _value(digits: str) -> float:
    plain = re.sub(r"(?<=\d)[\u00a0\u202f’'](?=\d{3})", "", digits)
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", plain):
        plain = plain.replace(",", "")
    plain = plain.replace(",", ".")
    return float(plain) if plain.count(".") <= 1 else float(plain.replace(".", "")) + 0.5


def _is_stop_word(token: str) -> bool:
    """Whether a lower-case word means little alone; negations and comparisons do mean something."""
    return _STOP_WORDS.fullmatch(token.replace("’", "'")) is not None


@lru_cache(maxsize=65_536)
def _stem(token: str) -> str:
    """A lower-case word's English stem; words of other languages mostly stay as they are."""
    found = _stemmer().analyze(token.replace("’", "'").removesuffix("'s"))
    return found[0] if found else token


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import tantivy

    whole = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
    return whole.filter(tantivy.Filter.stemmer("english")).build()
