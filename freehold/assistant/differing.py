"""Where documents of different things answer a question differently: the others' answers, to stand beside.

"What is the minimum deposit?" has as many answers as there are accounts, and that of the account found first
is wrong for all who have another. Where the places are parallel the visitor is asked which one is meant
(branches.py); elsewhere what each document says is told under its title. Two of them differ where the lines
that hold most of the question state numbers of other values, and are of different things unless a word of
the conversation that names one stands in a title. Knows neither names without titles nor denials, and only
the passages found: there may be further answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass

from freehold.assistant.branches import ASKING, NEAR_SHARE, OVERALL, covered
from freehold.assistant.evidence import Rarities
from freehold.assistant.extract import Extract, Span
from freehold.assistant.statement import read
from freehold.knowledge.words import words
from freehold.types import Query, ScoredPassage

MOST_APART = 3
"""Documents told apart at most, the one that answers best included."""
NAMING = 1.5
"""Rarity from which a word may name a thing: about a quarter of the passages hold one of less ("account")."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """What is quoted in answer."""

    spans: tuple[Span, ...]
    """Best first; at least one."""
    others: tuple[Span, ...] = ()
    """What `differing` gave."""
    steps: bool = False
    """Whether they are the steps of one section."""

    def in_order(self) -> tuple[Span, ...]:
        """The spans document by document; beside what others say only those of the best one's document."""
        titles = [span.passage.passage.document.title for span in self.spans]
        if self.others:
            own = (span for span, title in zip(self.spans, titles, strict=True) if title == titles[0])
            return (*own, *self.others)
        by_title = sorted(range(len(titles)), key=lambda at: titles.index(titles[at]))
        return tuple(self.spans[at] for at in by_title)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a document says in answer."""

    title: frozenset[str]
    values: frozenset[str]
    """The numbers of the lines that hold most of the question."""
    aspect: frozenset[str]
    """The words of these lines and of the headings above them."""


def differing(
    query: Query,
    extract: Extract,
    refuse_below: float,
    alone: Callable[[ScoredPassage], Extract],
    rarities: Rarities | None = None,
) -> tuple[Span, ...]:
    """What other documents answer that differs from the first span, best first; at most MOST_APART - 1.

    `alone` gives what one passage by itself answers. Without `rarities` every word may name a thing.
    """
    if not extract.spans or extract.steps or OVERALL.search(query.text):
        return ()
    asked = frozenset(words(query.text))
    said = asked.union(*(words(turn.text) for turn in query.history if turn.role == "user"))
    known = {} if rarities is None else rarities(said)
    naming = {word for word in said - ASKING if known.get(word, NAMING) >= NAMING}
    first = extract.spans[0]
    told = [_told(asked, first)]
    if not told[0].values:
        return ()
    others: list[Span] = []
    for rival in _rivals(first.passage, extract.about, asked):
        if len(told) == MOST_APART:
            break
        its = alone(rival)
        if not its.answers(refuse_below):
            continue
        one = _told(asked, its.spans[0])
        if all(_apart(one, other, naming) for other in told):
            told.append(one)
            others.append(its.spans[0])
    return tuple(others)


def _rivals(best: ScoredPassage, found: Sequence[ScoredPassage], asked: Set[str]) -> Iterator[ScoredPassage]:
    """Passages as near to the question, of documents with another title."""
    title, held = best.passage.document.title, covered(asked, best)
    for each in found:
        near = each.score >= NEAR_SHARE * best.score
        if near and each.passage.document.title != title and covered(asked, each) == held:
            yield each


def _apart(one: _Told, other: _Told, naming: Set[str]) -> bool:
    """Whether they are about different things, neither of them named, and say different things."""
    if one.title <= other.title or other.title <= one.title:
        return False
    if (one.title | other.title) & (naming - (one.aspect & other.aspect)):
        return False
    return bool(one.values) and not one.values <= other.values and not other.values <= one.values


def _told(asked: frozenset[str], span: Span) -> _Told:
    passage = span.passage.passage
    lines = [line for line in span.text.splitlines() if line.strip()]
    shares = [len(asked.intersection(words(line))) for line in lines]
    near = [line for line, share in zip(lines, shares, strict=True) if share == max(shares)]
    return _Told(
        title=frozenset(words(passage.document.title)),
        values=frozenset().union(*(read(line).numbers for line in near)),
        aspect=frozenset(words("\n".join([*near, *passage.above[1:]]))),
    )
