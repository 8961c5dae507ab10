"""The three float types of open weights as numpy arrays, bfloat16 among them, which numpy does not know.

An array of the kind F32 has the dtype float32, of F16 float16, of BF16 uint16: the upper half of the bits of
a float32.
"""

from __future__ import annotations

import os
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from freehold.errors import ModelRejected

Kind = Literal["F32", "F16", "BF16"]
Floats = NDArray[Any]

KINDS: tuple[Kind, ...] = ("F32", "F16", "BF16")
STORED: dict[Kind, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
}


def read(descriptor: int, at: int, shape: tuple[int, ...], kind: Kind) -> Floats:
    """Numbers of an open file from the byte `at` on.

    Raises:
        EOFError: the file ends before them.
    """
    values = np.empty(shape, STORED[kind])
    view = memoryview(values.data).cast("B") if values.size else memoryview(b"")
    while view:
        got = os.preadv(descriptor, [view[: 2**30]], at)
        if not got:
            raise EOFError
        view, at = view[got:], at + got
    return values


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


def convert(values: Floats, source: Kind, target: Kind, tensor: str) -> Floats:
    """A tensor's numbers, or those of some of its rows, in another kind; the bits stay where both are one.

    Raises:
        ModelRejected: some are no finite numbers, or would be none in that kind.
    """
    numbers = to_float32(values, source)
    if not np.isfinite(numbers).all():
        raise ModelRejected(
            f"The tensor {tensor} holds values that are no numbers.",
            hint="Training went wrong, or the file is damaged: take an earlier or a fresh copy.",
        )
    if source == target:
        return values
    result = from_float32(numbers, target)
    if target == "F16" and np.isinf(result).any():
        raise ModelRejected(
            f"The tensor {tensor} holds values too large for float16.",
            hint="Keep it in the precision bf16 or f32.",
        )
    return result
