"""Holds an answer against what a person replied to the same question, sentence by sentence.

Each sentence of the reply is covered by the answer, contradicted by it, or missing from it; each of the
answer's is in the reply, against it, or beyond it. Greetings, offers and questions back say nothing that
documents could, and what the reply says of one customer's case cannot be known from documents: both are set
aside. Compares by meaning where an embedding model is there, else by words. Knows neither language nor
subject: a sentence that says the same in quite other words counts as missing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from freehold.assistant.marks import without_ours
from freehold.assistant.sentences import pieces
from freehold.assistant.statement import Statement, read
from freehold.engines.base import Embedder
from freehold.redaction import PLACEHOLDER

Standing = Literal["covered", "contradicted", "missing", "aside"]
Keeping = Literal["in the reply", "against the reply", "beyond the reply"]

COVERED = 0.58
"""Nearness from which two sentences say the same; chosen on labelled pairs (docs/benchmarks.md)."""
NEAR = 0.45
"""Nearness from which two sentences are about the same, so that they can contradict each other."""
_WORDS_COVERED, _WORDS_NEAR = 0.5, 0.34
"""The same two by shared words, without an embedding model."""
MOST_SENTENCES = 12
"""Sentences of either side that are compared."""

FEATURES = (
    "best", "mean", "whole", "news", "first", "asked", "aspect", "against", "yes_no", "split"
)  # fmt: skip
"""What is measured of a pair, for the judge."""

_ASIDE = re.compile(
    r"^(?:(?:hi|hello|hey|dear|good (?:morning|afternoon|evening))\b[^.!?]{0,40}[,.!]?|thanks?\b.*|thank"
    r" you\b.*|you['’]?re welcome.*"
    r"|(?:i['’]?m |we['’]?re |we are |i am )?(?:so |very |really )?sorry\b[^,;:]*|(?:i |we"
    r" )?apologi[sz]e.*|my apologies.*|no problem\W*"
    r"|(?:i |we )?hope (?:this|that|it) helps?.*|(?:please )?(?:do not|don['’]t) hesitate.*|(?:please"
    r" )?feel free.*|let (?:me|us) know\b.*"
    r"|(?:i['’]?m |we['’]?re |i am |we are )?(?:always )?(?:glad|happy|pleased|here) to (?:help|assist).*"
    r"|have a (?:nice|great|good|lovely).*"
    r"|(?:kind|best|warm) regards.*|(?:if you have |should you have |for )any (?:other|more|further)"
    r" questions?.*|is there anything else.*"
    r"|(?:can|may|could) i (?:help|assist|answer).*|(?:yes|no|sure|certainly|of course|absolutely|great"
    r" question|good question)[\s,.!]*)$",
    re.I | re.S,
)
_HELP = re.compile(r"\b(?:anything else|any other|another question|more (?:questions|information))\b", re.I)
_YES = re.compile(r"^\W*(?:yes|yep|yeah|sure|certainly|of course|absolutely|correct|indeed)\b", re.I)
_NO = re.compile(
    r"^\W*(?:no\b|nope|unfortunately|sadly|i['’]?m afraid"
    r"|(?:i['’]?m |we['’]?re )?sorry,? (?:but )?(?:no|we|i|that|this|it))",
    re.I,
)
_DENYING = re.compile(
    r"\b(?:exclud\w+|impossible|unavailable|forbidden|prohibited|disabled|declined?|refused?|unable|empty"
    r"|lacks?|lacking"
    r"|fails?|isn|aren|hardly|barely|instead of)\b",
    re.I,
)
_CONDITION = re.compile(r"\b(?:as long as|if|unless|until|when|otherwise|except)\b[^,.;]*", re.I)
_POLAR = re.compile(
    r"\b(?:is|are|was|were|do|does|did|can|could|will|would|may|must|has|have|should)\b\s+(?:i|you|we"
    r"|they|it|he|she|there|this|that|the|my|your|any|all)\b",
    re.I,
)

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class OfReply:
    """A sentence of the person's reply."""

    text: str
    standing: Standing
    nearness: float
    """To the answer's sentence nearest to it."""
    by: int | None
    """Place of that sentence in the answer; None where there is none."""


