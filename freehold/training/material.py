"""What the loop asks the data for: batches, and how much is scored in them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from freehold.training.batch import Batch, packed
from freehold.training.cache import Cache
from freehold.training.data import Dataset
from freehold.training.packing import Pack


@dataclass(frozen=True, slots=True)
class Material:
    """A dataset with what an objective knows of each sequence besides."""

    dataset: Dataset
    cache: Cache | None = None
    """Distillation: the teacher's."""
    reference: npt.NDArray[np.float64] | None = None
    """Preference: (2, e) log-probabilities of answers and of exchanged answers at the start."""

    def weight(self, packs: list[Pack]) -> int:
        """What sums over these packs are divided by: predictions, or examples where answers are marked."""
        if self.dataset.good is not None:
            return sum(len(pack) for pack in packs)
        return sum(self.dataset.sequences[number].at.size for pack in packs for number in pack)

    def batch(self, pack: Pack) -> Batch:
        """The sequences of a pack as one row; an empty pack is the first sequence with nothing scored."""
        numbers = list(pack) or [0]
        made = packed([self.dataset.sequences[number] for number in numbers])
        if self.cache is not None:
            known = [self.cache.of(number) for number in numbers]
            made = dataclasses.replace(
                made,
                teacher_tokens=torch.from_numpy(np.concatenate([tokens for tokens, _ in known])),
                teacher_logs=torch.from_numpy(np.concatenate([logs for _, logs in known])),
            )
        if self.dataset.good is not None:
            made = dataclasses.replace(made, good=torch.from_numpy(self.dataset.good[numbers]))
            if self.reference is not None:
                made = dataclasses.replace(made, reference=_floats(self.reference[0, numbers]))
        return made if pack else _unscored(made)

    def exchanged(self, pack: Pack) -> Batch:
        """Preference: the same questions with others' answers."""
        numbers = list(pack) or [0]
        made = packed([self.dataset.exchanged[number] for number in numbers])
        if self.reference is not None:
            made = dataclasses.replace(made, reference=_floats(self.reference[1, numbers]))
        return made if pack else _unscored(made)


def _unscored(batch: Batch) -> Batch:
    """The same row, of which nothing counts."""
    kept: dict[str, Any] = {
        name: value[:0]
        for name in batch.__slots__
        if name not in ("tokens", "positions") and isinstance(value := getattr(batch, name), torch.Tensor)
    }
    return dataclasses.replace(batch, **kept, examples=0)


def _floats(values: npt.NDArray[np.float64]) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32))
