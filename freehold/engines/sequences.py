"""What the sequences of a context hold, and what earlier ones held, so that no prompt is read twice.

A new prompt starts from the longest beginning that was read with the same adapters: by a conversation that is
running, whose cells it then shares, which costs nothing; or by one that has ended, whose state is copied back
from memory, which takes milliseconds. States are kept outside the context because attention looks at every
cell in use, also of others: a full context would slow every token down.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from freehold.engines.llama_model import Context, Ids

NOTHING: Final = np.empty(0, np.int32)
WORTH_COPYING: Final = 4
"""Fewer tokens are read about as fast as a state is copied."""


@dataclass(eq=False, slots=True)
class Held:
    """One sequence: the tokens in its cache, and with which adapters they were read."""

    number: int
    tokens: Ids = field(default_factory=lambda: NOTHING)
    key: Hashable = None
    busy: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Saved:
    """A sequence as it was when its conversation ended."""

    tokens: Ids
    key: Hashable
    state: NDArray[np.uint8]


Known = TypeVar("Known", Held, Saved)


class Sequences:
    """The sequences of one context. Belongs to the thread that runs its steps."""

    def __init__(self, context: Context, *, kept_bytes: int, reusable: bool = True) -> None:
        """States of ended conversations take `kept_bytes` together, the one used longest ago goes first.
        `reusable` is False for models whose state cannot be cut back to a beginning."""
        self._context = context
        self._kept_bytes = kept_bytes
        self._reusable = reusable
        self._all = [Held(number) for number in range(context.sequences)]
        self._saved: list[Saved] = []
        """The one used last comes last."""

    def take(self, prompt: Sequence[int] | Ids, key: Hashable) -> tuple[Held, int]:
        """A free sequence for a prompt, and how many of the prompt's tokens it holds already.

        At least one is left to be read, for its logits. There must be a free one.
        """
        wanted = np.asarray(prompt[:-1], np.int32)
        taken = next(held for held in self._all if not held.busy)
        common = self._begin(taken.number, wanted, key) if self._reusable else 0
        taken.tokens, taken.key, taken.busy = wanted[:common], key, True
        return taken, common

    def give(self, held: Held, tokens: Sequence[int] | Ids) -> None:
        """Takes a sequence back, whose cache holds `tokens`, and empties it."""
        if self._reusable and len(tokens) >= WORTH_COPYING:
            self._save(Saved(np.asarray(tokens, np.int32), held.key, self._context.save(held.number)))
        self._context.forget(held.number)
        held.tokens, held.busy = NOTHING, False

    def _begin(self, number: int, wanted: Ids, key: Hashable) -> int:
        """Puts into an empty sequence what is known of a beginning of `wanted`: so many tokens."""
        running, shared = _best([held for held in self._all if held.busy], wanted, key)
        saved, restored = _best(self._saved, wanted, key)
        if saved is not None and restored >= shared + WORTH_COPYING:
            if self._context.restore(number, saved.state):
                if 2 * restored >= len(saved.tokens):  # else any other would have done
                    self._saved.remove(saved)
                    self._saved.append(saved)
                self._context.forget(number, restored)
                return restored
            self._context.forget(number)
        if running is not None and shared:
            self._context.share(running.number, number, shared)
        return shared

    def _save(self, new: Saved) -> None:
        self._saved = [
            old
            for old in self._saved
            if old.key != new.key or _common(old.tokens, new.tokens) < len(old.tokens)
        ]
        self._saved.append(new)
        while sum(len(each.state) for each in self._saved) > self._kept_bytes:
            del self._saved[0]


def _best(known: Sequence[Known], wanted: Ids, key: Hashable) -> tuple[Known | None, int]:
    """The one that has the longest beginning of `wanted`, the shortest of several; and how long that is."""
    same = [(each, _common(each.tokens, wanted)) for each in known if each.key == key]
    return max(same, key=lambda pair: (pair[1], -len(pair[0].tokens)), default=(None, 0))


def _common(one: Ids, other: Ids) -> int:
    """Tokens at the beginning that are the same."""
    length = min(len(one), len(other))
    differ = np.flatnonzero(one[:length] != other[:length])
    return int(differ[0]) if len(differ) else length
