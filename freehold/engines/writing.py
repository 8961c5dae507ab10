"""One answer as it is written: tokens chosen, text let out, until something ends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from freehold.engines.llama_model import Model
from freehold.engines.outlet import Outlet
from freehold.engines.sampler import Sampler, log_probabilities


class Writing:
    """Turns logits into an answer; tells `emit` each piece of text with the tokens it came from."""

    def __init__(
        self,
        model: Model,
        sampler: Sampler,
        *,
        max_tokens: int,
        stops: Sequence[str],
        logprobs: int | None,
        emit: Callable[[str, list[dict[str, Any]]], None],
    ) -> None:
        """`logprobs` asks for each token's log-probability and those of so many likelier ones."""
        self.tokens: list[int] = []
        self.reason: Literal["stop", "length"] | None = None
        self._model = model
        self._sampler = sampler
        self._max_tokens = max_tokens
        self._outlet = Outlet(stops)
        self._logprobs = logprobs
        self._emit = emit
        self._told: list[dict[str, Any]] = []

    def go_on(self, logits: NDArray[np.float32]) -> bool:
        """Writes the next token after these logits, shape (vocabulary,); True when that was the last."""
        token = self._sampler.choose(logits)
        if self._model.ends(token):
            self.reason = "stop"
        else:
            self.tokens.append(token)
            self._sampler.accept(token)
            if self._logprobs is not None:
                self._told.append(self._describe(token, logits, self._logprobs))
            text = self._outlet.feed(self._model.piece(token))
            if self._outlet.stopped:
                self.reason = "stop"
            elif len(self.tokens) >= self._max_tokens:
                self.reason = "length"
            self._tell(text)
        if self.reason is None:
            return False
        self._tell(self._outlet.rest(), last=True)
        return True

    def _tell(self, text: str, *, last: bool = False) -> None:
        if text or not last or self._told:
            self._emit(text, self._told if text or last else [])
            if text or last:
                self._told = []

    def _describe(self, token: int, logits: NDArray[np.float32], others: int) -> dict[str, Any]:
        logs = log_probabilities(logits)
        top = np.argpartition(-logs, min(others, len(logs) - 1))[:others] if others else np.empty(0, np.int64)
        best = sorted((int(each) for each in top), key=lambda each: -logs[each])
        return {
            **self._named(token, logs),
            "top": [self._named(each, logs) for each in best],
        }

    def _named(self, token: int, logs: NDArray[np.float32]) -> dict[str, Any]:
        return {
            "token": token,
            "text": self._model.piece(token).decode(errors="replace"),
            "logprob": float(logs[token]),
        }
