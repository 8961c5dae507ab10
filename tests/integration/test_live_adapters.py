"""LoRA adapters put on a running model: loaded, mixed, switched off, and hostile ones turned away."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import tiny_adapter
import tiny_gguf

from freehold.engines.active import ActiveEngine
from freehold.engines.base import AdapterUse, Finished, Generation, TextDelta
from freehold.engines.local import LocalEngine
from freehold.errors import InvalidInput, ModelRejected, Unavailable
from freehold.models.registry import Model, Registry
from freehold.store.database import Database
from freehold.store.migrations import migrate
from freehold.types import Turn


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf.write(tmp_path_factory.mktemp("models") / "tiny.gguf")


@contextlib.asynccontextmanager
async def serving(path: Path, **settings: Any) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(path, path.stem, **{"context": 2048, "binding": "own", **settings})
    try:
        await engine.start()
        yield engine
    finally:
        await engine.close()


def adapter(folder: Path, seed: int, scale: float = 1.0, **made: Any) -> AdapterUse:
    path = tiny_adapter.write(folder / f"lora-{seed}.gguf", seed=seed, **made)
    return AdapterUse(hashlib.sha256(path.read_bytes()).hexdigest(), path, scale)


async def answer(engine: Any, use: AdapterUse | None = None, text: str = "Hello", tokens: int = 24) -> str:
    request = Generation((Turn("user", text),), max_tokens=tokens, adapter=use)
    events = [event async for event in engine.generate(request)]
    assert isinstance(events[-1], Finished)
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_an_adapter_is_loaded_while_the_model_runs(tiny: Path, tmp_path: Path) -> None:
    async with serving(tiny) as engine:
        base, pid = await answer(engine), engine.pid
        one = adapter(tmp_path, 1)
        began = time.monotonic()
        adapted = await answer(engine, one)
        assert time.monotonic() - began < 5  # within one on a machine of its own
        assert adapted != base
        assert await answer(engine) == base, "off again: the base's words to the letter"
        assert await answer(engine, AdapterUse(one.id, one.path, 0.0)) == base
        assert await answer(engine, AdapterUse(one.id, one.path, 0.25)) not in (base, adapted)
        assert await answer(engine, one) == adapted
        assert engine.pid == pid


async def test_two_adapters_and_the_base_take_turns(tiny: Path, tmp_path: Path) -> None:
    async with serving(tiny) as engine:
        uses = [None, adapter(tmp_path, 1), adapter(tmp_path, 2)]
        alone = [await answer(engine, use, tokens=60) for use in uses]
        assert len(set(alone)) == 3
        together = await asyncio.gather(*(answer(engine, use, tokens=60) for use in uses * 2))
        assert together == alone * 2


async def test_more_adapters_than_are_kept(tiny: Path, tmp_path: Path) -> None:
    async with serving(tiny) as engine:
        uses = [adapter(tmp_path, seed) for seed in range(8)]
        first = [await answer(engine, use) for use in uses]
        assert len(set(first)) == 8
        assert [await answer(engine, use) for use in uses] == first


async def test_adapters_that_are_turned_away(tiny: Path, tmp_path: Path) -> None:
    sound = adapter(tmp_path, 1)
    data = sound.path.read_bytes()
    wide = tiny_adapter.write(tmp_path / "wide.gguf", width=64)
    deep = tiny_adapter.write(tmp_path / "deep.gguf", layers=3)
    flipped = tmp_path / "flipped.gguf"
    flipped.write_bytes(data[:-5] + bytes([data[-5] ^ 1]) + data[-4:])
    hostile = {
        "is missing": tmp_path / "gone.gguf",
        "attn_q.weight is 128 × 128, not 64 × 64": wide,
        r"has no tensor blk\.2": deep,
        "checksum is not its name": flipped,
        "holds a model, not an adapter": tiny,
    }
    async with serving(tiny) as engine:
        base, pid = await answer(engine), engine.pid
        for said, path in hostile.items():
            with pytest.raises(ModelRejected, match=said):
                await answer(engine, AdapterUse(sound.id, path))
        for part in range(0, 100, 5):
            cut = tmp_path / f"cut-{part}.gguf"
            cut.write_bytes(data[: len(data) * part // 100])
            with pytest.raises(ModelRejected):
                await answer(engine, AdapterUse("cut", cut))
        assert await answer(engine) == base
        assert engine.pid == pid
    with pytest.raises(InvalidInput, match="scale is nan"):
        AdapterUse("x", tiny, float("nan"))


async def test_the_wheels_server_says_that_it_cannot(tiny: Path, tmp_path: Path) -> None:
    async with serving(tiny, binding="server") as engine:
        with pytest.raises(InvalidInput, match="cannot put an adapter on a running model"):
            await answer(engine, adapter(tmp_path, 1))
        assert await answer(engine)


async def test_using_an_adapter_of_the_model_in_use_restarts_nothing(tiny: Path, tmp_path: Path) -> None:
    database = Database(tmp_path / "freehold.db")
    migrate(database)
    registry = Registry(database, tmp_path / "models")
    registry.add(tiny, "base")
    registry.add(tiny_adapter.write(tmp_path / "lora.gguf"), "lora")
    bad = tiny_adapter.write(tmp_path / "bad.gguf", seed=5)
    bad_model = registry.add(bad, "bad")
    made: list[LocalEngine] = []

    def make(model: Model) -> LocalEngine:
        made.append(LocalEngine(registry.path(model), model.id, context=1024, binding="own"))
        return made[-1]

    active = ActiveEngine(registry, make)
    try:
        await active.use("base")
        base, pid = await answer(active()), made[0].pid
        assert (await active.use("lora")).name == "lora"  # type: ignore[union-attr]
        adapted = await answer(active())
        assert adapted != base
        assert active().model_id == registry.get("lora").id  # type: ignore[union-attr]
        path = registry.path(bad_model)
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")
        with pytest.raises(Unavailable, match="has changed"):
            await active.use("bad")
        assert await answer(active()) == adapted, "the one before goes on answering"
        await active.use("base")
        assert await answer(active()) == base
        assert (len(made), made[0].pid) == (1, pid)
        await active.use("lora")
        await active.close()
        await active.resume()
        assert await answer(active()) == adapted, "taken up again with its base"
        assert len(made) == 2
    finally:
        await active.close()
        database.close()
