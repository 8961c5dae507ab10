"""Weighs what was measured of a claim and a passage: the chance that the passage supports the claim.

Two linear models: on words alone, and with what a reader says. Their coefficients are in `checks.json`, made
by `benchmarks/fit_checks.py`, which also says what they were fitted on. Knows nothing of text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np

from freehold.assistant import entailment, support
from freehold.assistant.evidence import Array

Mode = Literal["reader", "words"]
NAMES: dict[Mode, tuple[str, ...]] = {
    "reader": (*support.NAMES, *entailment.NAMES),
    "words": tuple(support.NAMES),
}
"""What is measured of a claim, in order."""


@dataclass(frozen=True, slots=True)
class Soundness:
    """The model: coefficients, bias, and the score from which a sentence is shown."""

    weights: Array
    bias: float
    show_above: float

    def score(self, measured: Array) -> float:
        """The calibrated chance that the claim is supported."""
        return float(1 / (1 + np.exp(-np.clip(measured @ self.weights + self.bias, -30, 30))))


@lru_cache(maxsize=2)
def soundness(mode: Mode) -> Soundness:
    """The shipped model."""
    table: dict[str, Any] = json.loads(files("freehold.assistant").joinpath("checks.json").read_text("utf-8"))
    return from_table(mode, table[mode])


def from_table(mode: Mode, table: dict[str, Any]) -> Soundness:
    """Coefficients by name; a name that is not measured any more is an error, a missing one counts 0."""
    if unknown := table["weights"].keys() - set(NAMES[mode]):
        raise ValueError(f"checks.json weighs what is not measured: {', '.join(sorted(unknown))}")
    return Soundness(
        np.array([table["weights"].get(name, 0.0) for name in NAMES[mode]], np.float32),
        float(table["bias"]),
        float(table["show_above"]),
    )
