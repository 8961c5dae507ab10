"""What tuning changed is kept small, and made again nearly to the letter."""

import numpy as np
import pytest

from freehold.models.retuning import LENGTH, STEPS, change, retuned


def matrix(seed, *shape, spread=1.0):
    return np.random.default_rng(seed).normal(0, spread, shape).astype(np.float32)


def test_a_matrix_comes_back_with_a_small_share_of_its_change_lost():
    base = {"m": matrix(0, 64, 128)}
    tuned = {"m": base["m"] + matrix(1, 64, 128, spread=0.01)}
    kept = change(base, tuned)
    assert kept["m" + STEPS].nbytes == 64 * 128 // 2
    lost = retuned(base, kept)["m"] - tuned["m"]
    assert (lost**2).sum() < 0.02 * ((tuned["m"] - base["m"]) ** 2).sum()


def test_every_step_survives_packing():
    steps = np.tile(np.arange(-8, 8, dtype=np.float32), (2, 1))
    base = {"m": np.zeros((2, 16), np.float32)}
    kept = change(base, {"m": steps})
    kept["m" + LENGTH] = np.ones(2, np.float16)
    packed = (np.arange(0, 16, 2) << 4 | np.arange(1, 16, 2)).astype(np.uint8)
    kept["m" + STEPS] = np.tile(packed, (2, 1))
    assert np.array_equal(retuned(base, kept)["m"], steps)


def test_vectors_and_new_weights_are_kept_whole_and_equal_ones_not_at_all():
    base = {"same": matrix(0, 4, 4), "bias": matrix(1, 4)}
    tuned = {"same": base["same"], "bias": matrix(2, 4), "head": matrix(3, 2, 4)}
    kept = change(base, tuned)
    assert kept.keys() == {"bias", "head"}
    made = retuned(base, kept)
    assert all(np.array_equal(made[name], tuned[name]) for name in tuned)


@pytest.mark.parametrize(
    ("base", "kept"),
    [
        ({}, {"m" + STEPS: np.zeros((2, 2), np.uint8), "m" + LENGTH: np.zeros(2, np.float16)}),
        ({"m": matrix(0, 2, 4)}, {"m" + STEPS: np.zeros((2, 1), np.uint8), "m" + LENGTH: np.zeros(2)}),
        ({"m": matrix(0, 2, 4)}, {"m" + STEPS: np.zeros((2, 2), np.uint8)}),
        ({"m": matrix(0, 2, 4)}, {"m": matrix(0, 4, 2)}),
    ],
    ids=["no base", "another shape", "no lengths", "whole, another shape"],
)
def test_a_change_that_does_not_fit_is_refused(base, kept):
    with pytest.raises(ValueError, match="does not fit"):
        retuned(base, kept)


def test_a_matrix_that_cannot_be_packed_is_refused():
    with pytest.raises(ValueError, match="odd"):
        change({"m": matrix(0, 2, 3)}, {"m": matrix(1, 2, 3)})
    with pytest.raises(ValueError, match="shape"):
        change({"m": matrix(0, 2, 4)}, {"m": matrix(1, 4, 2)})
