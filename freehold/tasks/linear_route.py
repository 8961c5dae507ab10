"""`route` without a language model: one linear layer over a message's embedding.

The rival that a tuned model has to beat: learnt in seconds (`freehold.training.linear`), a file of some
hundred kilobytes, and microseconds a message once the message is embedded. Serving needs numpy alone. Knows
nothing of what embeds: whoever has the vectors compares `embedder` with what made them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from freehold.disk import replacing
from freehold.errors import InvalidInput, ModelRejected, NotFound
from freehold.tasks.learnt import NOTHING, Learnt
from freehold.tasks.route import OUT_OF_SCOPE, PERSON, Route

FORMAT = 1
HELD_OUT_SHARE = 0.2
Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class LinearRoute:
    """Weights, and what is known of them."""

    weights: Vector
    """Shape (labels, dimensions)."""
    bias: Vector
    """Shape (labels,)."""
    labels: tuple[str, ...]
    temperature: float
    """Scores are divided by it, so that the chances they become are right as often as they say."""
    limits: Mapping[str, float]
    """For each label, the chance from which it may be acted on; OUT_OF_SCOPE and PERSON are also chosen from
    there on, though another label is likelier."""
    embedder: str
    """Name of the embedding model that it was learnt from."""
    facts: Mapping[str, Any]
    """What it was learnt from (`dataset`: a SHA-256) and what it reached on messages that were held out."""
    learnt: Learnt = NOTHING
    """The messages themselves, as fingerprints; nothing in files from before that was kept."""

    def chances(self, vectors: Vector) -> Vector:
        """Shape (messages, labels), each row summing to one, from vectors (messages, dimensions)."""
        scores = (vectors @ self.weights.T + self.bias) / self.temperature
        scores -= scores.max(axis=1, keepdims=True)
        chances: Vector = np.exp(scores)
        chances /= chances.sum(axis=1, keepdims=True)
        return chances

    def route(self, vector: Vector) -> Route:
        """Where the message of one embedding (dimensions,) goes."""
        chances = dict(zip(self.labels, self.chances(vector[None])[0].tolist(), strict=True))
        reserved = [
            name for name in (OUT_OF_SCOPE, PERSON) if name in chances and chances[name] >= self.limits[name]
        ]
        label = max(reserved or chances, key=lambda each: chances[each])
        return Route(label, chances[label], chances[label] >= self.limits[label])


def held_out(rows: Sequence[tuple[str, str]], share: float = HELD_OUT_SHARE) -> NDArray[np.bool_]:
    """Which of the rows (message, label) are kept for measuring: of each label the same share.

    Decided by the messages' hashes alone, so that every rival that learns from the same rows is measured on
    the same ones. A label with fewer than 1 / share messages has none held out.
    """
    chosen = np.zeros(len(rows), dtype=bool)
    by_label: dict[str, list[tuple[bytes, int]]] = {}
    for place, (message, label) in enumerate(rows):
        digest = hashlib.sha256(message.encode(errors="replace")).digest()
        by_label.setdefault(label, []).append((digest, place))
    for found in by_label.values():
        chosen[[place for _, place in sorted(found)[: int(len(found) * share)]]] = True
    return chosen


def write(router: LinearRoute, path: Path) -> None:
    """Writes it as safetensors, whole or not at all.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    described = {
        "format": FORMAT,
        "labels": list(router.labels),
        "temperature": router.temperature,
        "limits": dict(router.limits),
        "embedder": router.embedder,
        "facts": dict(router.facts),
    }
    data = save(
        {
            "weights": np.ascontiguousarray(router.weights),
            "bias": router.bias,
            "learnt": router.learnt.messages,
            "said": router.learnt.said,
        },
        {"freehold": json.dumps(described, ensure_ascii=False)},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as fresh:
        fresh.write_bytes(data)


def read(path: Path) -> LinearRoute:
    """
    Raises:
        NotFound: there is no such file.
        ModelRejected: it is not a router of ours, or damaged.
        InvalidInput: a newer Freehold wrote it.
    """
    if not path.is_file():
        raise NotFound(f"There is no router {path}.", hint="`freehold route train` makes one.")
    try:
        with safe_open(path, framework="numpy") as file:
            described = json.loads((file.metadata() or {})["freehold"])
            if described["format"] > FORMAT:
                raise InvalidInput(f"{path} was written by a newer Freehold.", hint="Update this one.")
            weights, bias = file.get_tensor("weights"), file.get_tensor("bias")
            learnt = NOTHING
            if "learnt" in file.keys():  # noqa: SIM118 - the open file is no mapping
                learnt = Learnt(file.get_tensor("learnt"), file.get_tensor("said"))
        router = LinearRoute(
            weights.astype(np.float32),
            bias.astype(np.float32),
            tuple(map(str, described["labels"])),
            float(described["temperature"]),
            {label: float(described["limits"][label]) for label in described["labels"]},
            str(described["embedder"]),
            dict(described["facts"]),
            learnt,
        )
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelRejected(f"{path} is not a router: {error}.") from None
    shape = (len(router.labels), *router.weights.shape[1:2])
    sound = len(shape) == 2 and bool(router.labels) and router.temperature > 0
    sound = sound and router.weights.shape == shape and router.bias.shape == shape[:1]
    sound = sound and learnt.messages.shape == learnt.said.shape and learnt.said.max(initial=-1) < shape[0]
    if not sound or not np.isfinite(router.weights).all() or not np.isfinite(router.bias).all():
        raise ModelRejected(f"{path} is not a router: its weights do not fit its labels.")
    return router
