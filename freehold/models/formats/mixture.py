"""Which type each tensor of a Llama gets in a quantisation of ours.

After llama.cpp's own choice for the same file type, so that sizes and quality are those that others report.
Norms and rope divisors stay F32: they are small, and everything passes through them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from freehold.models.formats.gguf_types import TENSOR_TYPES

QUANTISATIONS = ("F32", "F16", "BF16", "Q8_0", "Q4_K_M")
FALLBACKS = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0", "Q5_0": "F16", "Q5_1": "F16", "Q8_0": "F16"}
"""What rows get that do not divide into a type's blocks."""
_BLOCKS = {name: block for name, block, _ in TENSOR_TYPES.values()}
_LAYER = re.compile(r"blk\.(\d+)\.(\w+)\.weight")


def type_of(
    quantisation: str, name: str, shape: Sequence[int], *, layers: int, tied: bool, shared: bool
) -> str:
    """The type of the tensor `name` (as GGUF calls it) of numpy's `shape`, such as Q6_K.

    `quantisation` is one of ours, or the type that all matrices get. `tied`: the embeddings are the output
    matrix, too. `shared`: several heads have their keys and values in common.
    """
    if len(shape) == 1:
        return "F32"
    kind = _q4_k_m(name, layers, tied, shared) if quantisation == "Q4_K_M" else quantisation
    while kind in FALLBACKS and shape[-1] % _BLOCKS[kind]:
        kind = FALLBACKS[kind]
    return kind


def _q4_k_m(name: str, layers: int, tied: bool, shared: bool) -> str:
    """More bits for what the output depends on most: its own matrix, values and `ffn_down` of some layers."""
    if name == "output.weight" or (tied and name == "token_embd.weight"):
        return "Q6_K"
    match = _LAYER.fullmatch(name)
    if match and match[2] in ("attn_v", "ffn_down"):
        layer, eighth = int(match[1]), layers // 8
        if layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2:
            return "Q6_K"
        if match[2] == "attn_v" and layers == 80 and shared:
            return "Q5_K"  # the 70 B models, whose values are few and shared by many heads
    return "Q4_K"
