"""How often those who route are right, and which of two is, on the same labelled messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.evaluation.statistics import Interval, mcnemar, share_interval
from freehold.tasks.metrics import Scope, macro_f1, scope
from freehold.tasks.route import OUT_OF_SCOPE, PERSON

CONFUSED = 5
"""Confusions that are told, the commonest first."""

Said = Sequence[str | None]
"""The label that each message was given; None where it was given none, which is wrong whatever was wanted."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How one who routes did."""

    right: int
    messages: int
    interval: Interval
    """Of the share that is right: 95%, Wilson's."""
    macro_f1: float
    reserved: dict[str, Scope]
    """For those of OUT_OF_SCOPE and PERSON that were wanted anywhere."""
    unlabelled: int
    """Messages that were given no label."""
    confused: tuple[tuple[str, str, int], ...]
    """Wanted, given, and how often."""

    @property
    def accuracy(self) -> float:
        return self.right / self.messages

    def as_json(self) -> dict[str, Any]:
        """The figures as a model's lineage keeps them."""
        reserved = {
            name: {"recall": found.recall, "false_alarms": found.false_alarms}
            for name, found in self.reserved.items()
        }
        return {
            "accuracy": self.accuracy,
            "low": self.interval.low,
            "high": self.interval.high,
            "right": self.right,
            "messages": self.messages,
            "macro_f1": self.macro_f1,
            "unlabelled": self.unlabelled,
            "confused": [list(each) for each in self.confused],
            **reserved,
        }


def figures(said: Said, gold: Sequence[str]) -> Figures:
    """The figures of one who routes; at least one message."""
    right = _right(said, gold)
    wrong = Counter(
        (wanted, given) for given, wanted in zip(said, gold, strict=True) if given not in (None, wanted)
    )
    ordered = sorted(wrong.items(), key=lambda each: (-each[1], each[0]))
    return Figures(
        right=int(right.sum()),
        messages=len(gold),
        interval=share_interval(right.astype(np.float64)),
        macro_f1=macro_f1(said, gold),
        reserved={name: scope(said, gold, name) for name in (OUT_OF_SCOPE, PERSON) if name in gold},
        unlabelled=sum(given is None for given in said),
        confused=tuple((wanted, str(given), number) for (wanted, given), number in ordered[:CONFUSED]),
    )


@dataclass(frozen=True, slots=True)
class Pair:
    """Two who routed the same messages."""

    only_first: int
    """Messages that only the first was right for."""
    only_second: int
    p: float
    """How easily chance makes as much of a difference: McNemar, exact, two-sided."""


def pair(first: Said, second: Said, gold: Sequence[str]) -> Pair:
    """How they differ."""
    one, other = _right(first, gold), _right(second, gold)
    only_first, only_second = int((one & ~other).sum()), int((other & ~one).sum())
    return Pair(only_first, only_second, mcnemar(only_first, only_second))


def _right(said: Said, gold: Sequence[str]) -> NDArray[np.bool_]:
    return np.array([given == wanted for given, wanted in zip(said, gold, strict=True)], dtype=bool)
