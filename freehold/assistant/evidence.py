"""What speaks for each piece of a passage as an answer to a question, as numbers.

A passage is read once (its pieces, words and token vectors) and may then be measured against many
questions. Token vectors are taken in their context, the title and headings included, so a pronoun's are
near what it stands for. Knows nothing of what the numbers are worth: answerability.py weighs them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from freehold.assistant.sentences import Piece, pieces
from freehold.knowledge.words import words
from freehold.types import Passage, Query

Array = NDArray[np.float32]
Rarities = Callable[[Iterable[str]], Mapping[str, float]]
"""The IDF of words, as the lexical index knows it."""

USUAL_RARITY = 5.0
"""A word's rarity when no index is there to ask."""
EARLIER_WEIGHT = 0.5
"""Weight of the words of the visitor's turn before, beside 1 for the question's own."""
WINDOW_CHARS = 900
"""Text embedded at once: a longer passage is embedded in parts, each under the title and headings."""
MOST_QUESTION_CHARS = 1_000
"""As much of a question as is embedded token by token; its words all count."""

COMMON = (
    "cov cov_title cov_prev cov_next pcov bigram rank typed novel caps_new length log_length pronoun"
    " first is_list is_table is_code steps_headed pointer aside"
).split()
BY_MEANING = (
    "passage late maxsim maxsim_plain maxsim_best maxsim_prev maxsim_prev_plain maxsim_whole best_share"
    " near_8 near_16 wh candidate unasked"
).split()
NAMES = (*COMMON, *BY_MEANING)
"""What is measured, in order; without token vectors only the first part."""


@runtime_checkable
class TokenEmbedder(Protocol):
    """An embedder that gives its tokens' vectors too."""

    name: str

    def embed_tokens(self, text: str) -> tuple[Array, list[tuple[int, int]]]:
        """Unit vectors of the tokens, shape (tokens, dimensions), and each token's place in `text`."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """One piece, read."""

    piece: Piece
    text: str
    words: tuple[str, ...]
    held: frozenset[str]
    names: frozenset[str]
    digits: frozenset[str]
    kinds: frozenset[str]
    """Sorts of answer it holds: number, date, …"""
    length: int
    """In words."""
    tokens: NDArray[np.int64]
    """Rows of its tokens in the passage's vectors."""


@dataclass(frozen=True, slots=True)
class Read:
    """One passage, read."""

    told: tuple[Told, ...]
    context: frozenset[str]
    """Words of its title and headings."""
    heading: frozenset[str]
    """Words of its own heading, the last of them."""
    vectors: NDArray[np.float16] | None
    places: NDArray[np.int64]
    """Where each vector's token stands in the passage, shape (tokens, 2)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, read."""

    text: str
    words: tuple[str, ...]
    rarity: Mapping[str, float]
    mass: float
    names: frozenset[str]
    digits: frozenset[str]
    sort: str
    """Sort of answer it wants; `what` when that cannot be told."""
    steps: bool
    """Whether it asks how to do something."""
    vectors: Array | None
    weights: Array
    """Rarity of each token's word, shape (tokens,)."""
    wh: int
    """Row of the question word's token."""

    def share(self, held: Iterable[str]) -> float:
        """How much of the question's rarity `held` covers, 0 to 1."""
        return sum(self.rarity.get(word, 0.0) for word in set(held)) / self.mass if self.mass else 0.0