@dataclass(frozen=True, slots=True)
class OfAnswer:
    """A sentence of the answer."""

    text: str
    keeping: Keeping
    nearness: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was found of one pair."""

    reply: tuple[OfReply, ...]
    answer: tuple[OfAnswer, ...]
    features: tuple[float, ...]
    """As `FEATURES` names them."""

    @property
    def comparable(self) -> bool:
        """Whether the reply says anything that documents could."""
        return any(one.standing != "aside" for one in self.reply)

    @property
    def contradicted(self) -> int:
        return sum(one.standing == "contradicted" for one in self.reply)


def compare(question: str, reply: str, answer: Sequence[str], embedder: Embedder | None) -> Agreement:
    """Both sides' sentences, each as it stands to the other side; `answer` comes in claims."""
    ours = [one for claim in answer for one in _sentences(without_ours(claim))][:MOST_SENTENCES]
    theirs = [*_sentences(reply)][:MOST_SENTENCES]
    core = [at for at, text in enumerate(theirs) if not is_aside(text)]
    asides = {at: OfReply(text, "aside", 0.0, None) for at, text in enumerate(theirs) if at not in core}
    if not core or not ours:
        reply_side = tuple(
            asides.get(at, OfReply(text, "missing", 0.0, None)) for at, text in enumerate(theirs)
        )
        return Agreement(
            reply_side, tuple(OfAnswer(t, "beyond the reply", 0.0) for t in ours), (0.0,) * len(FEATURES)
        )
    said, told = [read(_words(theirs[at])) for at in core], [read(text) for text in ours]
    asked = read(_words(question))
    near = _nearness([_words(theirs[at]) for at in core], ours, said, told, embedder)
    covered_from, near_from = (COVERED, NEAR) if embedder is not None else (_WORDS_COVERED, _WORDS_NEAR)
    against = np.array([[contradicts(theirs[at], text) for text in ours] for at in core])
    best = near.argmax(axis=1)
    standings: dict[int, OfReply] = dict(asides)
    for row, at in enumerate(core):
        to = int(best[row])
        value = float(near[row, to])
        clash = bool((against[row] & (near[row] >= near_from)).any())
        agrees = bool((~against[row] & (near[row] >= covered_from)).any())
        standing: Standing = "covered" if agrees else "contradicted" if clash else "missing"
        standings[at] = OfReply(theirs[at], standing, value, to)
    answers = []
    for column, text in enumerate(ours):
        value = float(near[:, column].max())
        clash = bool((against[:, column] & (near[:, column] >= near_from)).any())
        agrees = bool((~against[:, column] & (near[:, column] >= covered_from)).any())
        keeping: Keeping = "in the reply" if agrees else "against the reply" if clash else "beyond the reply"
        answers.append(OfAnswer(text, keeping, value))
    first = standings[core[0]]
    turned = _turned(question, theirs[0], first.text, ours[first.by or 0])
    if turned and first.standing == "missing":
        standings[core[0]] = replace(first, standing="contradicted")
        answers[first.by or 0] = replace(answers[first.by or 0], keeping="against the reply")
    reply_side = tuple(standings[at] for at in range(len(theirs)))
    features = _features(question, asked, theirs, core, ours, said, told, near, reply_side, turned, embedder)
    return Agreement(reply_side, tuple(answers), features)


def is_aside(sentence: str) -> bool:
    """Whether it says nothing that documents could: courtesy, an offer, a question, one customer's case."""
    bare = sentence.strip()
    if not re.search(r"[^\W_]", bare) or bare.endswith("?") or _ASIDE.match(bare) or _HELP.search(bare):
        return True
    return any(not mark.startswith("[name") for mark in PLACEHOLDER.findall(bare))


def contradicts(one: str, other: str) -> bool:
    """Whether one denies and the other affirms, or both give numbers and have none in common.

    Means something only of sentences that are about the same.
    """
    a, b = read(_bare(one)), read(_bare(other))
    shared = {key for key in a.keys & b.keys if not key.startswith(("#", "@"))}
    if shared and denies(_bare(one)) != denies(_bare(other)):
        return True
    return bool(shared and a.numbers and b.numbers and not _values(a) & _values(b))


def _values(said: Statement) -> frozenset[str]:
    """Its numbers; a full hour on the clock is the bare number too, as people write opening hours."""
    hours = {f"#{float(key[1:3])}" for key in said.numbers if re.fullmatch(r"@\d\d:00", key)}
    return said.numbers | hours


