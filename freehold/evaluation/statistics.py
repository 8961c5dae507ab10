"""How sure a figure is: bootstrap intervals, and paired tests of two runs on the same questions.

Five short functions on numpy, checked against scipy.stats in their tests; scipy itself would add 143 MB to
an installation for them. All are seeded: the same figures give the same intervals.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
MOST_RESAMPLED = 50_000
"""Values from which on a mean's interval is the normal one: they agree, and resampling takes minutes."""
_AT_ONCE = 2_000_000
"""Numbers drawn at a time."""
_Z = 1.959963984540054

Figures = NDArray[np.float64]


class Interval(NamedTuple):
    """95% confidence."""

    low: float
    high: float


def mean_interval(values: Figures) -> Interval:
    """Of the mean: percentile bootstrap."""
    if len(values) > MOST_RESAMPLED:
        error = _Z * float(values.std(ddof=1)) / math.sqrt(len(values))
        return Interval(float(values.mean()) - error, float(values.mean()) + error)
    random = np.random.default_rng(0)
    means = [
        values[random.integers(0, len(values), (rows, len(values)))].mean(axis=1)
        for rows in _parts(RESAMPLES, len(values))
    ]
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return Interval(float(low), float(high))


def share_interval(values: Figures) -> Interval:
    """Of a share of zeros and ones: Wilson's, which is honest where few or all are the same."""
    n, share = len(values), float(values.mean())
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    spread = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return Interval(max(0.0, middle - spread), min(1.0, middle + spread))


def quantile_interval(values: Figures, share: float) -> Interval:
    """Of a quantile: from the order of the values, by the binomial distribution's normal approximation."""
    spread = _Z * math.sqrt(len(values) * share * (1 - share))
    ordered = np.sort(values)
    low, high = (round(len(values) * share + sign * spread) for sign in (-1, 1))
    return Interval(
        float(ordered[max(0, min(len(values) - 1, low - 1))]),
        float(ordered[max(0, min(len(values) - 1, high))]),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p of a share: so many questions were right in one run only."""
    n, few = only_first + only_second, min(only_first, only_second)
    if not n:
        return 1.0
    # in logarithms: 2**-n leaves floats at a thousand questions
    terms = [
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2)
        for k in range(few + 1)
    ]
    return min(1.0, 2 * math.fsum(map(math.exp, terms)))


def sign_flips(differences: Figures, flips: int = 10_000) -> float:
    """The two-sided p of a mean difference under random exchange of the two runs, question by question."""
    moved = differences[differences != 0]
    if not len(moved):
        return 1.0
    random = np.random.default_rng(0)
    seen = abs(float(moved.sum())) * (1 - 1e-9)
    reached = sum(
        int(
            (
                np.abs(random.integers(0, 2, (rows, len(moved)), dtype=np.int8) * 2.0 @ moved - moved.sum())
                >= seen
            ).sum()
        )
        for rows in _parts(flips, len(moved))
    )
    return (reached + 1) / (flips + 1)


def _parts(rows: int, width: int) -> list[int]:
    """So many rows in parts that fit in memory."""
    at_once = max(1, _AT_ONCE // width)
    return [min(at_once, rows - done) for done in range(0, rows, at_once)]
