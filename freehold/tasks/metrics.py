"""What an answer to a task is worth: one figure for many examples, or the figures of one.

Words are compared as SQuAD's evaluation does it. Knows nothing of files, models or how sure a figure is.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from freehold.tasks import answer, route

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = frozenset(string.punctuation)


def words(text: str) -> list[str]:
    """SQuAD's normal form: lower case, no punctuation, no articles."""
    bare = "".join(character for character in text.lower() if character not in _PUNCTUATION)
    return _ARTICLES.sub(" ", bare).split()


def f1(text: str, gold: str) -> float:
    """SQuAD's F1 of the words of both."""
    said, wanted = words(text), words(gold)
    if not said or not wanted:
        return float(said == wanted)
    common = sum((Counter(said) & Counter(wanted)).values())
    if not common:
        return 0.0
    precision, recall = common / len(said), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


def holds(text: str, gold: str) -> bool:
    """Whether the words of `gold` stand in `text`, one after the other."""
    said, wanted = words(text), words(gold)
    if not wanted:
        return gold.strip() in text
    return f" {' '.join(wanted)} " in f" {' '.join(said)} "


def accuracy(said: Sequence[str | None], gold: Sequence[str]) -> float:
    """The share of labels that are right; None is wrong whatever was wanted."""
    _same_length(said, gold)
    return sum(given == wanted for given, wanted in zip(said, gold, strict=True)) / len(gold)


def macro_f1(said: Sequence[str | None], gold: Sequence[str]) -> float:
    """The mean over the labels that `gold` has of each label's F1, so that rare ones count as much."""
    _same_length(said, gold)
    right = Counter(wanted for given, wanted in zip(said, gold, strict=True) if given == wanted)
    told, asked = Counter(said), Counter(gold)
    return sum(2 * right[label] / (told[label] + asked[label]) for label in asked) / len(asked)


@dataclass(frozen=True, slots=True)
class Scope:
    """How well messages that nothing here is about are told from the others."""

    recall: float | None
    """Of those out of scope, the share that was said to be; None where there was none."""
    false_alarms: float | None
    """Of those in scope, the share that was said to be out of it; None where there was none."""


def scope(said: Sequence[str | None], gold: Sequence[str], label: str = route.OUT_OF_SCOPE) -> Scope:
    """Recall and false alarms of one reserved label: out of scope, or `route.PERSON`."""
    _same_length(said, gold)
    inside = [given == label for given, wanted in zip(said, gold, strict=True) if wanted != label]
    outside = [given == label for given, wanted in zip(said, gold, strict=True) if wanted == label]
    return Scope(
        sum(outside) / len(outside) if outside else None, sum(inside) / len(inside) if inside else None
    )


@dataclass(frozen=True, slots=True)
class Answered:
    """What one written answer is worth. It says nothing of whether the passages support it."""

    right: bool
    """A gold answer stands in it, or it refuses where it should."""
    refused: bool
    f1: float | None
    """Words shared with the nearest gold answer; None where it should have refused."""
    cited: float | None
    """Of the numbers cited, the share that are gold passages; None where none is cited or wanted."""


def answered(text: str, answers: Sequence[str], gold: Collection[int], passages: int) -> Answered:
    """The worth of `text`, written from `passages` numbered passages of which `gold` hold the answer.

    No gold passage means that it should refuse.
    """
    refused = answer.refuses(text)
    if not gold:
        return Answered(refused, refused, None, None)
    bare, numbers = answer.cited(text)
    cited = sum(each in gold for each in numbers if each <= passages) / len(numbers) if numbers else None
    found = not refused and any(holds(bare, each) for each in answers)
    return Answered(found, refused, max((f1(bare, each) for each in answers), default=0.0), cited)


def _same_length(said: Sequence[object], gold: Sequence[object]) -> None:
    assert len(said) == len(gold) > 0, "one answer for each example, and at least one"