def denies(sentence: str) -> bool:
    """Whether it says that something is not so, in whatever words; two denials in it undo each other."""
    sentence = _CONDITION.sub("", sentence)
    found = len(
        re.findall(
            r"\b(?:no|not|never|none|neither|cannot|without|nothing|nobody)\b|n['’]t\b", sentence, re.I
        )
    )
    return (found + len(_DENYING.findall(sentence))) % 2 == 1


def _turned(question: str, opening: str, main: str, ours: str) -> bool:
    """Whether a question that wants a yes or a no got one from the person and the other from us."""
    shared = read(question).keys & read(ours).keys
    if not _POLAR.search(question) or not (shared or _NO.search(ours) or _YES.search(ours)):
        return False
    theirs_no = bool(_NO.search(opening)) or (not _YES.search(opening) and denies(main))
    ours_no = bool(_NO.search(ours)) or (not _YES.search(ours) and denies(ours))
    return theirs_no != ours_no


def _bare(sentence: str) -> str:
    """Without the yes or no in front: that answers the question, and does not bend the sentence."""
    return (
        re.sub(
            r"^\W*(?:yes|no|sure|of course|certainly|absolutely"
            r"|(?:i['’]?m |we['’]?re )?afraid not|unfortunately not)\b[\s,.!:–—-]+",
            "",
            sentence,
            flags=re.I,
        )
        or sentence
    )


def _words(sentence: str) -> str:
    """Without placeholders: they are no words of the person's."""
    return PLACEHOLDER.sub("", sentence)


def _sentences(text: str) -> list[str]:
    found = [text[piece.start : piece.end] for piece in pieces(text) if piece.kind != "heading"]
    return [one for one in found if re.search(r"[^\W_]", one)]


def _nearness(
    theirs: Sequence[str],
    ours: Sequence[str],
    said: Sequence[Statement],
    told: Sequence[Statement],
    embedder: Embedder | None,
) -> Array:
    """Of each pair, shape (theirs, ours): shared words, and half and half with the cosine where there is one.

    Neither is better alone: half of both orders the labelled pairs best.
    """
    words: Array = np.array([[_shared(a, b) for b in told] for a in said], np.float32)
    if embedder is not None:
        rows = embedder.embed([*theirs, *ours])
        return 0.5 * (rows[: len(theirs)] @ rows[len(theirs) :].T) + 0.5 * words
    return words


def _shared(one: Statement, other: Statement) -> float:
    """Share of the shorter one's words that the other has."""
    a, b = one.keys, other.keys
    return len(a & b) / min(len(a), len(b)) if a and b else 0.0


def _features(
    question: str,
    asked: Statement,
    theirs: Sequence[str],
    core: Sequence[int],
    ours: Sequence[str],
    said: Sequence[Statement],
    told: Sequence[Statement],
    near: Array,
    reply_side: Sequence[OfReply],
    turned: bool,
    embedder: Embedder | None,
) -> tuple[float, ...]:
    main = " ".join(_words(theirs[at]) for at in core)
    if embedder is not None:
        vectors = embedder.embed([question[:1000], main, " ".join(ours)])
        whole, on_topic = float(vectors[1] @ vectors[2]), float(vectors[0] @ vectors[2])
    else:
        joined = read(" ".join(ours))
        whole, on_topic = _shared(read(main), joined), _shared(asked, joined)
    held = set().union(*(one.keys for one in told))
    news = set().union(*(one.keys for one in said)) - asked.keys
    share = len(news & held) / len(news) if news else float(near.max())
    named = {token.key for one in (asked, *said) for run in one.names() for token in run}
    aspect = (asked.keys & set().union(*(one.keys for one in said))) - named
    words_held = [one.keys & asked.keys for one in told]
    about = [one for one, own in zip(told, words_held, strict=True) if own]
    denying = sum(one.denies for one in about)
    against = [one for one in reply_side if one.standing == "contradicted"]
    return (
        float(near.max()),
        float(near.max(axis=1).mean()),
        whole,
        share,
        float(near[:, 0].max()),
        on_topic,
        max(len(aspect & one.keys) for one in told) / len(aspect) if aspect else 0.5,
        len(against) / len(core),
        float(turned),
        float(0 < denying < len(about)),
    )
