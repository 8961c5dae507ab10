"""Freehold's own binding of llama.cpp beside the server in its wheel: the same model, prompts and threads.

Both run at once in processes of their own and are asked in turn, so that what else the machine does falls on
both. Each prompt is new; the medians are printed as a table.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import random_llama

from freehold.engines.base import AdapterUse, Finished, Generation, TextDelta
from freehold.engines.local import Binding, LocalEngine
from freehold.types import Turn

BINDINGS: tuple[Binding, ...] = ("own", "server")
PREFILL = ("prefill, tokens/s", "prefill, tokens a processor second")
DECODE = ("decode, tokens/s", "decode, tokens a processor second, its prompt of about 40 counted in")
"""By the clock, and by the processor: what others do at the same time bears on the first alone."""
FIRST_SECONDS = 0.3
"""How far a prompt or an answer has come when it is given up, or joined by another."""


@dataclass
class Measured:
    """Seconds and rates of one binding, by what was measured."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, what: str, value: float) -> None:
        self.values.setdefault(what, []).append(value)

    def median(self, what: str) -> float:
        return statistics.median(self.values[what])


class Prompts:
    """Prompts of about so many tokens, no two with the same beginning."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(1)

    def of(self, tokens: int, *, max_tokens: int) -> Generation:
        text = "".join(chr(97 + each) for each in self._random.integers(0, 26, tokens))
        return Generation((Turn("user", text),), max_tokens=max_tokens)


async def answered(engine: LocalEngine, request: Generation) -> tuple[float, float, Finished]:
    """Seconds to the first text and from there to the last, and the end."""
    begun = time.perf_counter()
    first = last = 0.0
    async for event in engine.generate(request):
        if isinstance(event, TextDelta):
            last = time.perf_counter()
            first = first or last
        else:
            return first - begun, last - first, event
    raise AssertionError("an answer ends with its end")


async def place_free(engine: LocalEngine) -> None:
    while True:
        if not engine.running:
            return
        await asyncio.sleep(0.0005)


async def given_up(engine: LocalEngine, request: Generation, *, writing: bool) -> float:
    """Seconds from giving a request up, in its prompt or while it writes, until its place is free."""
    stream = engine.generate(request)
    step = asyncio.ensure_future(anext(stream))
    if writing:
        await step
    else:
        await asyncio.sleep(FIRST_SECONDS)
        assert not step.done(), "the prompt is too short"
    begun = time.perf_counter()
    step.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await step
    await stream.aclose()
    await place_free(engine)
    return time.perf_counter() - begun


async def second(engine: LocalEngine, long: Generation, short: Generation) -> float:
    """Seconds until the first text of a short question, asked while a long prompt is read."""
    reading = asyncio.create_task(answered(engine, long))
    await asyncio.sleep(FIRST_SECONDS)
    waited, _, _ = await answered(engine, short)
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading
    await place_free(engine)
    return waited


async def measure(
    engines: dict[Binding, LocalEngine],
    adapters: Sequence[AdapterUse],
    *,
    rounds: int,
    prompt: int,
    answer: int,
    long: int,
) -> dict[Binding, Measured]:
    prompts = Prompts()
    measured = {name: Measured() for name in engines}

    async def each(what: str, ask: Callable[[LocalEngine], Awaitable[float]]) -> None:
        async def one(engine: LocalEngine) -> dict[str, float]:
            return {what: await ask(engine)}

        await every(one)

    async def every(ask: Callable[[LocalEngine], Awaitable[dict[str, float]]]) -> None:
        for number in range(rounds):
            for name in BINDINGS if number % 2 else reversed(BINDINGS):
                for what, value in (await ask(engines[name])).items():
                    measured[name].add(what, value)

    async def adapted(adapter: AdapterUse) -> float:
        return await first_text(engines["own"], replace(prompts.of(30, max_tokens=1), adapter=adapter))

    async def prefill(engine: LocalEngine) -> dict[str, float]:
        seconds, _, ended = await answered(engine, prompts.of(prompt, max_tokens=1))
        read = ended.usage.prompt_tokens - ended.usage.cached_tokens
        return {PREFILL[0]: read / seconds, PREFILL[1]: read / ended.usage.cpu_seconds}

    async def decode(engine: LocalEngine) -> dict[str, float]:
        _, seconds, ended = await answered(engine, prompts.of(16, max_tokens=answer))
        written = ended.usage.completion_tokens
        return {DECODE[0]: (written - 1) / seconds, DECODE[1]: written / ended.usage.cpu_seconds}

    for engine in engines.values():
        await answered(engine, prompts.of(64, max_tokens=8))
    await every(prefill)
    await every(decode)
    await each("cancel in prefill", lambda e: given_up(e, prompts.of(long, max_tokens=1), writing=False))
    await each("cancel in decode", lambda e: given_up(e, prompts.of(16, max_tokens=2_000), writing=True))
    await each("short question alone", lambda e: first_text(e, prompts.of(30, max_tokens=1)))
    for adapter in adapters:
        measured["own"].add("short question with an adapter not yet loaded", await adapted(adapter))
    await each(
        "short question while a long prompt is read",
        lambda e: second(e, prompts.of(long, max_tokens=1), prompts.of(30, max_tokens=1)),
    )
    return measured


async def first_text(engine: LocalEngine, request: Generation) -> float:
    return (await answered(engine, request))[0]


def table(measured: dict[Binding, Measured]) -> str:
    own, server = (measured[name] for name in BINDINGS)
    rows = ["| | own binding | the wheel's server | |", "| --- | --- | --- | --- |"]
    for what in own.values:
        mine = own.median(what)
        if what not in server.values:
            rows.append(f"| {what}, ms | {mine * 1000:.0f} | | |")
            continue
        theirs = server.median(what)
        if what in PREFILL + DECODE:
            rows.append(f"| {what} | {mine:.1f} | {theirs:.1f} | {mine / theirs:.0%} |")
        else:
            rows.append(f"| {what}, ms | {mine * 1000:.0f} | {theirs * 1000:.0f} | {mine / theirs:.0%} |")
    return "\n".join(rows)


async def run(arguments: argparse.Namespace, model: Path, adapters: Sequence[AdapterUse]) -> str:
    engines = {
        name: LocalEngine(model, name, binding=name, threads=arguments.threads, context=4096)
        for name in BINDINGS
    }
    try:
        for engine in engines.values():
            await engine.start()
        measured = await measure(
            engines,
            adapters,
            rounds=arguments.rounds,
            prompt=arguments.prompt,
            answer=arguments.answer,
            long=arguments.long,
        )
        return table(measured)
    finally:
        for engine in engines.values():
            await engine.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=random_llama.SHAPES, default="76M")
    parser.add_argument("--kind", choices=("Q8_0", "Q4_K_M"), default="Q8_0")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompt", type=int, default=512, help="tokens")
    parser.add_argument("--answer", type=int, default=64, help="tokens")
    parser.add_argument("--long", type=int, default=3_000, help="tokens of the prompt that is interrupted")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shape = random_llama.SHAPES[arguments.shape]
        model = random_llama.write(Path(folder) / "random.gguf", shape, arguments.kind)
        size = model.stat().st_size / 2**20
        print(f"{arguments.shape} {arguments.kind}, {size:.0f} MiB, {arguments.threads} thread(s)")
        files = [
            random_llama.write_adapter(Path(folder) / f"lora-{number}.gguf", shape, seed=number)
            for number in range(arguments.rounds)
        ]
        adapters = [AdapterUse(hashlib.sha256(file.read_bytes()).hexdigest(), file) for file in files]
        print(asyncio.run(run(arguments, model, adapters)))


if __name__ == "__main__":
    main()
