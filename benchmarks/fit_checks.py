"""Fits the coefficients of `freehold/assistant/checks.json`.

    python benchmarks/fit_checks.py FOLDER-OF-MARKDOWN… [--data FOLDER] [--write]

A ridge logistic regression with bounds, with the reader (where it has been made) and without, fitted on half
`a` (of the documents) of the edits; half `b` is never looked at. With the reader, edits of Freehold's own
documents and of those in benchmarks/checks are fitted on alone: it was tuned on edits of SQuAD's half `a`,
and `dstc11` has none but right ones. Being near the passage never counts against a sentence, and a word,
bound or condition told otherwise never counts for one, whatever the examples say. What is ruled out before
anything is measured is left out. `show_above` is where balanced accuracy on half `a` is best in five-fold
cross-validation by document, edits of Freehold's own documents and of those in benchmarks/checks deciding.

The natural sentences are measured but not fitted on: among the played ones those that hold are further
from the passage's words than those that do not, and a fit on them would learn to show what the passage does
not say.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from checks import NATURAL, Measured, add_arguments, prepared
from numpy.typing import NDArray
from options import described

from freehold.assistant.soundness import NAMES, Mode

Floats = NDArray[np.float64]
SHARES = {"own": 1.0, "bank": 0.5, "squad": 0.25, "dstc11": 0.25}
"""Weight of each source on words alone; with the reader `OWN` alone."""
OWN = frozenset(["own"])
RIDGE = 3.0
FOLDS = 5
FOR = frozenset(["held", "numbers", "read", "read_missing"])
"""What never counts against a claim."""
EITHER = frozenset(["length", "short"])
"""What may count either way; all else never counts for a claim."""
UNSEEN = frozenset(["is_table", "is_list", "in_context", "units"])
"""What counts nothing: edits are made of plain sentences, whose words are in their passage."""
FIRM = {
    "stray_names": -4.0,
    "stray_numbers": -4.0,
    "denied_not": -7.0,
    "denied_there": -4.0,
    "missing": -12.0,
    "contrasts_unsaid": -4.0,
}
"""What counts at least so much, set by hand: the edits have too few of these to say."""
MOST = {"read_missing": -FIRM["missing"]}
"""What counts at most so much: a reader can excuse words that the passage lacks, never reward them."""


def weights_of(seen: Sequence[Measured]) -> Floats:
    """Each source by its share, half of it on supported sentences, all kinds of a side the same."""
    kinds = Counter((one.judged.source, one.judged.supported, one.judged.kind) for one in seen)
    sides = Counter((source, supported) for source, supported, _ in kinds)
    found = []
    for one in seen:
        source, supported = one.judged.source, one.judged.supported
        each = 1 / kinds[source, supported, one.judged.kind] / sides[source, supported]
        found.append(SHARES[source] * each)
    weights = np.array(found)
    scaled: Floats = weights * len(weights) / weights.sum()
    return scaled


def fit(mode: Mode, seen: Sequence[Measured], ridge: float = RIDGE) -> tuple[Floats, float]:
    used = [one for one in seen if one.values is not None]
    x = np.array([one.values for one in used if one.values is not None], float)
    y = np.array([one.judged.supported for one in used], float)
    bounds = np.array([_bounds(name) for name in NAMES[mode]])
    return bounded(x, y, weights_of(used), bounds, ridge)


def _bounds(name: str) -> tuple[float, float]:
    if name in UNSEEN:
        return 0.0, 0.0
    if name in EITHER:
        return -np.inf, np.inf
    return (0.0, MOST.get(name, np.inf)) if name in FOR else (-np.inf, FIRM.get(name, 0.0))


def bounded(x: Floats, y: Floats, weight: Floats, bounds: Floats, ridge: float) -> tuple[Floats, float]:
    """A ridge logistic regression with coefficients within bounds, by accelerated projected gradients."""
    mean, spread = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-3)
    z = np.concatenate([(x - mean) / spread, np.ones((len(x), 1))], axis=1)
    penalty = np.append(np.full(x.shape[1], ridge), 0.0)
    step = 1 / (0.25 * np.linalg.norm(z * np.sqrt(weight)[:, None], 2) ** 2 + ridge)
    w, ahead, t = np.zeros(z.shape[1]), np.zeros(z.shape[1]), 1.0
    for _ in range(1_500):
        p = 1 / (1 + np.exp(-np.clip(z @ ahead, -30, 30)))
        new = ahead - step * (z.T @ (weight * (p - y)) + penalty * ahead)
        new[:-1] = np.clip(new[:-1], bounds[:, 0] * spread, bounds[:, 1] * spread)
        faster = (1 + np.sqrt(1 + 4 * t * t)) / 2
        ahead, w, t = new + (t - 1) / faster * (new - w), new, faster
    coefficients = w[:-1] / spread
    return coefficients, float(w[-1] - coefficients @ mean)


def scores(seen: Sequence[Measured], fitted: tuple[Floats, float]) -> Floats:
    coefficients, bias = fitted
    odds = [-30.0 if one.values is None else float(one.values @ coefficients) + bias for one in seen]
    found: Floats = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
    return found


def crossed(mode: Mode, seen: Sequence[Measured], ridge: float = RIDGE) -> Floats:
    """Scores by models that have not seen the sentence's document."""
    names = sorted({one.judged.document for one in seen})
    order = np.random.default_rng(0).permutation(len(names))
    fold = {names[i]: int(at) % FOLDS for at, i in enumerate(order)}
    found = np.zeros(len(seen))
    for number in range(FOLDS):
        fitted = fit(mode, [one for one in seen if fold[one.judged.document] != number], ridge)
        own = [at for at, one in enumerate(seen) if fold[one.judged.document] == number]
        found[own] = scores([seen[at] for at in own], fitted)
    return found


