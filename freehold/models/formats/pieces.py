"""What a tokenizer's own files give before anything is known of the model around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
"""Types of tokens; SentencePiece's numbers, which GGUF took over."""

Prefix = Literal["always", "first", "never"]
"""Whether a space is put before a text: before each part between control tokens, the first only, or none."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """A tokenizer's tokens and its rules for cutting text into them."""

    algorithm: Literal["llama", "gpt2"]
    """As GGUF calls them: SentencePiece, byte-level BPE."""
    split: str
    """llama.cpp's name for how text is split beforehand."""
    texts: dict[int, str]
    types: dict[int, int]
    """Of the tokens that are not `NORMAL`."""
    scores: dict[int, float]
    """SentencePiece: of two possible merges the one whose result has the higher score is made first."""
    merges: tuple[str, ...]
    """Byte-level BPE: pairs in the order in which they are merged, a space between."""
    prefix: Prefix
    add_bos: bool | None
    """None where the tokenizer's own files do not say."""
