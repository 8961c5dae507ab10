"""Sequences packed into one row of tensors."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from freehold.training.sequence import Piece, Sequence


@dataclass(frozen=True, slots=True)
class Batch:
    """One row of packed sequences, and what is scored in it. `n` predictions, `e` sequences."""

    tokens: torch.Tensor
    """(1, tokens)"""
    positions: torch.Tensor
    """(1, tokens)"""
    pieces: tuple[Piece, ...]
    at: torch.Tensor
    """(n,) where in the row predictions are scored."""
    targets: torch.Tensor
    """(n,)"""
    example: torch.Tensor
    """(n,) number of the sequence within the row."""
    examples: int
    """e"""
    teacher_tokens: torch.Tensor | None = None
    """(n, k)"""
    teacher_logs: torch.Tensor | None = None
    """(n, k) log-probabilities of those."""
    good: torch.Tensor | None = None
    """(e,) whether the answer was marked good."""
    reference: torch.Tensor | None = None
    """(e,) log-probability of the answer under the model at the start."""

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=True)
            for name in self.__slots__
            if isinstance(value := getattr(self, name), torch.Tensor)
        }
        return replace(self, **moved)


def packed(sequences: Many[Sequence]) -> Batch:
    """Sequences one after another; each keeps to itself."""
    starts = np.cumsum([0, *(len(each) for each in sequences)])
    pairs = list(zip(sequences, (int(start) for start in starts), strict=False))
    return Batch(
        tokens=_row([each.tokens for each in sequences])[None],
        positions=_row([each.positions for each in sequences])[None],
        pieces=tuple(piece.moved(start) for each, start in pairs for piece in each.pieces),
        at=_row([each.at + start for each, start in pairs]),
        targets=_row([each.targets for each in sequences]),
        example=_row([np.full(each.at.size, number) for number, each in enumerate(sequences)]),
        examples=len(sequences),
    )


def _row(arrays: Many[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.concatenate(arrays).astype(np.int64, copy=False))
