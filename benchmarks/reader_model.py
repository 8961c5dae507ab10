"""The reader in torch, for tuning; `freehold/assistant/reader.py` is the same in numpy, for serving.

It starts from the embedding model's token vectors, which stay as they are. Each token is told what of the
other side is nearest to it, as in decomposable attention (Parikh et al., 2016); a few small layers of
convolution and attention (as in QANet, Yu et al., 2018) over all tokens follow. Knows nothing of examples.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

VECTOR = 384
WIDTH, HEADS, INNER, LAYERS, REACH = 160, 4, 480, 3, 7
"""Units of a token, attention heads, units within, layers, tokens that a convolution spans."""
SCALARS = 5
"""Beside a token's vectors: its best cosine to the other side, the mean of its best two, the cosine of its
aligned vector, its word's rarity (of the question's tokens), the cosine to the question word."""
KINDS = 3
"""Question (or statement), headings, passage."""


class _Product(torch.autograd.Function):
    """x @ weight.T by numpy: its OpenBLAS multiplies three times as fast as torch's MKL on AMD processors."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return torch.from_numpy(x.detach().numpy() @ weight.detach().numpy().T)

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = (saved.detach().numpy() for saved in ctx.saved_tensors)
        grown = above.contiguous().numpy()
        return torch.from_numpy(grown @ weight), torch.from_numpy(grown.T @ x)


class Linear(nn.Linear):
    """A linear layer over (batch, length, in)."""

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1]).contiguous()
        return _Product.apply(rows, self.weight).view(*x.shape[:-1], -1) + self.bias


def gelu(x: Tensor) -> Tensor:
    """As numpy can compute it."""
    return functional.gelu(x, approximate="tanh")


class Layer(nn.Module):
    """Convolution, attention, and a wider step, each added to what came in; pre-norm."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.norm_near, self.norm_far, self.norm_own = (nn.LayerNorm(WIDTH) for _ in range(3))
        self.near = nn.Conv1d(WIDTH, WIDTH, REACH, padding=REACH // 2, groups=WIDTH)
        self.mix = Linear(WIDTH, WIDTH)
        self.qkv = Linear(WIDTH, 3 * WIDTH)
        self.out = Linear(WIDTH, WIDTH)
        self.wide = Linear(WIDTH, INNER)
        self.narrow = Linear(INNER, WIDTH)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, there: Tensor, n: int) -> Tensor:
        """x: (batch, length, WIDTH), 0 where nothing is `there` (bool, (batch, length)); the text's n tokens
        stand first, and the convolution does not reach from them to the passage's."""
        batch, length, _ = x.shape
        seen = (self.norm_near(x) * there[..., None]).transpose(1, 2)
        near = torch.cat([self.near(seen[..., :n]), self.near(seen[..., n:])], dim=2).transpose(1, 2)
        x = x + self.drop(self.mix(gelu(near)))
        q, k, v = (
            self.qkv(self.norm_far(x)).view(batch, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        )
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=there[:, None, None, :])
        x = x + self.drop(self.out(mixed.transpose(1, 2).reshape(batch, length, WIDTH)))
        x = x + self.drop(self.narrow(gelu(self.wide(self.norm_own(x)))))
        return x * there[..., None]


class ReaderModel(nn.Module):
    """From token vectors of both sides to whether the passage settles the text, and where."""

    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        self.sharp = nn.Parameter(torch.tensor(math.log(12.0)))
        self.seen = Linear(VECTOR, WIDTH)
        self.joined = Linear(4 * WIDTH + SCALARS, WIDTH)
        self.kind = nn.Parameter(torch.zeros(KINDS, WIDTH))
        self.layers = nn.ModuleList(Layer(dropout) for _ in range(LAYERS))
        self.last = nn.LayerNorm(WIDTH)
        self.ends = nn.Linear(WIDTH, 2)
        self.judge = nn.Linear(4 * WIDTH, WIDTH)
        self.settles = nn.Linear(WIDTH, 1)
        self.drop = nn.Dropout(dropout)

    def forward(
        self, text: Tensor, weights: Tensor, wh: Tensor, passage: Tensor, above: Tensor
    ) -> tuple[Tensor, Tensor]:
        """text: (batch, n, VECTOR) unit vectors, 0 where padded; weights: (batch, n), each token's rarity
        over the largest; wh: (batch, n), 1 at the question word; passage: (batch, m, VECTOR), headings first;
        above: (batch, m), 1 for headings. Gives the log odds of settling, (batch,), and how well an answer
        starts and ends at each of the m tokens, (batch, m, 2)."""
        there_text, there_passage = text.abs().sum(2) > 0, passage.abs().sum(2) > 0
        near = text @ passage.transpose(1, 2)
        sharp = self.sharp.exp()
        apart = ~(there_text[:, :, None] & there_passage[:, None, :])
        hidden = near.masked_fill(apart, -1e4)
        for_text = (hidden * sharp).softmax(2) @ passage
        for_passage = (hidden * sharp).transpose(1, 2).softmax(2) @ text
        to_wh = (near * wh[:, :, None]).sum(1)
        scalars_text = self.scalars(text, for_text, hidden, weights, torch.zeros_like(weights))
        scalars_passage = self.scalars(
            passage, for_passage, hidden.transpose(1, 2), torch.zeros_like(above), to_wh
        )
        x = torch.cat(
            [
                self.token(text, for_text, scalars_text) + self.kind[0],
                self.token(passage, for_passage, scalars_passage)
                + torch.where(above[..., None] > 0, self.kind[1], self.kind[2]),
            ],
            dim=1,
        )
        there = torch.cat([there_text, there_passage], dim=1)
        x = x * there[..., None]
        n = text.shape[1]
        for layer in self.layers:
            x = layer(x, there, n)
        x = self.last(x)
        both = []
        for part, known in ((x[:, :n], there_text), (x[:, n:], there_passage)):
            both.append((part * known[..., None]).sum(1) / known.sum(1, keepdim=True).clamp(min=1))
            both.append(part.masked_fill(~known[..., None], -1e4).amax(1))
        judged = gelu(self.judge(self.drop(torch.cat(both, dim=1))))
        return self.settles(judged).squeeze(1), self.ends(x[:, n:])

    def token(self, own: Tensor, other: Tensor, scalars: Tensor) -> Tensor:
        a, b = self.seen(own), self.seen(other)
        return gelu(self.joined(torch.cat([a, b, a * b, (a - b).abs(), scalars], dim=2)))

    def scalars(self, own: Tensor, other: Tensor, near: Tensor, weights: Tensor, to_wh: Tensor) -> Tensor:
        best = near.topk(min(2, near.shape[2]), dim=2).values.clamp(min=-1)
        agree = (own * other).sum(2)
        return torch.stack([best[..., 0], best.mean(2), agree, weights, to_wh], dim=2)
