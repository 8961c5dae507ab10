"""Attention by pieces is attention by an explicit mask, on the processor's way and on the GPU's."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
import tiny_llama
import torch

from freehold.training.attention import PIECES, attend, block_mask
from freehold.training.batch import packed
from freehold.training.sequence import Piece, Sequence, laid_out

PIECES_OF_ROW = (Piece(0, 4, 0), Piece(4, 7, 4), Piece(7, 12, 7), Piece(12, 17, 0), Piece(17, 23, 17))


def blocks() -> Sequence:
    """Policy, two passages, and a tail; only the tail's end is scored."""
    draw = np.random.default_rng(3).integers(0, tiny_llama.VOCABULARY, 24).tolist()
    parts = [draw[:5], draw[5:12], draw[12:15], draw[15:]]
    scored = [[False] * 5, [False] * 7, [False] * 3, [False] * 4 + [True] * 5]
    return laid_out(parts, scored, passages=range(1, 3))


def plain(length: int, seed: int) -> Sequence:
    draw = np.random.default_rng(seed).integers(0, tiny_llama.VOCABULARY, length).tolist()
    return laid_out([draw], [[True] * length], passages=range(0))


def explicit_mask(pieces: Iterable[Piece], tokens: int) -> torch.Tensor:
    """(tokens, tokens), true where the row's token sees the column's."""
    mask = torch.zeros(tokens, tokens, dtype=torch.bool)
    for piece in pieces:
        for row in range(piece.start, piece.end):
            mask[row, piece.past : row + 1] = True
    return mask


def test_the_explicit_mask_of_pieces() -> None:
    mask = explicit_mask((Piece(0, 1, 0), Piece(1, 3, 1), Piece(3, 5, 0)), 5)
    assert mask.int().tolist() == [
        [1, 0, 0, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 1, 1, 0, 0],
        [1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1],
    ]


@pytest.mark.parametrize("key_heads", [4, 2])
def test_pieces_attend_as_the_mask_says(key_heads: int) -> None:
    torch.manual_seed(0)
    query = torch.randn(1, 4, 23, 8, requires_grad=True)
    key, value = (torch.randn(1, key_heads, 23, 8, requires_grad=True) for _ in range(2))
    weights = torch.randn(1, 23, 4, 8)
    ours, _ = attend(torch.nn.Identity(), query, key, value, None, pieces=PIECES_OF_ROW)
    plain = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=explicit_mask(PIECES_OF_ROW, 23), enable_gqa=key_heads != 4
    ).transpose(1, 2)
    torch.testing.assert_close(ours, plain, atol=1e-6, rtol=1e-5)
    first = torch.autograd.grad((ours * weights).sum(), (query, key, value))
    second = torch.autograd.grad((plain * weights).sum(), (query, key, value))
    torch.testing.assert_close(first, second, atol=1e-5, rtol=1e-5)


def test_the_block_mask_of_a_gpu_is_the_same() -> None:
    mask = block_mask(PIECES_OF_ROW, 23, torch.device("cpu"))
    row, column = torch.meshgrid(torch.arange(23), torch.arange(23), indexing="ij")
    none = torch.zeros((), dtype=torch.int64)
    assert torch.equal(mask.mask_mod(none, none, row, column), explicit_mask(PIECES_OF_ROW, 23))


def test_a_model_with_blocks_is_the_model_with_an_explicit_mask() -> None:
    batch = packed([blocks(), plain(9, 1), blocks(), plain(4, 2)])
    count = batch.tokens.shape[1]
    bias = torch.where(explicit_mask(batch.pieces, count), 0.0, torch.finfo(torch.float32).min)[None, None]
    with torch.no_grad():
        ours = tiny_llama.model(attention=PIECES).model(
            input_ids=batch.tokens, position_ids=batch.positions, pieces=batch.pieces, use_cache=False
        )
        plainly = tiny_llama.model(attention="eager").model(
            input_ids=batch.tokens, position_ids=batch.positions, attention_mask=bias, use_cache=False
        )
    torch.testing.assert_close(ours.last_hidden_state, plainly.last_hidden_state, atol=1e-5, rtol=1e-5)


def test_packed_examples_are_what_they_are_alone() -> None:
    apart = [blocks(), plain(9, 1), plain(4, 2)]
    model = tiny_llama.model(attention=PIECES).model

    def states(batch: object) -> torch.Tensor:
        with torch.no_grad():
            return model(
                input_ids=batch.tokens, position_ids=batch.positions, pieces=batch.pieces, use_cache=False
            ).last_hidden_state[0]

    together = states(packed(apart))
    alone = torch.cat([states(packed([each])) for each in apart])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_a_passage_does_not_hear_its_neighbours() -> None:
    first = blocks()
    tokens = first.tokens.copy()
    tokens[5:12] = (tokens[5:12] + 1) % tiny_llama.VOCABULARY  # another first passage
    other = Sequence(tokens, first.positions, first.pieces, first.at, first.targets)
    model = tiny_llama.model(attention=PIECES).model
    with torch.no_grad():
        one, two = (
            model(
                input_ids=b.tokens, position_ids=b.positions, pieces=b.pieces, use_cache=False
            ).last_hidden_state[0]
            for b in (packed([first]), packed([other]))
        )
    assert torch.equal(one[:5], two[:5])
    assert torch.equal(one[12:15], two[12:15])
    assert (one[15:] - two[15:]).abs().max() > 1e-2