def accuracy(seen: Sequence[Measured], scored: Floats, threshold: float, sources: Sequence[str]) -> float:
    right = [
        s >= threshold
        for one, s in zip(seen, scored, strict=True)
        if one.judged.supported and one.judged.source in sources
    ]
    wrong = [
        s >= threshold
        for one, s in zip(seen, scored, strict=True)
        if not one.judged.supported and one.judged.source in sources
    ]
    return (float(np.mean(right)) + 1 - float(np.mean(wrong))) / 2 if right and wrong else float("nan")


def chosen(seen: Sequence[Measured], scored: Floats) -> float:
    """The score from which balanced accuracy on the edits of own documents is best."""
    return float(max(np.arange(0.05, 0.96, 0.01), key=lambda t: accuracy(seen, scored, float(t), ["own"])))


def main() -> None:
    parser = described(__doc__)
    add_arguments(parser)
    parser.add_argument("--write", action="store_true", help="write the package's checks.json")
    options = parser.parse_args()
    shipped = Path(str(files("freehold.assistant").joinpath("checks.json")))
    tables = json.loads(shipped.read_text("utf-8"))
    for mode, measured, _ in prepared(options, "a"):
        tables[mode] = table(mode, measured)
    text = json.dumps(tables, indent=1) + "\n"
    if options.write:
        shipped.write_text(text, encoding="utf-8")
    else:
        print(text)


def table(mode: Mode, measured: Sequence[Measured]) -> dict[str, Any]:
    """One mode's coefficients and threshold; says how they do."""
    used = OWN if mode == "reader" else SHARES.keys()
    seen = [one for one in measured if one.judged.source in used]
    rest = [one for one in measured if one.judged.source not in SHARES]
    crossing = crossed(mode, seen)
    threshold = chosen(seen, crossing)
    coefficients, bias = fitted = fit(mode, seen)
    named = {
        name: round(float(value), 4)
        for name, value in zip(NAMES[mode], coefficients, strict=True)
        if round(float(value), 4)
    }
    natural = [accuracy(rest, scores(rest, fitted), threshold, [suite]) for suite in NATURAL]
    print(
        f"{mode}: balanced accuracy on half a at {threshold:.2f}: edits of own documents"
        f" {accuracy(seen, crossing, threshold, ['own']):.3f} (crossed), natural"
        f" {', '.join(f'{suite} {each:.3f}' for suite, each in zip(NATURAL, natural, strict=True))}",
        file=sys.stderr,
    )
    return {"weights": named, "bias": round(bias, 4), "show_above": round(threshold, 2)}


if __name__ == "__main__":
    main()
