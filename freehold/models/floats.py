"""The three float types of open weights as numpy arrays, bfloat16 among them, which numpy does not know.

An array of the kind F32 has the dtype float32, of F16 float16, of BF16 uint16: the upper half of the bits of
a float32.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["F32", "F16", "BF16"]
Floats = NDArray[Any]

KINDS: tuple[Kind, ...] = ("F32", "F16", "BF16")
STORED: dict[Kind, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
}


def to_float32(values: Floats, kind: Kind) -> NDArray[np.float32]:
    """The same numbers in float32; a float32 array is given back as it is."""
    if kind == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32, copy=False)


def from_float32(values: NDArray[np.float32], kind: Kind) -> Floats:
    """The nearest numbers of that kind, ties to even; what F16 cannot hold becomes infinite."""
    if kind == "F32":
        return values
    if kind == "F16":
        with np.errstate(over="ignore"):
            return values.astype(np.float16)
    bits = values.view(np.uint32)
    # Half of the lowest bit that stays, less one where that bit is 0: so ties go to the even neighbour.
    rounded = ((bits + (np.uint32(0x7FFF) + ((bits >> 16) & 1))) >> 16).astype(np.uint16)
    return np.where(np.isnan(values), ((bits >> 16) | 64).astype(np.uint16), rounded)


def convert(values: Floats, source: Kind, target: Kind) -> Floats:
    """From one kind to another; the bits are untouched where both are the same."""
    return values if source == target else from_float32(to_float32(values, source), target)
