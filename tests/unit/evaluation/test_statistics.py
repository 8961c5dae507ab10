"""Intervals and tests, against scipy.stats 1.17.1 (its figures stand here; it is not installed)."""

from __future__ import annotations

import numpy as np
import pytest

from freehold.evaluation.statistics import (
    MOST_RESAMPLED,
    mcnemar,
    mean_interval,
    quantile_interval,
    share_interval,
    sign_flips,
)


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [  # scipy.stats.binomtest(min, first + second).pvalue
        (3, 7, 0.34375),
        (0, 5, 0.0625),
        (10, 10, 1.0),
        (120, 160, 0.019606727290281328),
        (1, 0, 1.0),
        (900, 1000, 0.023108845108901193),
    ],
)
def test_mcnemar_is_the_exact_binomial_test(first: int, second: int, p: float) -> None:
    assert mcnemar(first, second) == pytest.approx(p, rel=1e-9)
    assert mcnemar(second, first) == mcnemar(first, second)


def test_mcnemar_where_nothing_or_very_much_changed() -> None:
    assert mcnemar(0, 0) == 1.0
    assert 0 <= mcnemar(2_000, 4_000) < 1e-100


def test_sign_flips_against_the_permutation_test() -> None:
    values = np.array([0.1, -0.2, 0.3, 0.05, 0.4, -0.1, 0.2, 0.15])
    assert sign_flips(values) == pytest.approx(0.1796875, abs=0.012)  # permutation_test, all 256 flips
    assert sign_flips(np.concatenate([values, np.zeros(50)])) == pytest.approx(0.1796875, abs=0.012)
    assert sign_flips(np.zeros(10)) == 1.0
    assert sign_flips(np.full(20, 0.1)) < 0.001


def test_the_bootstrap_of_a_mean() -> None:
    values = np.random.default_rng(5).beta(2, 5, 200)
    low, high = mean_interval(values)  # scipy.stats.bootstrap(…, method="percentile", n_resamples=20000)
    assert (low, high) == pytest.approx((0.28111882, 0.32474829), abs=0.0015)
    assert mean_interval(values) == (low, high)
    many = np.random.default_rng(5).beta(2, 5, MOST_RESAMPLED + 1)
    low, high = mean_interval(many)
    assert high - low == pytest.approx(2 * 1.96 * many.std() / len(many) ** 0.5, rel=1e-3)


def test_wilson_of_a_share() -> None:
    values = np.array([1.0] * 45 + [0.0] * 5)  # binomtest(45, 50).proportion_ci(method="wilson")
    assert share_interval(values) == pytest.approx((0.7863976856252034, 0.9565242350681095))
    assert share_interval(np.ones(3)) == pytest.approx((0.4385029682449546, 1.0))


def test_the_interval_of_a_median() -> None:
    random = np.random.default_rng(5)
    random.beta(2, 5, 200)
    low, high = quantile_interval(random.gamma(2, 100, 400), 0.5)  # bootstrap of the median
    assert (low, high) == pytest.approx((152.965, 187.349), abs=2.5)
    assert quantile_interval(np.array([7.0]), 0.95) == (7.0, 7.0)
