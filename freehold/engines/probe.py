"""How fast this machine multiplies with weights of each type: small models of zeros, run for a moment.

They are served as any model is, so that what the worker itself costs is in the figures. Each is larger than
most caches: weights come from memory as a real model's do. Processor time is measured, not the clock: other
work on the machine changes it little.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from freehold.engines.base import Finished, Generation
from freehold.engines.local import LocalEngine
from freehold.errors import EngineError
from freehold.models.formats import blank
from freehold.models.formats.llama_config import LlamaConfig, Rope
from freehold.models.shape import of_config
from freehold.models.speeds import BATCH_TOKENS, Speeds
from freehold.types import Turn, Usage

LAYERS = {"F32": 2, "F16": 2, "BF16": 2, "Q8_0": 3, "Q4_K": 5, "Q6_K": 4}
"""Of the model of each type: 100 MB or more."""
WIDE = LlamaConfig(
    vocabulary=512,
    width=2048,
    inner_width=4096,
    layers=1,
    heads=32,
    kv_heads=8,
    head_width=64,
    context=512,
    norm_epsilon=1e-5,
    rope=Rope(10_000.0),
    tied=False,
)
NARROW = replace(
    WIDE, vocabulary=16_384, width=64, inner_width=64, heads=4, kv_heads=2, head_width=16, tied=True
)
"""Hardly any weights: what it takes is what tokens and layers cost besides."""
FEW, MANY = 4, 64
TOKENS = 16


def measure(threads: int) -> Speeds:
    """Takes some seconds and half a gigabyte of a temporary folder.

    Raises:
        FreeholdError: the small models cannot be written or run.
    """
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(found(threads, Path(folder)))


async def found(threads: int, folder: Path) -> Speeds:
    """The speeds with so many threads; the models are written into `folder`, one after the other."""
    begun = time.monotonic()
    few = await timed(replace(NARROW, layers=FEW), "F16", threads, folder)
    many = await timed(replace(NARROW, layers=MANY), "F16", threads, folder)
    layer_seconds = max(many[0] - few[0], 0.0) / (MANY - FEW)
    token_seconds = max(few[0] - FEW * layer_seconds, 0.0)
    written, read = {}, {}
    for kind, layers in LAYERS.items():
        config = replace(WIDE, layers=layers)
        weights = of_config(config, kind, (kind,))[1][0]
        to_write, to_read = await timed(config, kind, threads, folder)
        overhead = token_seconds + layers * layer_seconds
        written[kind] = weights.bytes_a_token / max(to_write - overhead, to_write / 2)
        overhead = layers * layer_seconds / BATCH_TOKENS
        read[kind] = sum(weights.for_read.values()) / max(to_read - overhead, to_read / 2)
    return Speeds(threads, written, read, layer_seconds, token_seconds, time.monotonic() - begun)


async def timed(config: LlamaConfig, kind: str, threads: int, folder: Path) -> tuple[float, float]:
    """Processor seconds of each thread for a token that is written, and for one that is read."""
    path = folder / f"{kind}.gguf"
    await asyncio.to_thread(blank.write, path, config, kind)
    engine = LocalEngine(path, kind, threads=threads, context=config.context, slots=1)
    try:
        around = (await taken(engine, "a", 1)).prompt_tokens - 1  # the first is slower, too
        return await both(engine, "b" * max(1, 2 * BATCH_TOKENS - around), TOKENS, threads)
    finally:
        await engine.close()
        path.unlink()


async def both(engine: LocalEngine, prompt: str, tokens: int, threads: int) -> tuple[float, float]:
    """Processor seconds of each thread for a token written, and read: a new prompt is read by itself, and
    then, as it is remembered, answered by itself."""
    reading = await taken(engine, prompt, 1)
    read = reading.cpu_seconds / (reading.prompt_tokens - reading.cached_tokens)
    writing = await taken(engine, prompt, tokens)
    again = writing.prompt_tokens - writing.cached_tokens - 1
    written = (writing.cpu_seconds - again * read) / writing.completion_tokens
    if writing.completion_tokens < tokens or written <= 0 or read <= 0:
        raise EngineError("A model of zeros stopped early: the machine cannot be measured with it.")
    return written / threads, read / threads


async def taken(engine: LocalEngine, prompt: str, tokens: int) -> Usage:
    """What an answer of so many tokens takes."""
    asked = Generation((Turn("user", prompt),), max_tokens=tokens)
    *_, last = [event async for event in engine.generate(asked)]
    assert isinstance(last, Finished)
    return last.usage
