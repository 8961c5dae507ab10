"""Attention kept inside examples and passages, without ever building the square of a packed row.

On a processor each piece of a row is attended to on its own (`attend`); on a GPU a flex-attention block mask
says the same (`block_mask`). `explicit_mask` is the plain square that both have to equal; tests use it.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from typing import Any

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

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
    **unused: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of one packed row, piece by piece.

    Args:
        query: (1, heads, tokens, size); `key` and `value` may have fewer heads, each shared by a group.
        pieces: which tokens see which; they cover the row in order.

    Returns:
        (1, tokens, heads, size), as transformers wants it.
    """
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


def explicit_mask(pieces: Many[Piece], tokens: int) -> torch.Tensor:
    """(tokens, tokens), true where the row's token sees the column's."""
    mask = torch.zeros(tokens, tokens, dtype=torch.bool)
    for piece in pieces:
        for row in range(piece.start, piece.end):
            mask[row, piece.past : row + 1] = True
    return mask


def block_mask(pieces: Many[Piece], tokens: int, device: torch.device) -> Any:
    """The same as a flex-attention BlockMask; tokens behind the last piece (padding) see themselves only."""
    from torch.nn.attention.flex_attention import create_block_mask

    past = np.arange(tokens)
    for piece in pieces:
        past[piece.start : piece.end] = piece.past
    sees_from = torch.from_numpy(past).to(device)

    def seen(batch: Any, head: Any, row: Any, column: Any) -> Any:
        return (column <= row) & (column >= sees_from[row])

    return create_block_mask(seen, None, None, tokens, tokens, device=str(device))


AttentionInterface.register(PIECES, attend)
