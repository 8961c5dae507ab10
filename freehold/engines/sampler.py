"""Chooses the next token from logits: greedily, at random, within a grammar.

llama.cpp's own samplers do the work, so that a request means here what it means at the wheel's server. Of a
grammar only the token at hand is asked first, and the whole vocabulary when that one is not allowed: most
are, and a large vocabulary takes a grammar many milliseconds.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freehold.engines.llama_api import TokenData, TokenDataArray
from freehold.engines.llama_model import Model
from freehold.errors import EngineError, InvalidInput

CANDIDATE: Final = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
RANDOM_SEED: Final = 0xFFFFFFFF
"""llama.cpp's sign for a seed of its own choice."""
MAX_GRAMMAR: Final = 256 * 1024
SPACING: Final = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""One way to write each JSON, as `json.dumps` does: else a model may go on with spaces for ever."""

Candidates = NDArray[Any]
"""Shape (n,), of CANDIDATE."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen; the fields of `Generation` of the same names."""

    temperature: float = 0.0
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    seed: int | None = None
    grammar: str | None = None
    json_schema: Mapping[str, Any] | None = None


class Sampler:
    """The choices of one answer. Frees what it holds by `close`."""

    def __init__(self, model: Model, sampling: Sampling) -> None:
        """Raises:
        InvalidInput: llama.cpp does not take the grammar or the schema.
        """
        self._model = model
        self._api = model.api
        self._chain = None
        self._grammar = _grammar(model, sampling)
        if sampling.temperature > 0:
            self._chain = self._api.sampler_chain_init(self._api.sampler_chain_default_params())
            seed = RANDOM_SEED if sampling.seed is None else sampling.seed & 0x7FFFFFFF
            for part in (
                self._api.sampler_init_top_k(sampling.top_k),
                self._api.sampler_init_top_p(sampling.top_p, 1),
                self._api.sampler_init_min_p(sampling.min_p, 1),
                self._api.sampler_init_temp(sampling.temperature),
                self._api.sampler_init_dist(seed),
            ):
                self._api.sampler_chain_add(self._chain, part)

    def choose(self, logits: NDArray[np.float32]) -> int:
        """The next token after these logits, shape (vocabulary,).

        Raises:
            EngineError: the grammar allows none, or the model computes no numbers.
        """
        if np.isnan(logits.max()):
            raise EngineError(
                "The model computes no numbers: its weights are damaged.",
                hint="Take its file from the publisher again, and compare the checksum.",
            )
        token = self._pick(logits)
        if self._grammar is not None and not self._allows(token, logits):
            allowed = _apply(self._model, self._grammar, candidates(logits))["logit"]
            token = self._pick(allowed)
            if not np.isfinite(allowed[token]):
                raise EngineError("No token of this model goes on as the grammar asks.")
        return token

    def accept(self, token: int) -> None:
        """Moves the grammar past a token that `choose` gave and that does not end the answer."""
        if self._grammar is not None:
            self._api.sampler_accept(self._grammar, token)

    def close(self) -> None:
        for part in (self._chain, self._grammar):
            if part is not None:
                self._api.sampler_free(part)
        self._chain = self._grammar = None

    def _pick(self, logits: NDArray[np.float32]) -> int:
        if self._chain is None:
            return int(logits.argmax())
        return _selected(self._model, self._chain, candidates(logits))

    def _allows(self, token: int, logits: NDArray[np.float32]) -> bool:
        one = np.array([(token, logits[token], 0.0)], CANDIDATE)
        return bool(np.isfinite(_apply(self._model, self._grammar, one)["logit"][0]))


def candidates(logits: NDArray[np.float32]) -> Candidates:
    """The whole vocabulary as llama.cpp's samplers take it."""
    array = np.empty(len(logits), CANDIDATE)
    array["id"] = np.arange(len(logits))
    array["logit"] = logits
    array["p"] = 0.0
    return array


def log_probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of the model's own distribution, before temperature and grammar; shape as `logits`."""
    shifted = logits - logits.max()
    return np.asarray(shifted - np.log(np.exp(shifted, dtype=np.float64).sum()), np.float32)


def _grammar(model: Model, sampling: Sampling) -> Any:
    """A sampler that allows only what the grammar or the schema does; None without either."""
    api = model.api
    if sampling.grammar is not None:
        if not sampling.grammar.strip() or len(sampling.grammar) > MAX_GRAMMAR or "\0" in sampling.grammar:
            raise InvalidInput("The grammar is empty, too long, or holds a null character.")
        made = api.sampler_init_grammar(model.vocabulary, sampling.grammar.encode(errors="replace"), b"root")
        if not made:
            raise InvalidInput(
                "The grammar cannot be followed: llama.cpp does not read it.",
                hint="Write it in GBNF, with a rule named root and no left recursion.",
            )
        return made
    if sampling.json_schema is not None:
        schema = json.dumps({"x-guidance": SPACING, **sampling.json_schema})
        made = api.sampler_init_llg(model.vocabulary, b"lark", f"start: %json {schema}".encode())
        # A schema that it does not understand leaves it without a grammar, and says so to nobody.
        if (
            not made
            or np.isfinite(_apply(model, made, candidates(np.zeros(model.tokens, np.float32)))["logit"]).all()
        ):
            if made:
                api.sampler_free(made)
            raise InvalidInput(
                "The JSON schema cannot be followed: it is not sound, or uses what is not supported.",
                hint="Use types, properties, required, items, enum, const, anyOf and simple patterns.",
            )
        return made
    return None


def _apply(model: Model, sampler: Any, array: Candidates) -> Candidates:
    """`array` with the logits of what the sampler forbids at minus infinity."""
    model.api.sampler_apply(sampler, ctypes.byref(_view(array)))
    return array


def _selected(model: Model, chain: Any, array: Candidates) -> int:
    view = _view(array)
    model.api.sampler_apply(chain, ctypes.byref(view))
    return int(view.data[view.selected].id)  # the data may lie elsewhere now


def _view(array: Candidates) -> TokenDataArray:
    return TokenDataArray(ctypes.cast(array.ctypes.data, ctypes.POINTER(TokenData)), len(array), -1, False)
