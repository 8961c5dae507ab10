"""Weighs what was measured of a claim and a passage: the chance that the passage supports the claim.

One linear model. Its coefficients are in `checks.json`, made by `benchmarks/fit_checks.py`, which also says
what they were fitted on. Knows nothing of text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from freehold.assistant.evidence import Array
from freehold.assistant.support import NAMES


@dataclass(frozen=True, slots=True)
class Soundness:
    """The model: coefficients, bias, and the score from which a sentence is shown."""

    weights: Array
    bias: float
    show_above: float

    def score(self, measured: Array) -> float:
        """The calibrated chance that the claim is supported."""
        return float(1 / (1 + np.exp(-np.clip(measured @ self.weights + self.bias, -30, 30))))


@lru_cache(maxsize=1)
def soundness() -> Soundness:
    """The shipped model."""
    return from_table(json.loads(files("freehold.assistant").joinpath("checks.json").read_text("utf-8")))


def from_table(table: dict[str, Any]) -> Soundness:
    """Coefficients by name; a name that is not measured any more is an error, a missing one counts 0."""
    if unknown := table["weights"].keys() - set(NAMES):
        raise ValueError(f"checks.json weighs what is not measured: {', '.join(sorted(unknown))}")
    return Soundness(
        np.array([table["weights"].get(name, 0.0) for name in NAMES], np.float32),
        float(table["bias"]),
        float(table["show_above"]),
    )
