"""Which type each tensor of a Llama gets in a quantisation of ours.

Norms and rope divisors stay F32: they are small and everything passes through them. Q4_K_M gives more bits
to what suffers most, as llama.cpp's own recipe does: the output matrix, and of every eighth of the layers at
either end and of each third layer between, the values and the way back down.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

QUANTISATIONS = ("F32", "F16", "BF16", "Q8_0", "Q4_K_M")
BLOCK, SMALL_BLOCK = 256, 32
"""Weights in a block of the K types and of Q8_0: what rows divide into neither stays F16."""
_LAYER = re.compile(r"blk\.(\d+)\.(\w+)\.weight")


def type_of(quantisation: str, name: str, shape: Sequence[int], *, layers: int, tied: bool) -> str:
    """The type of the tensor `name` (as GGUF calls it) of numpy's `shape`, such as Q6_K.

    `tied`: the embeddings are the output matrix, too.
    """
    if len(shape) == 1:
        return "F32"
    if quantisation not in ("Q8_0", "Q4_K_M"):
        return quantisation
    if shape[-1] % SMALL_BLOCK:
        return "F16"
    if quantisation == "Q8_0" or shape[-1] % BLOCK:
        return "Q8_0"
    if name == "output.weight" or (tied and name == "token_embd.weight"):
        return "Q6_K"
    found = _LAYER.fullmatch(name)
    if found and found[2] in ("attn_v", "ffn_down") and _suffers(int(found[1]), layers):
        return "Q6_K"
    return "Q4_K"


def _suffers(layer: int, layers: int) -> bool:
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2
