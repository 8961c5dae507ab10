"""The one function of ggml that making models needs: quantising rows of numbers.

ggml ends the process where it finds a fault in what it is given; what is handed to it is checked first, and a
build whose block sizes are not the known ones is refused.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.models.formats import wheel
from freehold.models.formats.gguf_types import TENSOR_TYPES
from freehold.models.formats.gguf_writer import TYPE_IDS, size_of

FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "ggml_blck_size": (ctypes.c_int64, [ctypes.c_int]),
    "ggml_type_size": (ctypes.c_size_t, [ctypes.c_int]),
    "ggml_quantize_chunk": (
        ctypes.c_size_t,
        [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * 3, ctypes.c_void_p],
    ),
}
QUANTISED = ("Q8_0", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K")
"""The types that rows are quantised to here."""


def quantise(rows: NDArray[np.float32], type_: str) -> NDArray[np.uint8]:
    """Rows of finite numbers, (rows, columns), as blocks of a type of `QUANTISED`: (rows, bytes).

    The interpreter's lock is released meanwhile, so several threads are worth it.

    Raises:
        Unavailable: the wheel is missing or not the known one.
    """
    count, columns = rows.shape
    size = size_of(type_, (columns,))
    assert type_ in QUANTISED and columns % TENSOR_TYPES[TYPE_IDS[type_]][1] == 0 and rows.dtype == np.float32
    rows = np.ascontiguousarray(rows)
    blocks = np.empty((count, size), np.uint8)
    made = _library().ggml_quantize_chunk(
        TYPE_IDS[type_], rows.ctypes.data, blocks.ctypes.data, 0, count, columns, None
    )
    assert made == blocks.nbytes, f"{made} bytes, not {blocks.nbytes}"
    return blocks


@functools.cache
def _library() -> ctypes.CDLL:
    library = wheel.library(FUNCTIONS)
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    for type_ in QUANTISED:
        _, block, block_bytes = TENSOR_TYPES[id := TYPE_IDS[type_]]
        if (library.ggml_blck_size(id), library.ggml_type_size(id)) != (block, block_bytes):
            raise wheel.unknown(f"its blocks of {type_} are not the known ones")
    return library
