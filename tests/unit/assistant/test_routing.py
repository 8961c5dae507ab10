"""Who routes a message, with real registry and router files and the shipped fake engine."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest
import tiny_gguf

from freehold.assistant.brief_model import PAUSE_SECONDS, BriefModel
from freehold.assistant.linear_router import LinearRouter
from freehold.assistant.model_router import ModelRouter
from freehold.assistant.routing import Routed, Router
from freehold.engines.active import ActiveEngine
from freehold.engines.base import Finished, Generation, TextDelta, TokenLogprob
from freehold.errors import EngineCrashed, Overloaded
from freehold.models.registry import Registry
from freehold.store.database import Database
from freehold.store.migrations import migrate
from freehold.tasks.linear_route import LinearRoute, write
from freehold.tasks.route import POLICY, Route
from freehold.testing import FakeClock, FakeEmbedder, FakeEngine, Script
from freehold.types import Turn

EMBEDDER = FakeEmbedder()
LABELS = ("card", "refund", "out_of_scope")


class Chances(FakeEngine):
    """Says its words with the log-probability that it is told."""

    def __init__(self, said: str, logprob: float) -> None:
        super().__init__(1e6, said)
        self._logprob = logprob

    async def generate(self, request: Generation) -> AsyncGenerator[TextDelta | Finished, None]:
        async for event in super().generate(request):
            if isinstance(event, TextDelta):
                yield TextDelta(event.text, (TokenLogprob(1, event.text, self._logprob),))
            else:
                yield event


class World:
    """A router between a linear one, where `learn` was called, and a model, where `use` was."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = Database(folder / "freehold.db")
        migrate(self.database)
        self.registry = Registry(self.database, folder / "models")
        self.engine: FakeEngine = FakeEngine()
        self.linear: dict[str, object] = {}
        self.active = ActiveEngine(self.registry, lambda model: self.engine, task="route")
        self.clock = FakeClock()
        self.model = ModelRouter(BriefModel(self.active, seconds=0.2, clock=self.clock))
        self.router = Router(LinearRouter(folder / "router.safetensors", EMBEDDER), self.model)

    def learn(self, accuracy: float) -> None:
        weights = 20 * EMBEDDER.embed(LABELS)
        limits = dict.fromkeys(LABELS, 0.5)
        facts = {"dataset": "same"}
        self.linear = {"dataset": "same", "accuracy": accuracy, "p": 0.01}
        router = LinearRoute(weights, np.zeros(3, np.float32), LABELS, 1.0, limits, EMBEDDER.name, facts)
        write(router, self.folder / "router.safetensors")

    async def use(self, engine: FakeEngine, accuracy: float | None = 0.9) -> str:
        self.engine = engine
        measured = {} if accuracy is None else {"accuracy": accuracy, "linear": self.linear}
        metrics = {"route": {"labels": list(LABELS)} | measured}
        path = tiny_gguf.write(self.folder / "tiny.gguf", width=32, layers=1)
        model = self.registry.add(path, "tuned", lineage={"metrics": metrics})
        await self.active.use("tuned")
        return model.id


@pytest.fixture
def world(tmp_path: Path):
    world = World(tmp_path)
    yield world
    world.database.close()


def says(script: Script, speed: float = 1e6) -> FakeEngine:
    return FakeEngine(speed, script)


async def test_without_either_nothing_is_routed(world: World) -> None:
    assert await world.router("my card") == Routed()


async def test_a_model_that_has_the_task_routes(world: World) -> None:
    engine = says("Refund.")
    id = await world.use(engine)
    routed = await world.router("  I want my money back ")
    assert (routed.route, routed.by, routed.failure) == (Route("refund", 1.0, True), id, None)
    assert routed.usage.completion_tokens == 1
    (asked,) = engine.requests
    assert (asked.system, asked.messages) == (POLICY, (Turn("user", "I want my money back"),))
    assert (asked.temperature, asked.logprobs) == (0, 0)
    await world.active.use(None)
    assert await world.router("I want my money back") == Routed()


@pytest.mark.parametrize(
    ("tuned", "linear", "by"), [(0.95, 0.9, "model"), (0.9, 0.95, "linear"), (None, 0.1, "linear")]
)
async def test_the_better_of_two_routes(world: World, tuned: float | None, linear: float, by: str) -> None:
    world.learn(linear)
    engine = says("refund")
    id = await world.use(engine, tuned)
    routed = await world.router("my card")
    assert routed.route is not None
    assert (routed.by, routed.route.label) == ((id, "refund") if by == "model" else ("linear", "card"))
    assert len(engine.requests) == (by == "model")


async def test_what_is_measured_later_counts_from_the_next_message_on(world: World) -> None:
    world.learn(0.9)
    id = await world.use(says("refund"), None)
    assert (await world.router("my card")).by == "linear"
    metrics = {"labels": [*LABELS], "accuracy": 0.95, "linear": world.linear}
    world.active.know(world.registry.note("tuned", "route", metrics))
    assert (await world.router("my card")).by == id


@pytest.mark.parametrize(("logprob", "sure"), [(math.log(0.99), True), (math.log(0.6), False)])
async def test_confidence_comes_from_the_words_chances(world: World, logprob: float, sure: bool) -> None:
    await world.use(Chances("out of scope", logprob))
    route = (await world.router("the moons of Jupiter")).route
    assert route is not None and route.label == "out_of_scope"
    assert route.confidence == pytest.approx(math.exp(3 * logprob))
    assert route.sure is sure


@pytest.mark.parametrize(
    ("engine", "failure"),
    [
        (says("I cannot say"), "it wrote no label that is known: 'I cannot say'"),
        (says([EngineCrashed("It died.")]), "tuned failed: It died."),
        (says([Overloaded("Full.", retry_after=1)]), "tuned failed: Full."),
        (says("card", speed=0.5), "tuned took longer than 0.2 s"),
    ],
)
@pytest.mark.parametrize("rival", [True, False])
async def test_what_the_model_cannot_say_the_linear_router_says_or_nobody(
    world: World, engine: FakeEngine, failure: str, rival: bool
) -> None:
    if rival:
        world.learn(0.5)
    await world.use(engine)
    routed = await world.router("my card")
    assert routed.failure == failure
    assert (routed.by, routed.route and routed.route.label) == (("linear", "card") if rival else (None, None))
    assert engine.running == 0


async def test_a_model_that_failed_is_left_alone_for_a_while(world: World) -> None:
    engine = says([EngineCrashed("It died."), "card"])
    id = await world.use(engine)
    await world.router("my card")
    assert (await world.router("my card")).failure == "tuned failed a moment ago and is left alone"
    assert len(engine.requests) == 1
    world.clock.advance(PAUSE_SECONDS)
    assert (await world.router("my card")).by == id


async def test_another_event_loop_may_ask(world: World) -> None:
    """As evaluations do, which run in threads of their own."""
    where: list[asyncio.AbstractEventLoop] = []

    def script(request: Generation) -> str:
        where.append(asyncio.get_running_loop())
        return "card"

    id = await world.use(says(script))
    routed = await asyncio.to_thread(lambda: asyncio.run(ask(world.router)))
    assert (routed.by, where) == (id, [asyncio.get_running_loop()])


async def ask(router: Router) -> Routed:
    return await router("my card")
