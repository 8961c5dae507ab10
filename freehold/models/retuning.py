"""What tuning changed in a model's weights, kept in four bits a weight.

A matrix's change is kept as whole steps from -8 to 7, one step length a row; vectors, and what the base does
not have, are kept whole. Changes are small beside the weights, so what the rounding loses is a fraction of
what int8 loses afterwards. Knows nothing of what the weights are for.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Weights = Mapping[str, NDArray[np.float32]]
Kept = dict[str, NDArray[np.generic]]

STEPS, LENGTH = ".steps", ".length"
"""Endings of a matrix's two tensors: two steps a byte, (rows, columns / 2), and their length, (rows,)."""

_SPREADS = (0.25, 0.3, 0.335, 0.4, 0.5)
"""Step lengths tried, as shares of a row's standard deviation; 0.335 is best for a normal one (Max, 1960)."""


def change(base: Weights, tuned: Weights) -> Kept:
    """What makes `tuned` of `base`; weights that are equal in both are left out.

    Raises:
        ValueError: a matrix has an odd number of columns, or another shape than in `base`.
    """
    kept: Kept = {}
    for name, value in tuned.items():
        before = base.get(name)
        if before is not None and before.shape != value.shape:
            raise ValueError(f"{name} has shape {value.shape}, in the base {before.shape}.")
        if before is not None and np.array_equal(before, value):
            continue
        if before is None or value.ndim != 2:
            kept[name] = value.astype(np.float32)
            continue
        if value.shape[1] % 2:
            raise ValueError(f"{name} has an odd number of columns.")
        steps, length = _rounded(value - before)
        kept[name + STEPS] = ((steps[:, ::2] + 8) << 4 | (steps[:, 1::2] + 8)).astype(np.uint8)
        kept[name + LENGTH] = length
    return kept


def retuned(base: Weights, kept: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.float32]]:
    """`base` with the change made.

    Raises:
        ValueError: the change does not fit the base.
    """
    made = dict(base)
    for name, value in kept.items():
        if name.endswith(STEPS):
            matrix, packed = name.removesuffix(STEPS), value.astype(np.int16)
            steps = np.stack([packed >> 4, packed & 15], axis=2).reshape(len(packed), -1) - 8
            if matrix not in base or base[matrix].shape != steps.shape or matrix + LENGTH not in kept:
                raise ValueError(f"The change of {matrix} does not fit.")
            length = kept[matrix + LENGTH].astype(np.float32)
            made[matrix] = (base[matrix] + steps * length[:, None]).astype(np.float32)
        elif not name.endswith(LENGTH):
            if name in base and base[name].shape != value.shape:
                raise ValueError(f"The change of {name} does not fit.")
            made[name] = value.astype(np.float32)
    return made


def _rounded(change: NDArray[np.float32]) -> tuple[NDArray[np.int16], NDArray[np.float16]]:
    """The steps nearest to a matrix, with for each row the length that loses least."""
    spread = change.std(axis=1, keepdims=True) + 1e-12
    best = np.full(len(change), np.inf)
    steps, length = np.zeros(change.shape, np.int16), np.zeros(len(change), np.float16)
    for share in _SPREADS:
        tried = (share * spread).astype(np.float16)
        rounded = np.clip(np.round(change / np.maximum(tried, 1e-7)), -8, 7)
        lost = ((rounded * tried - change) ** 2).sum(axis=1)
        better = lost < best
        best[better], length[better] = lost[better], tried[better, 0]
        steps[better] = rounded[better].astype(np.int16)
    return steps, length
