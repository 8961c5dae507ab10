"""Questions back: where parallel documents answer differently, which of them is meant.

Two passages are parallel when their titles and headings differ in one place ("Free plan > Storage" and "Pro
plan > Storage") and the sentences that answer are built alike but say different things. Then, and only when
neither the question nor the conversation says which, the visitor is asked. When in doubt nothing is asked.
Knows only the passages found: there may be further choices.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from itertools import combinations

from freehold.assistant.marks import plain
from freehold.assistant.suggestions import VERBS
from freehold.knowledge.words import words
from freehold.types import Passage, Query, ScoredPassage, Turn

ASK = "The documents answer this differently, depending on which one you mean:"
ASK_END = "Which one is it?"

NEAR_SHARE = 0.8
"""A passage with less than this share of the best one's score is no rival."""
ALIKE = 0.5
"""Share of words that two answering sentences must have in common, beside numbers and what is in question."""
_MOST_CHOICES = 5
_LONGEST_SLOT = 4
_LABEL_WORDS = 5
OVERALL = re.compile(
    r"\b(?:compar\w+|differ\w*|versus|vs|between|(?:each|every)(?! (?:day|week|month|quarter|year|time)\b)"
    r"|all|both|which|either|any|anywhere|list|overview|types?|kinds?|options?|available|overall|generally?"
    r"|in general)\b",
    re.IGNORECASE,
)
"""Asks about the choices themselves, or about all of them."""
_NUMBERED = frozenset(
    "step part chapter section page faq question appendix figure tabl exampl lesson unit day".split()
)
_SECTIONS = frozenset(
    words(
        "about at a glance background conclusion contents details description example examples faq frequently"
        " asked questions general glossary guidance highlights information instructions introduction key"
        " note notes overview prerequisites procedure purpose reference references requirements scope steps"
        " summary takeaways tips troubleshooting what this means for you"
    )
)
"""Headings of these words alone name a part of a text, not a thing to choose."""
ASKING = frozenset(words("much many long often each get have need know tell"))
"""Words of a question that say nothing of what it is about."""
_ALL_OF_THEM = re.compile(
    r"\W*(?:both|all|all of (?:them|it)|either|any|any of them|every one|everything)\W*", re.I
)
_ORDINALS = ("first", "second", "third", "fourth", "fifth")


@dataclass(frozen=True, slots=True)
class _Path:
    """Where a passage stands: the words of its title and headings, and which part each belongs to."""

    parts: tuple[str, ...]
    words: tuple[str, ...]
    owner: tuple[int, ...]


def choices(
    query: Query,
    found: Sequence[ScoredPassage],
    answer: Callable[[ScoredPassage], str | None],
    missing: Callable[[Sequence[Passage]], str] = lambda of: "",
) -> tuple[str, ...]:
    """What to let the visitor choose from; empty when there is nothing to ask.

    `answer` gives the sentence of a passage that answers best, `missing` what the question names and none of
    the passages does: then it is of another thing than all that could be chosen.
    """
    if len(found) < 2 or OVERALL.search(query.text):
        return ()
    best = found[0]
    rivals = [each for each in found[1:] if each.score >= NEAR_SHARE * best.score]
    said = {word for turn in query.history for word in words(turn.text)} | set(words(query.text))
    asked = set(words(query.text))
    home = _path(best.passage)
    slots = {
        each.passage.id: slot for each in rivals if (slot := _slot(home, _path(each.passage))) is not None
    }
    if not slots:
        return ()
    place = next(iter(slots.values()))[:2]  # all must differ from the best one in the same place
    family = [each for each in rivals if slots.get(each.passage.id, (None,))[:2] == place]
    own = _told(answer(best))
    if own is None:
        return ()
    start, from_end = place
    values = [home.words[start : len(home.words) - from_end]]
    labels = [_label(home, start, from_end)]
    chosen = [best.passage]
    for each in family:
        path = _path(each.passage)
        value = path.words[start : len(path.words) - from_end]
        told = _told(answer(each))
        if told is None or value in values:
            continue
        if not _parallel(own, told, {*values[0], *value}) or covered(asked, best) != covered(asked, each):
            continue
        values.append(value)
        labels.append(_label(path, start, from_end))
        chosen.append(each.passage)
    apart = set(values[0]).union(*values) - set(values[0]).intersection(*values)
    if len(values) < 2 or apart & said or len(set(labels)) < len(labels):
        return ()
    if any(_orders(label) or _SECTIONS.issuperset(words(label)) for label in labels):
        return ()
    offered = [each for turn in query.history for each in offered_in(turn)]
    if set(offered) & set(labels) or missing(chosen):
        return ()
    return tuple(labels[:_MOST_CHOICES])


def alike(passages: Sequence[Passage]) -> bool:
    """Whether two passages of different titles stand in parallel places, as all hotels' reviews do."""
    pairs = combinations({passage.id: passage for passage in passages}.values(), 2)
    return any(
        one.document.title != other.document.title and _slot(_path(one), _path(other)) is not None
        for one, other in pairs
    )