_MONTH = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_NUMBER_WORD = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|hundred|thousand|million|billion|dozen|half"
    "|third|quarter|twice|once|first|second|several|many|few"
)
_SORTS: tuple[tuple[str, str], ...] = (
    ("percent", r"\b(?:percent|percentage|proportion|what share|what fraction)\b"),
    ("duration", r"\bhow long\b"),
    (
        "number",
        r"\bhow (?:many|much|large|big|tall|high|far|deep|wide|heavy|fast|old|often|hot|cold)\b"
        r"|\bwhat (?:is the )?(?:number|amount|total|population|size|area|cost|price|temperature|height"
        r"|length|speed|score)\b",
    ),
    (
        "date",
        r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|century|decade|time|era|period)\b"
        r"|what was the date",
    ),
    (
        "person",
        r"\b(?:who|whom|whose)\b|\b(?:what|which) (?:person|people|man|woman|actor|player|president|king"
        r"|queen|scientist|author|leader|singer)\b",
    ),
    (
        "place",
        r"\bwhere\b|\b(?:what|which) (?:city|country|state|place|location|continent|region|town|river|area"
        r"|nation|county|street|building|university|school|province)\b",
    ),
    ("reason", r"\bwhy\b|what (?:reason|caused?)\b|for what"),
)
_SORT = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _SORTS)
_HOLDS = {
    "number": re.compile(rf"\d|\b(?:{_NUMBER_WORD})\b", re.IGNORECASE),
    "digits": re.compile(r"\d"),
    "date": re.compile(
        rf"\b(?:1\d|20)\d\d\b|\b\d{{1,4}} ?(?:BC|AD|BCE|CE)\b|\b(?:{_MONTH})[a-z]*\b|century|\b\d0s\b"
        r"|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b"
    ),
    "percent": re.compile(r"%|percent|per cent"),
    "duration": re.compile(r"\b(?:second|minute|hour|day|week|month|year|decade|centur)\w*\b", re.IGNORECASE),
    "place": re.compile(
        r"\b(?:in|at|near|from|to|of|on|into|around|between|north|south|east|west)\s+(?:the\s+)?[A-Z]\w+"
    ),
    "reason": re.compile(
        r"\b(?:because|due to|since|so that|in order to|reason|caused?|as a result|thus|therefore|allow\w*"
        r"|to (?:avoid|prevent|make|ensure|reduce|protect|help|get|be))\b",
        re.IGNORECASE,
    ),
}
_STEPS = re.compile(
    r"^\W*how\b(?! (?:many|much|long|often|old|far|big|large)\b)|\b(?:how (?:do|can|could|should|would|to"
    r"|does one)|steps?|set ?up|instructions?|where do i)\b",
    re.IGNORECASE,
)
_WH = re.compile(r"who|whom|whose|when|where|why|how|what|which", re.IGNORECASE)
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z][\w’'-]+")
_DIGITS = re.compile(r"\d[\d,.]*\d|\d")
_PRONOUN = re.compile(r"(?:It|He|She|They|This|These|That|His|Her|Its|Their|Such)\b")
_POINTER = re.compile(
    r"^\W*(?:(?:to )?(?:learn|read) more|for (?:more|further|additional) (?:information|details)|see also"
    r"|next steps?|repeat steps?)\b|(?:following|these) (?:steps|table|list|sections?|fields)\W*$",
    re.IGNORECASE,
)
"""Sentences that only point to what answers."""
_NUMBERED = re.compile(r"^[ \t]*\d{1,3}[.)]", re.MULTILINE)


def ask(query: Query, rarities: Rarities | None, embedder: TokenEmbedder | None) -> Asked:
    """Reads a question in its conversation: the visitor's turn before lends its words."""
    text = query.text
    own = tuple(words(text))
    earlier = next((turn.text for turn in reversed(query.history) if turn.role == "user"), "")
    known = dict.fromkeys((*own, *words(earlier)), USUAL_RARITY)
    if rarities is not None:
        known = dict(rarities(known))
    rarity = {word: value * (1.0 if word in own else EARLIER_WEIGHT) for word, value in known.items()}
    vectors, weights, wh = None, np.zeros(0, np.float32), 0
    if embedder is not None and own:
        start = len(earlier[:MOST_QUESTION_CHARS]) + 1 if earlier else 0
        whole = f"{earlier[:MOST_QUESTION_CHARS]}\n{text}" if earlier else text
        vectors, places = embedder.embed_tokens(whole[: start + MOST_QUESTION_CHARS])
        if start and not any(a >= start for a, _ in places):  # the turn before fills the model's window
            start, whole = 0, text
            vectors, places = embedder.embed_tokens(text[:MOST_QUESTION_CHARS])
        weights = _token_weights(whole, places, rarity)
        marks = [row for row, (a, b) in enumerate(places) if a >= start and _WH.fullmatch(whole[a:b])]
        wh = marks[0] if marks else -1
    return Asked(
        text=text,
        words=own,
        rarity=rarity,
        mass=sum(rarity.values()),
        names=frozenset(map(str.lower, _NAME.findall(text))),
        digits=frozenset(_DIGITS.findall(text)),
        sort=next((name for name, pattern in _SORT if pattern.search(text)), "what"),
        steps=bool(_STEPS.search(text)),
        vectors=vectors if vectors is not None and len(vectors) else None,
        weights=weights,
        wh=wh,
    )


def read(passage: Passage, embedder: TokenEmbedder | None) -> Read:
    """Reads a passage; with an embedder this is the slow part, so callers keep what it gives."""
    text = passage.text
    found = [piece for piece in pieces(text) if piece.kind != "heading"]
    above = passage.above
    vectors, places = _embedded(text, found, " > ".join(above), embedder)
    return Read(
        told=tuple(_tell(text, piece, places) for piece in found),
        context=frozenset(words(" ".join(above))),
        heading=frozenset(words(above[-1])) if above else frozenset(),
        vectors=vectors,
        places=places,
    )


def measure(
    asked: Asked, passage: Read, rank: int, reading: Array | None = None, *, aside: float = 0.0
) -> Array:
    """The evidence for each piece of a passage, shape (pieces, names).

    `reading` is what a reader made of the question and this passage (reading.py), to stand beside the rest;
    `aside` how far the passage is from what the conversation is about (subject.py).
    """
    told, count = passage.told, len(passage.told)
    meaning = asked.vectors is not None
    found = np.zeros((count, len(NAMES if meaning else COMMON)), np.float32)
    wanted = frozenset(asked.rarity)
    held = [one.held & wanted for one in told]
    titled = passage.context & wanted
    whole = asked.share(titled.union(*held)) if held else 0.0
    headed = asked.share(passage.heading)
    pairs = set(zip(asked.words, asked.words[1:], strict=False))
    for at, one in enumerate(told):
        before = held[at - 1] if at else frozenset()
        after = asked.share(held[at + 1]) if at + 1 < count else 0.0
        numbered = one.piece.kind == "list" and _NUMBERED.search(one.text) is not None
        found[at, : len(COMMON)] = (
            asked.share(held[at]),
            asked.share(held[at] | titled),
            asked.share(held[at] | titled | before),
            after,
            whole,
            len(pairs & set(zip(one.words, one.words[1:], strict=False))) / max(1, len(pairs)),
            1 / (1 + rank),
            _typed(asked, one),
            min(len(one.held - wanted), 20) / 20,
            min(len(one.names - asked.names), 5) / 5,
            min(one.length, 60) / 60,
            float(np.log1p(one.length)),
            _PRONOUN.match(one.text) is not None,
            at == 0,
            one.piece.kind == "list",
            one.piece.kind == "table",
            one.piece.kind == "code",
            headed if asked.steps and numbered else 0.0,
            one.piece.kind == "sentence" and _POINTER.search(one.text) is not None,
            aside,
        )
    if asked.vectors is not None and passage.vectors is not None and len(passage.vectors):
        found[:, len(COMMON) :] = _by_meaning(asked, passage)
    return found if reading is None else np.concatenate([found, reading], axis=1)


def _by_meaning(asked: Asked, passage: Read) -> Array:
    assert asked.vectors is not None
    assert passage.vectors is not None
    vectors = passage.vectors.astype(np.float32)
    near = asked.vectors @ vectors.T  # (question tokens, passage tokens)
    weights = asked.weights / (asked.weights.sum() or 1.0)
    best = near.max(axis=1)
    around_8, around_16 = weights @ _running_max(near, 8), weights @ _running_max(near, 16)
    heavy = asked.weights > 0
    asked_of = near[heavy].max(axis=0) if heavy.any() else near.max(axis=0)
    wh = near[asked.wh] if asked.wh >= 0 else near.mean(axis=0)
    question = _direction(asked.vectors)
    whole = float(_direction(vectors) @ question)
    found = np.zeros((len(passage.told), len(BY_MEANING)), np.float32)
    previous = None
    for at, one in enumerate(passage.told):
        rows = one.tokens
        if not len(rows):
            continue
        most = near[:, rows].max(axis=1)
        either = most if previous is None else np.maximum(most, previous)
        found[at] = (
            whole,
            _direction(vectors[rows]) @ question,
            most @ weights,
            most.mean(),
            most[heavy].max() if heavy.any() else 0.0,
            either @ weights,
            either.mean(),
            best @ weights,
            weights[most > best - 0.03].sum(),
            around_8[rows].max(),
            around_16[rows].max(),
            wh[rows].max() if asked.wh >= 0 else 0.0,
            (around_8 - 0.5 * asked_of + 0.5 * wh)[rows].max(),
            (wh - asked_of)[rows].max(),
        )
        previous = most
    return found


def _direction(vectors: Array) -> Array:
    mean: Array = vectors.mean(axis=0)
    return mean / (float(np.linalg.norm(mean)) or 1.0)


def _running_max(rows: Array, reach: int) -> Array:
    """The largest value within `reach` columns, for each column."""
    padded = np.pad(rows, ((0, 0), (reach, reach)), constant_values=-1.0)
    largest: Array = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=1).max(axis=2)
    return largest


