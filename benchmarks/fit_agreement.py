"""Fits the judge of the rehearsal: from what agreement.py measures to the chance of being settled.

    python benchmarks/fit_agreement.py --data FOLDER [--cache FOLDER] [--model FOLDER] [--write]

Two kinds of pairs that were read: those of tests/fixtures/agreement_pairs.txt (written by us: `agrees`
counts as settled, everything else not), and answers of the production path to questions of `dstc11`,
labelled in labels/dstc11_calibration.csv. How far the judge, fitted to both, lies off on either kind is
kept as its shift. `--write` replaces freehold/evaluation/judge.json.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from answering import Pair, answered
from numpy.typing import NDArray
from options import add_cache, add_model, add_sets, described

from freehold.config import load
from freehold.engines.base import Embedder
from freehold.engines.embedder import OnnxEmbedder
from freehold.evaluation.agreement import FEATURES, compare

ROOT = Path(__file__).resolve().parents[1]
LABELS = Path(__file__).with_name("labels") / "dstc11_calibration.csv"
PAIRS = ROOT / "tests" / "fixtures" / "agreement_pairs.txt"
JUDGE = ROOT / "freehold" / "evaluation" / "judge.json"
DRAWS = 60
RIDGE = 2.0

Array = NDArray[np.float64]


def written() -> list[tuple[Pair, bool]]:
    """The pairs of the project's own file."""
    text = re.sub(r"^#.*\n", "", PAIRS.read_text(), flags=re.M)
    found = []
    for block in text.strip().split("\n\n"):
        question, reply, told = block.split("\n")
        label, answer = told.split(": ", 1)
        found.append((Pair(question, reply, (answer,)), label == "agrees"))
    return found


def fit(rows: Array, settled: Array) -> Array:
    """Ridge logistic regression by Newton's method: intercept and weights."""
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    scaled = np.c_[np.ones(len(rows)), (rows - mean) / spread]
    weights, penalty = np.zeros(scaled.shape[1]), np.eye(scaled.shape[1]) * RIDGE
    penalty[0, 0] = 1e-6
    for _ in range(40):
        chances = 1 / (1 + np.exp(-scaled @ weights))
        slope = scaled.T @ (chances - settled) + penalty @ weights
        curve = (scaled * (chances * (1 - chances))[:, None]).T @ scaled + penalty
        weights -= np.linalg.solve(curve, slope)
    plain = weights.copy()
    plain[1:] = weights[1:] / spread
    plain[0] = weights[0] - (weights[1:] * mean / spread).sum()
    return plain


def chances(weights: Array, rows: Array) -> Array:
    return 1 / (1 + np.exp(-(weights[0] + rows @ weights[1:])))


def auc(scores: Array, settled: Array) -> float:
    good, bad = scores[settled == 1], scores[settled == 0]
    return float(np.mean([(a > b) + 0.5 * (a == b) for a in good for b in bad]))


def offset(weights: Array, rows: Array, settled: Array) -> float:
    """Log odds to add to the intercept for the mean chance to be the share that is settled."""
    low, high = -6.0, 6.0
    for _ in range(60):
        middle = (low + high) / 2
        moved = weights.copy()
        moved[0] += middle
        low, high = (middle, high) if chances(moved, rows).mean() < settled.mean() else (low, middle)
    return (low + high) / 2


def looked_at(kinds: Sequence[tuple[Array, Array]], mode: str) -> dict[str, object]:
    """Fits, and says how good the fit is: five-fold, and from one kind to the other."""
    rows, settled = np.concatenate([k[0] for k in kinds]), np.concatenate([k[1] for k in kinds])
    random = np.random.default_rng(0)
    fold, held_out = random.permutation(len(settled)) % 5, np.zeros(len(settled))
    for at in range(5):
        held_out[fold == at] = chances(fit(rows[fold != at], settled[fold != at]), rows[fold == at])
    begin = 0
    offsets = []
    for name, (own, labels) in zip(("written", "dstc11"), kinds, strict=True):
        part = held_out[begin : begin + len(labels)]
        begin += len(labels)
        off = offset(fit(rows, settled), own, labels)
        offsets.append(off)
        print(
            f"| {mode}, {name} | {len(labels)} | {labels.mean():.2f} | {part.mean():.2f} |"
            f" {auc(part, labels):.2f}"
            f" | {np.mean((part >= 0.5) == (labels == 1)):.2f} | {off:+.2f} |"
        )
    draws = []
    while len(draws) < DRAWS:
        chosen = random.integers(len(settled), size=len(settled))
        draws.append(fit(rows[chosen], settled[chosen]))
    return {
        "weights": np.round(fit(rows, settled), 4).tolist(),
        "draws": np.round(draws, 3).tolist(),
        "shift": round(float(np.sqrt(np.mean(np.square(offsets)))), 3),
    }


def main() -> None:
    parser = described(__doc__)
    add_sets(parser)
    add_cache(parser)
    add_model(parser)
    parser.add_argument("--write", action="store_true", help="replace the judge that is shipped")
    options = parser.parse_args()
    with LABELS.open() as file:
        labels = {row["id"]: row["settled"] == "yes" for row in csv.DictReader(file)}
    embedder = OnnxEmbedder(options.model or load().embedder_folder)
    asked = answered(options.data, options.cache, embedder, list(labels))
    kinds = [written(), [(pair, labels[name]) for name, pair in asked.items() if pair.answer]]
    print("| pairs | read | settled | said by the judge | AUC | right at 0.5 | off by, log odds |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    judge: dict[str, object] = {"features": list(FEATURES), "pairs": sum(map(len, kinds))}
    for mode, by in (("hybrid", embedder), ("words", None)):
        judge[mode] = looked_at([measured(pairs, by) for pairs in kinds], mode)
    if options.write:
        JUDGE.write_text(json.dumps(judge, separators=(",", ":")) + "\n")


def measured(pairs: Sequence[tuple[Pair, bool]], embedder: Embedder | None) -> tuple[Array, Array]:
    found = [compare(pair.question, pair.reply, pair.answer, embedder).features for pair, _ in pairs]
    return np.array(found), np.array([settled for _, settled in pairs], float)


if __name__ == "__main__":
    main()
