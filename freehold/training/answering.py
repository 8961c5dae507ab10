"""Sequence-level distillation (Kim and Rush 2016): a teacher writes the answers that a student learns from.

Asks for what is not answered yet, several prompts at once, and writes each answer down as it comes. What is
no answer (empty, cut off, refused, failed) is counted and named, never written; the next run asks it again.
Knows nothing of models: `ask` is the teacher.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from freehold.errors import EndpointRefused, FreeholdError, InvalidInput
from freehold.training.answer_file import AnswerFile
from freehold.training.prompts import Prompt

IN_A_ROW = 8
"""Failures without an answer between them, after which the teacher is not asked any more."""
TRIES = 4
MOST_PAUSE = 30.0
"""Seconds; a teacher that wants more is asked again so long after all the same."""

Why = Literal["empty", "cut", "refused", "too_long", "failed"]


@dataclass(frozen=True, slots=True)
class Said:
    """What a teacher answered."""

    text: str
    whole: bool
    """It came to its end by itself."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A prompt without an example."""

    where: str
    why: Why
    message: str
    hint: str | None = None


@dataclass(slots=True)
class Tally:
    """How far the asking is."""

    prompts: int = 0
    there: int = 0
    """Answered by an earlier run."""
    repeated: int = 0
    """The same as an earlier line; asked once."""
    written: int = 0
    unanswered: list[Unanswered] = field(default_factory=list)

    def count(self, why: Why) -> int:
        """How many were not answered for this reason."""
        return sum(each.why == why for each in self.unanswered)

    @property
    def done(self) -> int:
        return self.there + self.repeated + self.written + len(self.unanswered)


Ask = Callable[[Prompt], Awaitable[Said]]


class Answering:
    """One go at a file of prompts."""

    def __init__(self, prompts: Iterable[Prompt], file: AnswerFile, told: Callable[[Tally], None]) -> None:
        self.tally = Tally()
        self._file = file
        self._told = told
        self._left = iter(self._wanted(prompts))
        self._failures = 0
        self._stop: FreeholdError | None = None

    async def run(self, ask: Ask, *, at_once: int) -> None:
        """Asks everything that is left.

        Raises:
            NoRoom: the disk is full.
            FreeholdError: what the teacher failed by, so often in a row that it was given up.
        """
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(self._work(ask))
        if self._stop is not None:
            raise self._stop

    def _wanted(self, prompts: Iterable[Prompt]) -> list[Prompt]:
        seen: set[str] = set()
        wanted = []
        for prompt in prompts:
            self.tally.prompts += 1
            digest = prompt.digest
            if digest in seen:
                self.tally.repeated += 1
            elif digest in self._file.there:
                self.tally.there += 1
            else:
                wanted.append(prompt)
            seen.add(digest)
        return wanted

    async def _work(self, ask: Ask) -> None:
        for prompt in self._left:
            try:
                self._take(prompt, await _patiently(ask, prompt))
            except FreeholdError as error:  # only what no other prompt would fare better by
                self._stop = error
            if self._stop is not None:
                return
            self._told(self.tally)

    def _take(self, prompt: Prompt, said: Said | FreeholdError) -> None:
        """
        Raises:
            FreeholdError: it makes no sense to go on.
        """
        if isinstance(said, FreeholdError):
            why = _why(said)
            self.tally.unanswered.append(Unanswered(prompt.where, why, said.message, said.hint))
            self._failures += why in ("refused", "failed")
            if self._failures >= IN_A_ROW:
                raise said
            return
        self._failures = 0
        if not said.whole:
            cut = "The answer was cut off at the length that it may have."
            hint = "Allow longer ones: --max-tokens."
            self.tally.unanswered.append(Unanswered(prompt.where, "cut", cut, hint))
        elif not said.text.strip():
            self.tally.unanswered.append(Unanswered(prompt.where, "empty", "The answer is empty."))
        else:
            self._file.write(prompt, said.text)
            self.tally.written += 1


def _why(error: FreeholdError) -> Why:
    if isinstance(error, EndpointRefused):
        return "refused"
    return "too_long" if isinstance(error, InvalidInput) else "failed"


async def _patiently(ask: Ask, prompt: Prompt) -> Said | FreeholdError:
    """Asks again where the teacher wants to be asked later."""
    for attempt in range(TRIES):
        try:
            return await ask(prompt)
        except FreeholdError as error:
            if error.retry_after is None or attempt == TRIES - 1:
                return error
            pause = min(error.retry_after, MOST_PAUSE)
        await asyncio.sleep(pause)
    raise AssertionError("the last attempt returns")
