"""Reads a question (or a statement) and a passage together: whether the passage settles it, and where.

A small network over the embedding model's token vectors: each token is told what of the other side is
nearest to it (Parikh et al., 2016), then a few layers of convolution and attention (after QANet, Yu et al.,
2018) look at all tokens of both sides. In numpy, some milliseconds a passage. Its weights are shipped with
Freehold; `benchmarks/fit_reader.py` makes them, and `reader.json` says of what. It knows no other embedding
model's vectors, and nothing of sentences.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

HEADS = 4


@dataclass(frozen=True, slots=True)
class Seen:
    """A question or statement as the reader takes it."""

    vectors: Array
    """Unit vectors of its tokens, shape (n, dimensions)."""
    weights: Array
    """Rarity of each token's word over the largest, shape (n,)."""
    wh: int
    """Row of the question word's token; -1 for none."""


class Reader:
    """Holds the weights; thread-safe."""

    def __init__(self, weights: dict[str, Array]) -> None:
        """`weights` by the names that torch gives `benchmarks/reader_model.py`'s parameters."""
        self._weights = {name: np.asarray(value, np.float32, order="C") for name, value in weights.items()}
        self._layers = sum(name.endswith(".qkv.weight") for name in weights)

    def read(self, text: Seen, above: Array, passage: Array) -> tuple[float, Array]:
        """The log odds that the passage settles the text, and how well an answer starts and ends at each of
        the passage's tokens: shape (m, 2).

        `above` (k, dimensions) and `passage` (m, dimensions; m at least 1) are unit vectors of the tokens of
        its headings and of its text.
        """
        w = self._weights
        told = np.concatenate([above, passage])
        near = text.vectors @ told.T
        sharp = math.exp(w["sharp"].item())
        for_text = _shares(near * sharp) @ told
        for_passage = _shares(near.T * sharp) @ text.vectors
        nothing = np.zeros(len(told), np.float32)
        to_wh = near[text.wh] if text.wh >= 0 else nothing
        own = _scalars(text.vectors, for_text, near, text.weights, np.zeros_like(text.weights))
        theirs = _scalars(told, for_passage, near.T, nothing, to_wh)
        kinds = w["kind"][np.repeat([1, 2], [len(above), len(passage)])]
        n = len(text.vectors)
        x = np.concatenate(
            [
                self._token(text.vectors, for_text, own) + w["kind"][0],
                self._token(told, for_passage, theirs) + kinds,
            ]
        )
        for number in range(self._layers):
            x = self._layer(x, n, f"layers.{number}")
        x = self._norm(x, "last")
        both = np.concatenate([x[:n].mean(0), x[:n].max(0), x[n:].mean(0), x[n:].max(0)])
        judged = _gelu(self._linear(both[None], "judge"))
        odds = float(self._linear(judged, "settles")[0, 0])
        return odds, self._linear(x[n + len(above) :], "ends")

    def _token(self, own: Array, other: Array, scalars: Array) -> Array:
        a, b = self._linear(own, "seen"), self._linear(other, "seen")
        return _gelu(self._linear(np.concatenate([a, b, a * b, np.abs(a - b), scalars], axis=1), "joined"))

    def _layer(self, x: Array, n: int, at: str) -> Array:
        seen = self._norm(x, f"{at}.norm_near")
        near = np.concatenate([self._near(seen[:n], at), self._near(seen[n:], at)])
        x = x + self._linear(_gelu(near), f"{at}.mix")
        mixed = self._linear(self._norm(x, f"{at}.norm_far"), f"{at}.qkv")
        q, k, v = mixed.reshape(len(x), 3, HEADS, -1).transpose(1, 2, 0, 3)
        shares = _shares(q @ k.transpose(0, 2, 1) / np.float32(q.shape[2] ** 0.5))
        x = x + self._linear((shares @ v).transpose(1, 0, 2).reshape(len(x), -1), f"{at}.out")
        inner = _gelu(self._linear(self._norm(x, f"{at}.norm_own"), f"{at}.wide"))
        grown: Array = x + self._linear(inner, f"{at}.narrow")
        return grown

    def _near(self, x: Array, at: str) -> Array:
        """The convolution along the tokens, each unit for itself; zeros beyond both ends."""
        kernel = self._weights[f"{at}.near.weight"][:, 0]  # (units, reach)
        reach = kernel.shape[1]
        padded = np.pad(x, ((reach // 2, reach // 2), (0, 0)))
        found = np.broadcast_to(self._weights[f"{at}.near.bias"], x.shape).copy()
        for offset in range(reach):
            found += padded[offset : offset + len(x)] * kernel[:, offset]
        return found

    def _linear(self, x: Array, name: str) -> Array:
        found: Array = x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return found

    def _norm(self, x: Array, name: str) -> Array:
        apart = x - x.mean(axis=1, keepdims=True)
        spread = np.sqrt((apart * apart).mean(axis=1, keepdims=True) + np.float32(1e-5))
        found: Array = apart / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return found


@lru_cache(maxsize=1)
def shipped() -> Reader:
    """The reader that comes with Freehold."""
    from safetensors.numpy import load

    return Reader(load(files("freehold.assistant").joinpath("reader.safetensors").read_bytes()))


def card() -> dict[str, Any]:
    """What is known of the shipped reader: whose vectors it reads, what it was tuned on, its figures."""
    loaded: dict[str, Any] = json.loads(files("freehold.assistant").joinpath("reader.json").read_bytes())
    return loaded


def _scalars(own: Array, other: Array, near: Array, weights: Array, to_wh: Array) -> Array:
    best = np.sort(near, axis=1)[:, -2:]
    return np.stack([best[:, -1], best.mean(axis=1), (own * other).sum(axis=1), weights, to_wh], axis=1)


def _shares(scores: Array) -> Array:
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    found: Array = raised / raised.sum(axis=-1, keepdims=True)
    return found


def _gelu(x: Array) -> Array:
    inner = np.float32(0.7978845608) * (x + np.float32(0.044715) * x * x * x)
    found: Array = x * (np.float32(0.5) * (np.float32(1) + np.tanh(inner)))
    return found
