"""Several conversations in one context: a thread that takes them forward together, step by step.

Each step is one call of llama.cpp over one group of conversations, those with the same adapters: the ones
that write by a token each, the ones whose prompt is being read by as many tokens as `steps` allows. Groups
take turns. A conversation that is given up ends its step at once when its prompt is being read or when it is
alone, and the others in that step do it again; else it ends with the step, which is short.
"""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from freehold.engines import steps
from freehold.engines.adapters import Adapters, Use
from freehold.engines.llama_model import AbortedError, Context, Ids, Model
from freehold.engines.sequences import Held, Sequences
from freehold.engines.writing import Writing
from freehold.errors import EngineError


@dataclass(eq=False, slots=True)
class Conversation:
    """One prompt and its answer, on the way through the scheduler."""

    prompt: Ids
    writing: Writing
    adapter: Use | None = None
    on_read: Callable[[], None] = lambda: None
    """Called after each step that read some of the prompt."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    failure: Exception | None = None
    cached: int = 0
    """Tokens of the prompt that were in the cache."""
    filled: int = 0
    """Tokens, of prompt and answer together, that are in the cache now."""
    held: Held | None = None
    adapted: bool = False
    """Its adapter is loaded, and kept for it."""

    @property
    def unread(self) -> int:
        """Tokens of the prompt that are not in the cache; 0 once the answer is being written."""
        return max(0, len(self.prompt) - self.filled)

    @property
    def key(self) -> Hashable:
        """What the cache depends on beside the tokens."""
        return None if self.adapter is None else (self.adapter.id, self.adapter.scale)

    def next_tokens(self, count: int) -> list[int]:
        """What the next step gets of it: so much of the prompt, or the last token written."""
        if self.unread:
            return list(self.prompt[self.filled : self.filled + count].tolist())
        return self.writing.tokens[-1:]


class Scheduler:
    """Runs conversations on one context until closed."""

    def __init__(
        self, model: Model, context: Context, adapters: Adapters, *, slots: int, kept_bytes: int
    ) -> None:
        """At most `slots` run at once; the others wait in order. What ended conversations have read is
        kept in `kept_bytes` of memory."""
        self._model = model
        self._context = context
        self._adapters = adapters
        self._slots = slots
        self._sequences = Sequences(context, kept_bytes=kept_bytes, reusable=model.can_forget_a_part)
        self._pace = steps.Pace(context.batch)
        self._waiting: list[Conversation] = []
        self._running: list[Conversation] = []
        self._deciding: list[Conversation] = []
        """Those who end the step of this moment when they are given up."""
        self._last_key: Hashable = None
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()

    def run(self, conversation: Conversation) -> None:
        """Returns when it has ended; its failure is raised."""
        with self._changed:
            if self._closing:
                raise EngineError("The model is being stopped.")
            self._waiting.append(conversation)
            self._changed.notify()
        conversation.ended.wait()
        if conversation.failure is not None:
            raise conversation.failure

    def cancel(self, conversation: Conversation) -> None:
        """Ends it: within its step when its prompt is being read, else after its step."""
        conversation.cancelled.set()
        with self._changed:
            if conversation in self._deciding and self._model.can_forget_a_part:
                self._context.abort()
            self._changed.notify()

    def close(self, seconds: float) -> bool:
        """Cancels all; False when the thread does not end in time."""
        with self._changed:
            self._closing = True
            for conversation in (*self._waiting, *self._running):
                conversation.cancelled.set()
            self._context.abort()
            self._changed.notify()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while self._go_on():
                pass
        except BaseException:
            # Nobody would be served any more, nor told so: the process ends, and another is started.
            traceback.print_exc()
            os._exit(os.EX_SOFTWARE)

    def _go_on(self) -> bool:
        """One turn; False when closed and nothing is left to do."""
        with self._changed:
            while not (self._waiting or self._running or self._closing):
                self._changed.wait()
            if self._closing and not self._waiting and not self._running:
                return False
        self._retire()
        self._admit()
        group = self._group()
        if group:
            try:
                self._step(group)
            except AbortedError:
                self._undo(group)
            except Exception as error:
                self._undo(group)
                for conversation in group:
                    if not conversation.ended.is_set():
                        self._end(conversation, error)
        return True

    def _admit(self) -> None:
        """Gives those who wait a sequence, as far as there are slots."""
        while len(self._running) < self._slots:
            with self._changed:
                if not self._waiting:
                    return
                conversation = self._waiting.pop(0)
                self._running.append(conversation)
            try:
                conversation.held, conversation.cached = self._sequences.take(
                    conversation.prompt, conversation.key
                )
                conversation.filled = conversation.cached
                if conversation.adapter is not None:
                    self._adapters.take(conversation.adapter)
                    conversation.adapted = True
            except Exception as error:
                self._end(conversation, error)

    def _retire(self) -> None:
        """Lets those go that were given up."""
        with self._changed:
            given_up = [each for each in self._waiting if each.cancelled.is_set()]
            self._waiting = [each for each in self._waiting if not each.cancelled.is_set()]
        for conversation in given_up:
            conversation.ended.set()
        for conversation in [each for each in self._running if each.cancelled.is_set()]:
            self._end(conversation, None)

    def _group(self) -> list[Conversation]:
        """The conversations of the next step: of the adapters whose turn it is."""
        keys = list(dict.fromkeys(each.key for each in self._running))
        if not keys:
            return []
        turn = keys.index(self._last_key) + 1 if self._last_key in keys else 0
        self._last_key = keys[turn % len(keys)]
        return [each for each in self._running if each.key == self._last_key]

    def _step(self, group: list[Conversation]) -> None:
        writing = [each for each in group if not each.unread]
        reading = [each for each in group if each.unread]
        with self._changed:
            alone = len(self._running) == 1 and not self._waiting
        unread = [each.unread for each in reading]
        budget = self._pace.budget(sum(unread), writing=len(writing), alone=alone)
        shares = steps.shares(unread, budget)
        counts = dict.fromkeys(map(id, writing), 1) | dict(zip(map(id, reading), shares, strict=True))
        parts = [(each, each.next_tokens(counts[id(each)])) for each in group if counts[id(each)]]
        self._adapt(group[0].adapter)
        begun = time.perf_counter()
        self._decode(parts, group if len(group) == 1 else reading)
        if reading:
            self._pace.saw(sum(len(tokens) for _, tokens in parts), time.perf_counter() - begun)
        self._write(parts)

    def _decode(self, parts: Sequence[tuple[Conversation, list[int]]], deciding: list[Conversation]) -> None:
        """One call of llama.cpp.

        Raises:
            AbortedError: one of `deciding` was given up.
        """
        tokens: list[int] = []
        positions: list[int] = []
        numbers: list[int] = []
        outputs: list[bool] = []
        for conversation, ids in parts:
            end = conversation.filled + len(ids)
            tokens += ids
            positions += range(conversation.filled, end)
            numbers += [_number(conversation)] * len(ids)
            outputs += [False] * (len(ids) - 1) + [end >= len(conversation.prompt)]
        with self._changed:
            if self._closing or any(each.cancelled.is_set() for each in deciding):
                raise AbortedError
            self._deciding = deciding
            self._context.resume()
        try:
            if not self._context.decode(tokens, positions, numbers, outputs):
                raise EngineError("The conversations do not fit into the context together.")
        finally:
            with self._changed:
                self._deciding = []

    def _write(self, parts: Sequence[tuple[Conversation, list[int]]]) -> None:
        """Takes note of what was read, and lets those write whose prompt is read to its end."""
        end = -1
        for conversation, ids in parts:
            end += len(ids)
            was_reading = bool(conversation.unread)
            conversation.filled += len(ids)
            if was_reading:
                assert conversation.held is not None
                conversation.held.tokens = conversation.prompt[: conversation.filled]
                conversation.on_read()
            if not conversation.unread:
                try:
                    if conversation.writing.go_on(self._context.logits(end)):
                        self._end(conversation, None)
                except Exception as error:
                    self._end(conversation, error)

    def _undo(self, group: Sequence[Conversation]) -> None:
        """Takes out of the cache what an ended step may have put there."""
        for conversation in group:
            self._context.forget(_number(conversation), conversation.filled)

    def _end(self, conversation: Conversation, failure: Exception | None) -> None:
        conversation.failure = failure
        with self._changed:  # `close` goes through them from another thread
            self._running.remove(conversation)
        if conversation.held is not None:
            written = np.array(conversation.writing.tokens, np.int32)
            self._sequences.give(
                conversation.held, np.concatenate([conversation.prompt, written])[: conversation.filled]
            )
        if conversation.adapter is not None and conversation.adapted:
            self._adapters.give(conversation.adapter)
        conversation.ended.set()

    def _adapt(self, use: Use | None) -> None:
        self._context.adapt([] if use is None else [(self._adapters.get(use), use.scale)])


def _number(conversation: Conversation) -> int:
    assert conversation.held is not None
    return conversation.held.number
