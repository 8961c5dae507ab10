"""Weighs the evidence: which pieces answer best, and how surely the best of them answers at all.

Two linear models, one pair for each mode: with token vectors and a reader, with token vectors, and on words
alone. Their coefficients are in `answers.json`, made by `benchmarks/fit_answers.py`, which also says what
they were fitted on.
Knows nothing of text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np

from freehold.assistant.evidence import COMMON, NAMES, Array, Asked, Read
from freehold.assistant.reading import BY_READING

Mode = Literal["reader", "hybrid", "words"]

PIECE_NAMES: dict[Mode, tuple[str, ...]] = {
    "reader": (*NAMES, *BY_READING),
    "hybrid": NAMES,
    "words": tuple(COMMON),
}
"""What is measured of each piece, in order."""

OVERALL = (
    "score margin certainty whole_1 whole_2 pair_cov top_first passage_share words rarest_missing"
    " missing_mass names_missing numbers_missing"
).split()
"""What is measured of the best piece's standing among all, beside the pieces' own evidence."""


@dataclass(frozen=True, slots=True)
class Weights:
    """One mode's coefficients."""

    piece: Array
    """Shape (names,)."""
    answer: Array
    """Shape (answer names,)."""
    bias: float
    refuse_below: float


def answer_names(mode: Mode) -> tuple[str, ...]:
    """Names of what the confidence is computed from, in order."""
    names = PIECE_NAMES[mode]
    return (*(f"best.{name}" for name in names), *(f"most.{name}" for name in names), *OVERALL)


@lru_cache(maxsize=3)
def weights(mode: Mode) -> Weights:
    """The shipped coefficients."""
    table: dict[str, Any] = json.loads(
        files("freehold.assistant").joinpath("answers.json").read_text("utf-8")
    )
    return from_table(mode, table[mode])


def from_table(mode: Mode, table: dict[str, Any]) -> Weights:
    """Coefficients by name; a name that is not measured any more is an error, a missing one counts 0."""
    names = PIECE_NAMES[mode]
    unknown = (table["piece"].keys() - set(names)) | (table["answer"].keys() - set(answer_names(mode)))
    if unknown:
        raise ValueError(f"answers.json weighs what is not measured: {', '.join(sorted(unknown))}")
    return Weights(
        np.array([table["piece"].get(name, 0.0) for name in names], np.float32),
        np.array([table["answer"].get(name, 0.0) for name in answer_names(mode)], np.float32),
        float(table["bias"]),
        float(table["refuse_below"]),
    )


def standing(asked: Asked, passages: Sequence[Read], measured: Sequence[Array], piece: Array) -> Array:
    """What the confidence is computed from, in the order of `answer_names`; at least one piece is there."""
    found = np.concatenate(measured)
    owner = np.repeat(np.arange(len(measured)), [len(each) for each in measured])
    scores = found @ piece
    order = np.argsort(-scores, kind="stable")
    best = order[0]
    likely = np.exp(scores - scores.max())
    likely /= likely.sum()
    wanted = set(asked.rarity)
    covers = [passage.context.union(*(told.held for told in passage.told)) & wanted for passage in passages]
    whole = sorted((asked.share(held) for held in covers), reverse=True)
    there = set().union(*covers)
    gone = {word: asked.rarity[word] for word in wanted - there}
    said = [told for passage in passages for told in passage.told]
    spoken = " ".join(told.text.lower() for told in said)
    overall = (
        scores[best],
        scores[best] - scores[order[1]] if len(order) > 1 else 3.0,
        float((likely * np.log(likely + 1e-9)).sum()),
        whole[0],
        whole[1] if len(whole) > 1 else 0.0,
        asked.share(set().union(*(said[at].held for at in order[:2]))),
        owner[best] == 0,
        max(likely[owner == at].sum() for at in range(len(measured))),
        min(len(asked.words), 12) / 12,
        max(gone.values(), default=0.0) / 10,
        sum(gone.values()) / (asked.mass or 1.0),
        sum(name not in spoken for name in asked.names) / max(1, len(asked.names)),
        sum(number not in spoken for number in asked.digits) / max(1, len(asked.digits)),
    )
    return np.concatenate([found[best], found.max(axis=0), np.array(overall, np.float32)]).astype(np.float32)


def confidence(of: Weights, stands: Array) -> float:
    """The calibrated chance that the best piece answers."""
    return float(1 / (1 + np.exp(-np.clip(stands @ of.answer + of.bias, -30, 30))))
