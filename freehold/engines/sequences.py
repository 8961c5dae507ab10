"""What each sequence of a context holds, so that no prompt is read twice.

A sequence that has given its answer keeps its tokens until they are in the way. A new prompt starts where
some sequence, busy or idle, has read the same tokens with the same adapters: in that sequence when the whole
of it is a beginning of the prompt, else in another one that shares its cells, which costs nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from freehold.engines.llama_model import Context, Ids

NOTHING = np.empty(0, np.int32)


@dataclass(eq=False, slots=True)
class Held:
    """One sequence: the tokens in its cache, and with which adapters they were read."""

    number: int
    tokens: Ids = field(default_factory=lambda: NOTHING)
    key: Hashable = None
    busy: bool = False
    used: int = 0
    """When it was last taken or given back; larger is later."""


class Sequences:
    """The sequences of one context. Belongs to the thread that runs its steps."""

    def __init__(self, context: Context, *, idle_tokens: int, reusable: bool = True) -> None:
        """Idle ones keep at most `idle_tokens` together, or the last one its own: attention looks at every
        cell in use, also of others. `reusable` is False for models whose state cannot be cut back."""
        self._context = context
        self._idle_tokens = idle_tokens
        self._reusable = reusable
        self._all = [Held(number) for number in range(context.sequences)]
        self._clock = itertools.count(1)

    def take(self, prompt: Sequence[int] | Ids, key: Hashable) -> tuple[Held, int]:
        """A free sequence for a prompt, and how many of the prompt's tokens it holds already.

        At least one is left to be read, for its logits. There must be a free one.
        """
        wanted = np.asarray(prompt[:-1], np.int32)
        source, common = self._best(wanted, key)
        idle = sorted((held for held in self._all if not held.busy), key=lambda held: held.used)
        if source is not None and not source.busy and (common == len(source.tokens) or len(idle) == 1):
            taken = source
            self._context.forget(taken.number, common)
        else:
            taken = next(held for held in idle if held is not source or len(idle) == 1)
            self._empty(taken)
            if source is not None and common:
                self._context.share(source.number, taken.number, common)
        taken.tokens, taken.key, taken.busy = wanted[:common], key, True
        taken.used = next(self._clock)
        return taken, common

    def give(self, held: Held, tokens: Sequence[int] | Ids) -> None:
        """Takes a sequence back, whose cache holds `tokens`."""
        held.tokens = np.asarray(tokens, np.int32)
        held.busy = False
        held.used = next(self._clock)
        if not self._reusable:
            self._empty(held)
        while True:
            sizes = [len(each.tokens) for each in self._all if not each.busy and len(each.tokens)]
            if len(sizes) < 2 or sum(sizes) <= self._idle_tokens:
                return  # the last one stays: its conversation is the likeliest to go on
            self.evict()

    def evict(self) -> bool:
        """Empties the idle sequence that was used longest ago; False when there is none to empty."""
        idle = [held for held in self._all if not held.busy and len(held.tokens)]
        if not idle:
            return False
        self._empty(min(idle, key=lambda held: held.used))
        return True

    def _best(self, wanted: Ids, key: Hashable) -> tuple[Held | None, int]:
        """The sequence that has the longest beginning of `wanted`, an idle one before a busy one."""
        if not self._reusable:
            return None, 0
        same = [(held, _common(held.tokens, wanted)) for held in self._all if held.key == key]
        best = max(same, key=lambda pair: (pair[1], not pair[0].busy, pair[0].used), default=(None, 0))
        return best if best[1] else (None, 0)

    def _empty(self, held: Held) -> None:
        self._context.forget(held.number)
        held.tokens = NOTHING


def _common(one: Ids, other: Ids) -> int:
    """Tokens at the beginning that are the same."""
    length = min(len(one), len(other))
    differ = np.flatnonzero(one[:length] != other[:length])
    return int(differ[0]) if len(differ) else length