def narrowed(
    query: Query, found: Sequence[ScoredPassage], answer: Callable[[ScoredPassage], str | None]
) -> tuple[ScoredPassage, ...]:
    """The passages to answer from: without those parallel to one that the question names, itself not named.

    Whoever asks about the Pro plan, or picked it, is not told the Free plan's limit too. `answer` as above.
    """
    asked = set(words(query.text))
    paths = [_path(each.passage) for each in found]
    left = []
    for at, each in enumerate(found):
        told = None
        for to, path in enumerate(paths):
            if to == at or (slot := _slot(paths[at], path)) is None:
                continue
            start, from_end, theirs = slot
            mine = paths[at].words[start : len(paths[at].words) - from_end]
            named, unnamed = set(theirs) - set(mine), set(mine) - set(theirs)
            if not named or not named <= asked or not unnamed or unnamed & asked:
                continue
            told = told or _told(answer(each))
            rival = _told(answer(found[to]))
            if told and rival and _parallel(rival, told, {*mine, *theirs}):
                break
        else:
            left.append(each)
    return tuple(left)


def question_back(offered: Sequence[str]) -> str:
    """The question to the visitor, as Markdown."""
    listed = [f"{number}. {each}" for number, each in enumerate(offered, start=1)]
    return "\n".join([ASK, "", *listed, "", ASK_END])


def offered_in(turn: Turn) -> tuple[str, ...]:
    """The choices that a turn of ours asked back; none when it asked nothing back."""
    if turn.role != "assistant" or not turn.text.startswith(ASK):
        return ()
    return tuple(match[1].strip() for match in re.finditer(r"^\d\. (.+)$", turn.text, re.MULTILINE))


def picked(text: str, offered: Sequence[str]) -> str | None:
    """Which of the choices a visitor's answer names: a choice, an empty text for all of them, or None."""
    bare = " ".join(words(text))
    if _ALL_OF_THEM.fullmatch(text):
        return ""
    for each in offered:
        if text.strip(" .!?\"'").lower() == each.lower():
            return each
    numbered = re.fullmatch(r"\W*(?:the |number |option |no\.? )?(?:(\d)|(\w+))(?:\s+one)?\W*", text, re.I)
    if numbered is not None:
        said = numbered[1] or numbered[2].lower()
        at = int(said) if said.isdigit() else _ORDINALS.index(said) + 1 if said in _ORDINALS else 0
        if 0 < at <= len(offered):
            return offered[at - 1]
    stems = [set(words(each)) for each in offered]
    apart = [each - set().union(*(other for other in stems if other is not each)) for each in stems]
    naming = [each for each, own in zip(offered, apart, strict=True) if own and own & set(bare.split())]
    return naming[0] if len(naming) == 1 and len(text.split()) <= 6 else None


def _path(passage: Passage) -> _Path:
    parts = passage.above
    pairs = [(word, at) for at, part in enumerate(parts) for word in words(part)]
    return _Path(parts, tuple(word for word, _ in pairs), tuple(at for _, at in pairs))


def _slot(one: _Path, other: _Path) -> tuple[int, int, tuple[str, ...]] | None:
    """Where two paths differ, counted from the start and from the end, if only in one fit place."""
    a, b = one.words, other.words
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    most = min(len(a), len(b)) - start
    end = next((i for i in range(most) if a[len(a) - 1 - i] != b[len(b) - 1 - i]), most)
    mine, theirs = a[start : len(a) - end], b[start : len(b) - end]
    if not mine or not theirs or max(len(mine), len(theirs)) > _LONGEST_SLOT or start + end < 1:
        return None
    if len(one.parts) != len(other.parts) or len({one.owner[start + i] for i in range(len(mine))}) > 1:
        return None
    before = a[start - 1] if start else ""
    for value in (mine, theirs):
        numeric = all(word.isdigit() for word in value)
        if numeric and (before in _NUMBERED or not before):
            return None
    return start, end, theirs


def _label(path: _Path, start: int, from_end: int) -> str:
    """What is shown of a choice: the whole title or heading that differs, or its differing words."""
    part = path.parts[path.owner[start]]
    text = part
    if len(part.split()) > _LABEL_WORDS:
        wanted = set(path.words[start : len(path.words) - from_end])
        kept = [word for word in part.split() if set(words(word)) & wanted]
        text = " ".join(kept) or part
    return plain(text).strip(" :,;.-–")


def _orders(label: str) -> bool:
    """Whether a heading says what to do: "Add a printer" and "Remove a printer" are no choice of things."""
    first = label.split()[0].lower() if label else ""
    return first in VERBS or (first.endswith("ing") and len(first) > 5)


def _told(text: str | None) -> tuple[str, ...] | None:
    return tuple(words(text)) if text else None


def _parallel(one: tuple[str, ...], other: tuple[str, ...], slot: set[str]) -> bool:
    """Whether two sentences are built alike and yet differ in what they say."""
    a, b = ([word for word in each if word not in slot] for each in (one, other))
    if a == b:
        return False
    frame_a, frame_b = ({word for word in each if not word.isdigit()} for each in (a, b))
    shared = len(frame_a & frame_b)
    return shared >= 2 and shared >= ALIKE * max(len(frame_a), len(frame_b))


def covered(asked: Set[str], scored: ScoredPassage) -> frozenset[str]:
    """The question's words that a passage and its place hold, but for those that only ask."""
    passage = scored.passage
    held = words(" ".join((passage.document.title, *passage.heading_path, passage.text)))
    return frozenset(held) & (asked - ASKING)
