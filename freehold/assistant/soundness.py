"""Weighs what was measured of a claim and a passage: the chance that the passage supports the claim.

One linear model for each of what there is to measure with: words alone, token vectors too, a reader too.
Their coefficients are in `checks.json`, made by `benchmarks/fit_checks.py`, which also says what they were
fitted on. Knows nothing of text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np

from freehold.assistant.evidence import Array
from freehold.assistant.support import BY_MEANING, BY_READER, BY_WORDS

Means = Literal["words", "meaning", "reader"]
NAMES: dict[Means, tuple[str, ...]] = {
    "words": (*BY_WORDS,),
    "meaning": (*BY_WORDS, *BY_MEANING),
    "reader": (*BY_WORDS, *BY_MEANING, *BY_READER),
}


@dataclass(frozen=True, slots=True)
class Soundness:
    """One model: coefficients, bias, and the score from which a sentence is shown."""

    weights: Array
    bias: float
    show_above: float

    def score(self, measured: Array) -> float:
        """The calibrated chance that the claim is supported."""
        return float(1 / (1 + np.exp(-np.clip(measured @ self.weights + self.bias, -30, 30))))


@lru_cache(maxsize=3)
def soundness(means: Means) -> Soundness:
    """The shipped model."""
    table: dict[str, Any] = json.loads(files("freehold.assistant").joinpath("checks.json").read_text("utf-8"))
    return from_table(means, table[means])


def from_table(means: Means, table: dict[str, Any]) -> Soundness:
    """Coefficients by name; a name that is not measured any more is an error, a missing one counts 0."""
    names = NAMES[means]
    if unknown := table["weights"].keys() - set(names):
        raise ValueError(f"checks.json weighs what is not measured: {', '.join(sorted(unknown))}")
    return Soundness(
        np.array([table["weights"].get(name, 0.0) for name in names], np.float32),
        float(table["bias"]),
        float(table["show_above"]),
    )
