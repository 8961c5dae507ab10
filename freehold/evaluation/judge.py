"""How likely a reader would say that an answer does what the person's reply did; and what share that makes.

Calibrated on pairs that were read (docs/benchmarks.md says which, by whom, and how often it errs). A single
verdict is a guess; over many tickets the guesses add up to a share, whose interval holds three doubts: other
tickets might have been drawn, the calibration saw few pairs, and these tickets may be unlike those it saw.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from freehold.evaluation.agreement import Agreement

Mode = Literal["hybrid", "words"]
Verdict = Literal["agrees", "partly", "contradicts", "differs", "not comparable"]

LIKELY, UNLIKELY = 0.5, 0.25
"""Chance from which an answer is said to agree, and under which to differ; between them partly."""
DRAWS = 1_000
Z_SHARE = 95
"""Per cent of draws that the interval holds."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judge:
    """A logistic weighing of what agreement.py measures."""

    weights: Array
    """The intercept, then one for each feature."""
    draws: Array
    """Weights fitted to redrawn pairs, shape (draws, 1 + features)."""
    shift: float
    """How far the intercept lay off, in log odds, on a kind of tickets that the fit had not seen."""
    pairs: int
    """Pairs that it was fitted to."""

    def chance(self, agreement: Agreement) -> float:
        """That a reader would call it settled; 0 when there is nothing to compare."""
        if not agreement.comparable:
            return 0.0
        return float(_odds(self.weights, np.array([agreement.features]))[0])

    def verdict(self, agreement: Agreement) -> Verdict:
        """In a word. A contradiction counts when nothing of the reply is covered beside it."""
        if not agreement.comparable:
            return "not comparable"
        covered = any(one.standing == "covered" for one in agreement.reply)
        if agreement.contradicted and not covered:
            return "contradicts"
        chance = self.chance(agreement)
        return "agrees" if chance >= LIKELY else "differs" if chance < UNLIKELY else "partly"


@dataclass(frozen=True, slots=True)
class Share:
    """A share of tickets with the interval that holds 95% of what it may be."""

    value: float
    low: float
    high: float


@lru_cache(maxsize=2)
def judge(mode: Mode) -> Judge:
    """The judge for answers compared by meaning, or by words alone."""
    read: dict[str, Any] = json.loads((files("freehold.evaluation") / "judge.json").read_text())
    part = read[mode]
    return Judge(np.array(part["weights"]), np.array(part["draws"]), float(part["shift"]), int(read["pairs"]))


def resolved(by: Judge, answered: Sequence[Sequence[float]], tickets: int, seed: int = 0) -> Share:
    """The share of `tickets` that would be settled, given the features of those that were answered and can
    be compared. All others count as not settled.
    """
    if not tickets:
        return Share(0.0, 0.0, 0.0)
    if not answered:
        return Share(0.0, 0.0, _none_seen(tickets))
    rows = np.array(answered, np.float64)
    value = float(_odds(by.weights, rows).sum()) / tickets
    random = np.random.default_rng(seed)
    drawn = np.empty(DRAWS)
    for at in range(DRAWS):
        count = random.binomial(tickets, len(rows) / tickets)
        weights = by.draws[random.integers(len(by.draws))].copy()
        weights[0] += random.normal(0.0, by.shift)
        chances = _odds(weights, rows[random.integers(len(rows), size=count)])
        spread = float(np.sqrt((chances * (1 - chances)).sum()))
        drawn[at] = (chances.sum() + random.normal(0.0, spread or 1e-9)) / tickets
    low, high = np.percentile(np.clip(drawn, 0.0, 1.0), [50 - Z_SHARE / 2, 50 + Z_SHARE / 2])
    return Share(value, min(float(low), value), max(float(high), value))


def _odds(weights: Array, rows: Array) -> Array:
    chances: Array = 1.0 / (1.0 + np.exp(-(weights[0] + rows @ weights[1:])))
    return chances


def _none_seen(tickets: int) -> float:
    """The upper bound of a share of which none was seen."""
    return float(min(1.0, 1 - 0.05 ** (1 / tickets)))
