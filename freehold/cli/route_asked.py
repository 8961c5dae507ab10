"""The labelled messages that routers are measured on, and what a model or the linear router says of each."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from freehold.cli.own_engine import Described, engine_of, model_of
from freehold.cli.progress import Bar
from freehold.errors import EngineError, InvalidInput

if TYPE_CHECKING:  # numpy and the settings take their time; --help does without
    from freehold.assistant.model_router import Asked as ModelAsked
    from freehold.assistant.model_router import ModelRouter
    from freehold.config import Config
    from freehold.engines.base import Embedder
    from freehold.tasks.linear_route import LinearRoute

FAILURES = 8
"""Messages in a row that a model may fail at before the measuring ends."""


@dataclass(frozen=True, slots=True)
class Messages:
    """Labelled messages that neither rival learnt from before it is measured on them, as far as is known."""

    texts: list[str]
    gold: list[str]
    held_out: list[int | None]
    """Of a message that the linear router learnt only after it was measured on it: the number of the label
    that it gave then."""
    by_model: int
    """Messages left out because the model learnt from them."""
    by_linear: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What one who routes said of each message, and what that took."""

    said: list[str | None]
    """Labels; None where it gave none."""
    seconds: list[float]
    """Of those messages that were asked now."""
    tokens: list[int]
    failed: int = 0
    """Messages at which the model failed, or took longer than it may."""

    def cost(self) -> dict[str, float]:
        """Medians of a message; nothing of what was not asked now."""
        found = {"ms": round(1000 * median(self.seconds), 2)} if self.seconds else {}
        return found | ({"tokens": median(self.tokens)} if any(self.tokens) else {})


def chosen(
    rows: Sequence[tuple[str, str]],
    linear: LinearRoute | None,
    model_learnt: Collection[int],
    limit: int | None,
) -> Messages:
    """Of messages with labels those to be asked; `limit` draws by their hashes, always the same ones.

    Raises:
        InvalidInput: all of them were learnt from, or it is not known what the linear router learnt from.
    """
    from freehold.tasks.learnt import NOT_HELD_OUT, fingerprint

    known = {} if linear is None else linear.learnt.known()
    if linear is not None and not known:
        raise InvalidInput(
            "The linear router in service does not say what it learnt from.",
            hint="Train it anew: `freehold route train`.",
        )
    kept: list[tuple[str, str, int | None]] = []
    by_model = by_linear = 0
    for text, label in rows:
        print_ = fingerprint(text)
        said = known.get(print_)
        if print_ in model_learnt:
            by_model += 1
        elif said == NOT_HELD_OUT:
            by_linear += 1
        else:
            kept.append((text, label, said))
    if not kept:
        raise InvalidInput(
            f"Of {len(rows):,} messages {by_model:,} are among those that the model learnt from, and "
            f"{by_linear:,} more among the linear router's: none is left to measure on.",
            hint="Measure on messages that were kept apart from training.",
        )
    if limit is not None:
        kept.sort(key=lambda each: hashlib.sha256(each[0].encode(errors="replace")).digest())
    texts, gold, held_out = map(list, zip(*kept[:limit], strict=True))
    return Messages(texts, gold, held_out, by_model, by_linear)


def of_the_linear(linear: LinearRoute, embedder: Embedder, messages: Messages) -> Asked:
    """What the linear router says; of messages that were held out, what it said before it learnt them."""
    from freehold.tasks.route import LONGEST_MESSAGE

    said: list[str | None] = []
    seconds = []
    with Bar("The linear router") as bar:
        for text, before in zip(messages.texts, messages.held_out, strict=True):
            if before is not None:
                said.append(linear.labels[before])
                continue
            began = time.perf_counter()
            said.append(linear.route(embedder.embed([text[:LONGEST_MESSAGE]])[0]).label)
            seconds.append(time.perf_counter() - began)
            bar.update(len(said), len(messages.texts), "")
    return Asked(said, seconds, [])


@asynccontextmanager
async def running(config: Config, model: Described) -> AsyncGenerator[ModelRouter]:
    """A router over an engine of its own, with the context and the patience that it has in service.

    Raises:
        FreeholdError: the model cannot be run or reached.
    """
    from freehold.assistant import brief_model
    from freehold.assistant.model_router import ModelRouter
    from freehold.engines.chosen import ChosenEngine

    logging.getLogger(brief_model.__name__).setLevel(logging.ERROR)  # failures are told by those who ask
    context = min(config.engine_context, brief_model.CONTEXT)
    engine = await asyncio.to_thread(engine_of, config, model, context=context)
    try:
        await engine.start()
        yield ModelRouter(brief_model.BriefModel(ChosenEngine(engine, model_of(model[0])), pause=0))
    finally:
        await engine.close()


async def of_one(config: Config, model: Described, labels: Collection[str], message: str) -> ModelAsked:
    """What a model says of one message.

    Raises:
        FreeholdError: it cannot be run or reached.
    """
    async with running(config, model) as router:
        return await router.ask(message, labels)


async def of_the_model(
    config: Config, model: Described, labels: Collection[str], messages: Messages
) -> Asked:
    """What a model says, asked one message after another as in service.

    Raises:
        FreeholdError: it cannot be run or reached, or fails again and again.
    """
    said: list[str | None] = []
    seconds, tokens = [], []
    failed = in_a_row = 0
    async with running(config, model) as router:
        with Bar(model[0]["name"]) as bar:
            for text in messages.texts:
                began = time.perf_counter()
                asked = await router.ask(text, labels)
                seconds.append(time.perf_counter() - began)
                tokens.append(asked.usage.prompt_tokens + asked.usage.completion_tokens)
                said.append(None if asked.route is None else asked.route.label)
                failed, in_a_row = (failed, 0) if asked.written is not None else (failed + 1, in_a_row + 1)
                if in_a_row == FAILURES:
                    raise EngineError(
                        f"{asked.failure}, {FAILURES} messages in a row.",
                        hint="In service it would route nothing. Nothing was kept; measure again if the"
                        " machine was busy with something else.",
                    )
                bar.update(len(said), len(messages.texts), text)
    return Asked(said, seconds, tokens, failed)
