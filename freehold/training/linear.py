"""Learns the linear router: logistic regression over embeddings, with scikit-learn (the extra `train`).

Strength of the penalty and temperature are chosen on messages that were held out; the accuracy that is told
is measured on those too, before everything is learnt from once more. Knows nothing of what embeds.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.errors import InvalidInput, Unavailable
from freehold.tasks.learnt import NOT_HELD_OUT, Learnt
from freehold.tasks.linear_route import LinearRoute, held_out
from freehold.tasks.metrics import accuracy, macro_f1, scope
from freehold.tasks.route import OUT_OF_SCOPE, PERSON

PENALTIES = (1.0, 4.0, 16.0, 64.0)
"""Inverse strengths that are tried (`C`); embeddings are of unit length, so weak penalties are wanted."""
TEMPERATURES = np.geomspace(0.2, 5.0, 49)
FALSE_ALARMS = 0.01
"""Of messages that are neither, the share that may be taken for out of scope or for wanting a person."""
LEAST_CHANCE = 0.05
"""Chance from which they may be, whatever was measured: customers write otherwise than datasets. Where too
few messages were held out to measure that share, even odds."""
RIGHT = 0.95
"""Of messages whose label is acted on, the share that it should be right for."""
_NEVER = 1.1

Vectors = NDArray[np.float32]
Numbers = NDArray[np.int64]


def fit(rows: Sequence[tuple[str, str]], vectors: Vectors, embedder: str) -> LinearRoute:
    """A router learnt from messages with their labels, and the messages' embeddings in the same order.

    Raises:
        InvalidInput: fewer than two labels, or none with enough messages to hold some out.
        Unavailable: scikit-learn is not installed.
    """
    names = tuple(sorted({label for _, label in rows}))
    if len(names) < 2:
        raise InvalidInput("A router needs messages of at least two labels.")
    apart = held_out(rows)
    if not apart.any():
        few = min(Counter(label for _, label in rows).items(), key=lambda each: each[1])
        raise InvalidInput(
            f"No label has five messages, so none can be held out to measure on ({few[0]!r} has {few[1]}).",
            hint="Give each label at least five messages; some tens are better.",
        )
    place = {label: number for number, label in enumerate(names)}
    wanted = np.array([place[label] for _, label in rows])
    tried = [_learn(vectors[~apart], wanted[~apart], len(names), penalty) for penalty in PENALTIES]
    losses = [_calibrated(_scores(each, vectors[apart]), wanted[apart]) for each in tried]
    best = int(np.argmin([loss for loss, _ in losses]))
    weights, bias = tried[best]
    temperature = losses[best][1]
    measured = LinearRoute(weights, bias, names, temperature, {}, embedder, {})
    limits = _limits(measured.chances(vectors[apart]), wanted[apart], names)
    measured = replace(measured, limits=limits)
    said = [measured.route(vector).label for vector in vectors[apart]]
    gold = [names[each] for each in wanted[apart]]
    weights, bias = _learn(vectors, wanted, len(names), PENALTIES[best])
    facts = {
        "dataset": dataset_hash(rows),
        "messages": len(rows),
        "held_out": int(apart.sum()),
        "right": sum(given == asked for given, asked in zip(said, gold, strict=True)),
        "accuracy": accuracy(said, gold),
        "macro_f1": macro_f1(said, gold),
        "penalty": PENALTIES[best],
        **{name: _figures(said, gold, name) for name in (OUT_OF_SCOPE, PERSON) if name in place},
    }
    given = np.full(len(rows), NOT_HELD_OUT)
    given[apart] = [place[label] for label in said]
    learnt = Learnt.of((message for message, _ in rows), given.tolist())
    return replace(measured, weights=weights, bias=bias, facts=facts, learnt=learnt)


def dataset_hash(rows: Sequence[tuple[str, str]]) -> str:
    """SHA-256 of messages and labels, whatever their order and the file's form."""
    lines = sorted(json.dumps(row, ensure_ascii=True) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _learn(vectors: Vectors, wanted: Numbers, labels: int, penalty: float) -> tuple[Vectors, Vectors]:
    """Weights (labels, dimensions) and biases (labels,); labels that are not met are never chosen."""
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise Unavailable(
            "Learning a router needs scikit-learn, which is not installed.",
            hint="Install the extra: pip install 'freehold[train]'.",
        ) from None
    model = LogisticRegression(C=penalty, max_iter=1000).fit(vectors, wanted)
    met: list[int] = [int(each) for each in model.classes_]
    weights = np.zeros((labels, vectors.shape[1]), dtype=np.float32)
    bias = np.full(labels, -1e4, dtype=np.float32)
    if len(met) == 2:  # scikit-learn gives the second label's scores against the first
        weights[met[1]], bias[met[0]], bias[met[1]] = model.coef_[0], 0.0, model.intercept_[0]
    else:
        weights[met], bias[met] = model.coef_, model.intercept_
    return weights, bias


def _scores(model: tuple[Vectors, Vectors], vectors: Vectors) -> Vectors:
    return vectors @ model[0].T + model[1]


def _calibrated(scores: Vectors, wanted: Numbers) -> tuple[float, float]:
    """The smallest mean negative log-likelihood over the temperatures, and the temperature of it."""
    losses = []
    for temperature in TEMPERATURES:
        scaled = scores / temperature
        highest = scaled.max(axis=1)
        total = np.log(np.exp(scaled - highest[:, None]).sum(axis=1)) + highest
        losses.append(float((total - scaled[np.arange(len(wanted)), wanted]).mean()))
    best = int(np.argmin(losses))
    return losses[best], float(TEMPERATURES[best])


def _limits(chances: Vectors, wanted: Numbers, names: Sequence[str]) -> dict[str, float]:
    """From which chance each label may be acted on."""
    common = _precise(chances.max(axis=1), chances.argmax(axis=1) == wanted)
    limits = dict.fromkeys(names, common)
    for number, name in enumerate(names):
        if name in (OUT_OF_SCOPE, PERSON):
            others = np.sort(chances[wanted != number, number])[::-1]
            # the first that is one too many; where no other message was held out, even odds alone count
            highest = others[int(FALSE_ALARMS * len(others))] if len(others) else np.float32(0)
            least = LEAST_CHANCE if FALSE_ALARMS * len(others) >= 1 else 0.5
            limits[name] = max(float(np.nextafter(highest, np.float32(2))), least)
    return limits


def _precise(confidence: Vectors, right: NDArray[np.bool_]) -> float:
    """The least confidence from which the share of RIGHT is right; above one where none reaches it."""
    order = np.argsort(-confidence, kind="stable")
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(share >= RIGHT)
    return float(confidence[order[enough[-1]]]) if len(enough) else _NEVER


def _figures(said: Sequence[str], gold: Sequence[str], name: str) -> dict[str, Any]:
    found = scope(said, gold, name)
    return {"recall": found.recall, "false_alarms": found.false_alarms}
