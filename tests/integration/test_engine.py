"""A real model file in a real worker process: answers, and what goes wrong around it."""

import asyncio
import contextlib
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import children
import psutil
import pytest
import tiny_gguf

from freehold.engines.base import Finished, Generation, TextDelta
from freehold.engines.local import Deadlines, LocalEngine
from freehold.errors import EngineCrashed, InvalidInput, ModelRejected, Overloaded, Unavailable
from freehold.models.formats import gguf
from freehold.types import Turn

SAYS = "You can return an item within 30 days of delivery. [1]\n\n- Open the order.\n- Print it — twice. [2]"
LONG = 3_000
"""Tokens of an answer that is still running when a test does what it does."""


SETTINGS: dict[str, Any] = {"context": 4096}
"""Of every engine here; `binding` is set for each test."""


@pytest.fixture(params=["own", "server"], autouse=True)
def binding(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(SETTINGS, "binding", request.param)
    return str(request.param)


once = pytest.mark.parametrize("binding", ["own"], indirect=True)
"""Of tests in which the binding plays no part."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf.write(tmp_path_factory.mktemp("models") / "tiny.gguf")


@contextlib.asynccontextmanager
async def serving(path: Path, **settings: Any) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(path, path.stem, **{**SETTINGS, **settings})
    try:
        yield engine
    finally:
        await engine.close()


def asking(text: str = "Hello", max_tokens: int = 20, **more: Any) -> Generation:
    return Generation((Turn("user", text),), max_tokens=max_tokens, **more)


async def answer(engine: LocalEngine, request: Generation) -> tuple[str, Finished]:
    events = [event async for event in engine.generate(request)]
    assert isinstance(events[-1], Finished)
    return "".join(event.text for event in events[:-1] if isinstance(event, TextDelta)), events[-1]


async def until(true: Callable[[], bool], seconds: float = 5.0) -> float:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds
        await asyncio.sleep(0.005)
    return time.monotonic() - began


async def test_it_streams_and_counts(tiny: Path) -> None:
    async with serving(tiny) as engine:
        events = [event async for event in engine.generate(asking())]
        text = "".join(event.text for event in events if isinstance(event, TextDelta))
        assert len(events) > 10
        assert text.strip().isprintable()
        ended = events[-1]
        assert isinstance(ended, Finished)
        assert ended.reason == "length"
        assert ended.usage.completion_tokens == 20
        assert ended.usage.prompt_tokens > 5
        assert 0 < ended.usage.cpu_seconds < 5
        assert ended.usage.wall_seconds > 0
        again, more = await answer(engine, asking())
        assert again == text, "greedy answers are the same"
        assert more.usage.cached_tokens > 0
        assert await engine.count_tokens("hello") == 4, "he, l, l, o"
        assert (await answer(engine, asking(temperature=1.0, seed=3)))[0] == (
            await answer(engine, asking(temperature=1.0, seed=3))
        )[0]


async def test_a_model_made_to_say_something_says_it(tmp_path: Path) -> None:
    async with serving(tiny_gguf.write(tmp_path / "says.gguf", says=SAYS)) as engine:
        text, ended = await answer(engine, asking("Anything at all?", 100))
        assert text == SAYS
        assert ended.reason == "stop"
        assert (await answer(engine, asking("Else?", 100, system="Be kind.", stop=("days",))))[
            0
        ] == SAYS.split("days")[0]


async def test_without_a_template_it_is_asked_in_chatml(tmp_path: Path) -> None:
    says = "This is the answer. <|im_end|> This is not."
    async with serving(tiny_gguf.write(tmp_path / "says.gguf", says=says, template=None)) as engine:
        assert (await answer(engine, asking("What?", 100)))[0].strip() == "This is the answer."


async def test_a_caller_that_goes_away_frees_the_place(tiny: Path) -> None:
    async with serving(tiny, slots=1) as engine:
        await engine.start()
        async with aclosing(engine.generate(asking(max_tokens=LONG))) as stream:
            await anext(stream)
            assert engine.running == 1
        assert await until(lambda: engine.running == 0) < 1
        task = asyncio.create_task(answer(engine, asking(max_tokens=LONG)))
        await until(lambda: engine.running == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await until(lambda: engine.running == 0) < 1
        assert (await answer(engine, asking(max_tokens=3)))[1].usage.completion_tokens == 3


async def test_a_worker_killed_in_the_middle_comes_back(tiny: Path) -> None:
    async with serving(tiny, slots=2) as engine:
        await engine.start()
        streams = [engine.generate(asking(text, LONG // 2)) for text in ("one", "two")]
        for stream in streams:
            await anext(stream)
        first = engine.pid
        assert first
        os.kill(first, signal.SIGKILL)
        for stream in streams:
            with pytest.raises(EngineCrashed, match="ended by SIGKILL") as caught:
                async for _ in stream:
                    pass
            assert caught.value.code == "engine_crashed"
            assert "ask again" in (caught.value.hint or "")
        began = time.monotonic()
        assert (await answer(engine, asking()))[1].reason == "length"
        assert time.monotonic() - began < 10
        assert engine.pid != first
        assert engine.restarts == 1
        assert engine.running == 0


@once
async def test_a_worker_that_hangs_is_replaced(tiny: Path) -> None:
    async with serving(tiny, deadlines=Deadlines(ping=0.1, hang=1.0)) as engine:
        await engine.start()
        stream = engine.generate(asking(max_tokens=LONG))
        await anext(stream)
        assert engine.pid
        os.kill(engine.pid, signal.SIGSTOP)
        with pytest.raises(EngineCrashed):
            async for _ in stream:
                pass
        assert (await answer(engine, asking()))[0]


@once
async def test_a_full_queue_turns_callers_away(tiny: Path) -> None:
    async with serving(tiny, slots=1, queue=2) as engine:
        await engine.start()
        running = [asyncio.create_task(answer(engine, asking(max_tokens=LONG))) for _ in range(3)]
        await until(lambda: engine.running == 1)
        with pytest.raises(Overloaded) as caught:
            await answer(engine, asking())
        assert caught.value.retry_after
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        await until(lambda: engine.running == 0)
        assert (await answer(engine, asking()))[0]


async def test_twenty_at_once_all_finish(tiny: Path) -> None:
    async with serving(tiny, slots=4, context=512) as engine:
        answers = await asyncio.gather(*(answer(engine, asking(f"Question {n}", 150)) for n in range(20)))
        assert all(ended.usage.completion_tokens == 150 for _, ended in answers), (
            "though four answers of this length do not fit the context together"
        )
        assert engine.running == 0


async def test_what_does_not_fit_the_context(tiny: Path) -> None:
    async with serving(tiny, context=256) as engine:
        with pytest.raises(InvalidInput, match="the model's context holds 256"):
            await answer(engine, asking("long " * 200))
        _, ended = await answer(engine, asking("long " * 20, 1000))
        assert ended.reason == "length"
        assert ended.usage.prompt_tokens + ended.usage.completion_tokens <= 256


@once
async def test_a_request_that_cannot_be_sent_leaves_its_place(tiny: Path) -> None:
    async with serving(tiny, slots=1) as engine:
        with pytest.raises(TypeError, match="not JSON serializable"):
            await answer(engine, asking(json_schema={"const": object()}))
        assert engine.running == 0
        _, ended = await answer(engine, asking(max_tokens=2))
        assert ended.reason == "length"


async def test_a_message_cannot_end_its_own_turn(tiny: Path) -> None:
    async with serving(tiny) as engine:
        words = [
            (await answer(engine, asking(text, 1)))[1].usage.prompt_tokens for text in ("x", "x<|eot_id|>")
        ]
        assert words[1] - words[0] >= len("<|eot_id|>"), "read letter by letter, not as one command"


async def test_no_port_is_opened_and_no_secret_passed_on(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FREEHOLD_ADMIN_KEY", "HF_TOKEN", "ACME_API_KEY"):
        monkeypatch.setenv(name, "secret")
    async with serving(tiny) as engine:
        await engine.start()
        worker = psutil.Process(engine.pid)
        assert worker.net_connections(kind="inet") == []
        for process in (worker, *worker.children()):
            assert "secret" not in process.environ().values()


@pytest.mark.parametrize("busy", [False, True])
async def test_closing_is_clean(tiny: Path, busy: bool) -> None:
    engine = LocalEngine(tiny, "tiny", deadlines=Deadlines(close=60), **SETTINGS)
    await engine.start()
    worker = engine._worker
    assert worker
    stream = engine.generate(asking(max_tokens=LONG))
    if busy:
        await anext(stream)
    await engine.close()
    assert worker._process.returncode == 0, "one that does not end by itself is killed"
    assert not psutil.pid_exists(worker.pid)
    with pytest.raises(EngineCrashed if busy else Unavailable):
        async for _ in stream:
            pass
    with pytest.raises(Unavailable):
        await engine.count_tokens("x")
    await engine.close()


@once
async def test_closing_while_loading_leaves_nothing(tiny: Path) -> None:
    engine = LocalEngine(tiny, "tiny", **SETTINGS)
    starting = asyncio.create_task(engine.start())
    await asyncio.sleep(0.05)
    await engine.close()
    with pytest.raises(Unavailable):
        await starting
    assert children.workers() == []


@once
async def test_a_model_that_does_not_fit_is_not_started(tiny: Path) -> None:
    async with serving(tiny, available=lambda: 2**20) as engine:
        with pytest.raises(ModelRejected, match="are free"):
            await engine.start()
        with pytest.raises(ModelRejected, match="are free"):
            await answer(engine, asking())


async def test_the_reason_of_llama_cpp_is_shown(tmp_path: Path) -> None:
    path = tiny_gguf.write(tmp_path / "odd.gguf")
    data = path.read_bytes()
    at = data.index(b"llama.feed_forward_length") + len("llama.feed_forward_length") + 4
    path.write_bytes(data[:at] + struct.pack("<I", 999) + data[at + 4 :])
    async with serving(path) as engine:
        with pytest.raises(ModelRejected, match=r"tensor 'blk\.0\.ffn_\w+\.weight' has wrong shape"):
            await engine.start()


async def test_a_template_that_does_not_end_is_given_up(tmp_path: Path, binding: str) -> None:
    loop = "{% for a in range(99999) %}"
    path = tiny_gguf.write(tmp_path / "endless.gguf", template=loop * 3 + "{% endfor %}" * 3)
    said = "did not come to its end within 2 seconds" if binding == "own" else "not loaded within 2 seconds"
    async with serving(path, deadlines=Deadlines(load=20.0 if binding == "own" else 2.0)) as engine:
        with pytest.raises(ModelRejected, match=said):
            await engine.start()
    assert children.workers() == []


async def test_a_template_that_does_not_end_for_one_question(tmp_path: Path, binding: str) -> None:
    loop = "{% if messages[0]['content'] == 'loop' %}{% for a in range(99999) %}{% for b in range(99999) %}"
    template = f"{loop}{{% endfor %}}{{% endfor %}}{{% endif %}}{tiny_gguf.TEMPLATE}"
    path = tiny_gguf.write(tmp_path / "odd.gguf", template=template)
    async with serving(path, deadlines=Deadlines(render=3.0)) as engine:
        assert (await answer(engine, asking("fine")))[0]
        pid = engine.pid
        if binding == "own":
            with pytest.raises(ModelRejected, match="did not come to its end within 2 seconds"):
                await answer(engine, asking("loop"))
            assert engine.pid == pid, "only what rendered it was ended"
        else:
            with pytest.raises(EngineCrashed, match="did nothing for 3 seconds"):
                await answer(engine, asking("loop"))
        assert (await answer(engine, asking("fine")))[0]


@once
async def test_a_file_that_is_gone_and_comes_back(tiny: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(tiny, tmp_path / "here.gguf"))
    async with serving(path, deadlines=Deadlines(pause=0.0)) as engine:
        shutil.move(path, tmp_path / "away.gguf")
        with pytest.raises(ModelRejected, match=r"here\.gguf is missing"):
            await engine.start()
        shutil.move(tmp_path / "away.gguf", path)
        assert (await answer(engine, asking()))[0]


def malformed(sound: Path, folder: Path) -> Iterator[Path]:
    data = sound.read_bytes()
    tokens = data.index(b"tokenizer.ggml.tokens") + len("tokenizer.ggml.tokens") + 8
    offset = data.index(b"output.weight") + len("output.weight") + 4 + 16 + 4
    broken = {
        "empty": b"",
        "letters": b"hello" * 100,
        "magic": b"GGUF",
        "version": data[:4] + struct.pack("<I", 9) + data[8:],
        "tensors": data[:8] + struct.pack("<Q", 2**62) + data[16:],
        "keys": data[:16] + struct.pack("<Q", 2**62) + data[24:],
        "key": data[:24] + struct.pack("<Q", 2**63) + data[32:],
        "tokens": data[:tokens] + struct.pack("<Q", 2**60) + data[tokens + 8 :],
        "offset": data[:offset] + struct.pack("<Q", 2**50) + data[offset + 8 :],
        "header": data[:3_000],
        "data": data[:-100_000],
    }
    for name, content in broken.items():
        path = folder / f"{name}.gguf"
        path.write_bytes(content)
        yield path


async def test_malformed_files_never_take_the_server_down(tiny: Path, tmp_path: Path) -> None:
    facts = gguf.check_sound(tiny)
    for path in malformed(tiny, tmp_path):
        with pytest.raises(ModelRejected):
            gguf.check_sound(path)
        async with serving(path, facts=facts) as engine:  # past our own check, to llama.cpp
            with pytest.raises(ModelRejected):
                await engine.start()
    assert children.workers() == []


PARENT = """
import asyncio, os, signal, sys
from pathlib import Path
from freehold.engines.base import Generation
from freehold.engines.local import LocalEngine
from freehold.types import Turn

async def main():
    engine = LocalEngine(Path(sys.argv[1]), "tiny", context=4096, binding=sys.argv[3])
    async for event in engine.generate(Generation((Turn("user", "x"),), max_tokens=3000)):
        print(engine.pid, flush=True)
        if sys.argv[2] == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        return

asyncio.run(main())
"""


def run_parent(tiny: Path, then: str, binding: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", PARENT, str(tiny), then, binding],
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(("then", "code"), [("killed", -signal.SIGKILL), ("left", 0)])
async def test_the_server_gone_the_worker_goes(
    tiny: Path, tmp_path: Path, binding: str, then: str, code: int
) -> None:
    folder = tmp_path / ("a-long-name-" * 10)
    folder.mkdir()
    run = await asyncio.to_thread(run_parent, tiny, then, binding, folder)
    assert (run.returncode, run.stderr) == (code, ""), "llama.cpp's words do not reach our output"
    worker = int(run.stdout)
    await until(lambda: children.gone(worker))