def _typed(asked: Asked, one: Told) -> bool:
    """Whether the piece holds the sort of answer that is wanted, other than what the question itself says."""
    number = bool(one.digits - asked.digits) or ("number" in one.kinds and "digits" not in one.kinds)
    match asked.sort:
        case "what":
            return False
        case "number":
            return number
        case "duration":
            return number and "duration" in one.kinds
        case "person":
            return bool(one.names - asked.names)
        case sort:
            return sort in one.kinds


def _tell(text: str, piece: Piece, places: NDArray[np.int64]) -> Told:
    said = text[piece.start : piece.end]
    found = tuple(words(said))
    rows = np.flatnonzero((places[:, 0] >= piece.start) & (places[:, 1] <= piece.end))
    return Told(
        piece=piece,
        text=said,
        words=found,
        held=frozenset(found),
        names=frozenset(map(str.lower, _NAME.findall(said))),
        digits=frozenset(_DIGITS.findall(said)),
        kinds=frozenset(name for name, pattern in _HOLDS.items() if pattern.search(said)),
        length=len(said.split()),
        tokens=rows,
    )


def _embedded(
    text: str, found: Sequence[Piece], above: str, embedder: TokenEmbedder | None
) -> tuple[NDArray[np.float16] | None, NDArray[np.int64]]:
    """Token vectors of a passage and their places in it, embedded in parts under its headings."""
    places = np.zeros((0, 2), np.int64)
    if embedder is None or not found:
        return None, places
    prefix = f"{above}. " if above else ""
    parts: list[list[Piece]] = []
    for piece in found:
        if not parts or piece.end - parts[-1][0].start > WINDOW_CHARS:
            parts.append([])
        parts[-1].append(piece)
    rows, spots = [], []
    for part in parts:
        start = part[0].start
        vectors, at = embedder.embed_tokens(prefix + text[start : part[-1].end])
        own = np.array(at, np.int64).reshape(-1, 2)
        kept = own[:, 0] >= len(prefix)
        rows.append(vectors[kept].astype(np.float16))
        spots.append(own[kept] - len(prefix) + start)
    return np.concatenate(rows), np.concatenate(spots)


def _token_weights(text: str, places: Sequence[tuple[int, int]], rarity: Mapping[str, float]) -> Array:
    """The rarity of the word that each token is a part of."""
    weights = []
    for start, end in places:
        while start > 0 and text[start - 1].isalnum():
            start -= 1
        while end < len(text) and text[end].isalnum():
            end += 1
        weights.append(max((rarity.get(word, 0.0) for word in words(text[start:end])), default=0.0))
    return np.array(weights, np.float32)
