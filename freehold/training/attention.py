"""Attention kept inside examples and passages, without ever building the square of a packed row.

On a processor each piece of a row is attended to on its own (`attend`); on a GPU a flex-attention block mask
says the same (`block_mask`). A test holds both against the plain square.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from typing import Any

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from freehold.errors import InvalidInput
from freehold.training.sequence import Piece

PIECES = "freehold_pieces"
"""The name under which transformers' models find `attend`."""


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    pieces: Many[Piece],
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **unused: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of one packed row, piece by piece.

    Args:
        query: (1, heads, tokens, size); `key` and `value` may have fewer heads, each shared by a group.
        pieces: which tokens see which; they cover the row in order.
        sliding_window, softcap, s_aux: what some families, no Llama, do otherwise; it is not done here.

    Returns:
        (1, tokens, heads, size), as transformers wants it.

    Raises:
        InvalidInput: the model would cap its scores, look at sinks, or at fewer tokens than a piece has.
    """
    longest = max((piece.end - piece.past for piece in pieces), default=0)
    if softcap is not None or s_aux is not None or (sliding_window is not None and sliding_window < longest):
        raise InvalidInput(
            f"A {type(module).__name__} attends in a way that is not computed here.",
            hint="Take one whose tokens see all those before them, as a Llama does.",
        )
    shared = query.shape[1] != key.shape[1]
    out = []
    for piece in pieces:
        alone = piece.past == piece.start
        out.append(
            scaled_dot_product_attention(
                query[:, :, piece.start : piece.end],
                key[:, :, piece.past : piece.end],
                value[:, :, piece.past : piece.end],
                attn_mask=None if alone else _tail_mask(piece, query.device),
                dropout_p=dropout,
                is_causal=alone,
                scale=scaling,
                enable_gqa=shared,
            )
        )
    whole = out[0] if len(out) == 1 else torch.cat(out, dim=2)
    return whole.transpose(1, 2), None


def _tail_mask(piece: Piece, device: torch.device) -> torch.Tensor:
    """(queries, keys), true where seen: everything before the piece, and the piece causally."""
    rows = torch.arange(piece.start, piece.end, device=device)[:, None]
    return torch.arange(piece.past, piece.end, device=device)[None, :] <= rows


def block_mask(pieces: Many[Piece], tokens: int, device: torch.device) -> Any:
    """What `attend` does, as a flex-attention BlockMask.

    Tokens behind the last piece (padding) see themselves only.
    """
    from torch.nn.attention.flex_attention import create_block_mask

    past = np.arange(tokens)
    for piece in pieces:
        past[piece.start : piece.end] = piece.past
    sees_from = torch.from_numpy(past).to(device)

    def seen(batch: Any, head: Any, row: Any, column: Any) -> Any:
        return (column <= row) & (column >= sees_from[row])

    return create_block_mask(seen, None, None, tokens, tokens, device=str(device))


AttentionInterface.register(PIECES, attend)
