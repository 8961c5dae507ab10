"""How fast this machine multiplies with weights of each type: small models of zeros, run for a moment.

A program of its own (`python -m freehold.engines.probe THREADS`), since llama.cpp may end the process that it
is in. Each model is larger than most caches, so that weights come from memory as a real model's do. Processor
time is measured, not the clock: other work on the machine changes it little. Prints the `Speeds` as JSON;
takes some seconds and half a gigabyte.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from freehold.errors import EngineError
from freehold.models import blank
from freehold.models.llama_config import LlamaConfig, Rope
from freehold.models.shape import of_config
from freehold.models.speeds import Speeds

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
    context=256,
    norm_epsilon=1e-5,
    rope=Rope(10_000.0),
    tied=False,
)
NARROW = replace(WIDE, width=64, inner_width=64, layers=64, heads=4, kv_heads=2, head_width=16)
"""Hardly any weights: what it takes is what layers cost besides."""
BATCH_TOKENS = 64
"""As many as a worker reads at a time."""
TURNS = 2
"""The faster counts: what other work did to caches and memory did not make us faster."""
TOKENS = 16
SECONDS = 120.0


def measure(threads: int) -> Speeds:
    """Runs the program.

    Raises:
        EngineError: it failed.
    """
    command = [sys.executable, "-m", __name__, str(threads)]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        return Speeds(**json.loads(ran.stdout))
    except (subprocess.TimeoutExpired, ValueError, TypeError) as error:
        raise EngineError(
            f"The speed of this machine could not be measured: {type(error).__name__}.",
            hint="`freehold doctor` looks whether the engine is sound.",
        ) from None


def main() -> None:
    """Measures, and prints what was found."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # llama.cpp prints here and there
    threads = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        speeds = found(threads, Path(folder) / "blank.gguf")
    out.write(json.dumps(speeds.as_json()))
    out.close()
    os._exit(0)  # the wheel has no way to stop its servers


def found(threads: int, path: Path) -> Speeds:
    """The speeds with so many threads; `path` is where the models are written, one after the other."""
    begun = time.monotonic()
    layer_seconds = timed(NARROW, "F32", threads, path)[0] / NARROW.layers
    written, read = {}, {}
    for kind, layers in LAYERS.items():
        config = replace(WIDE, layers=layers)
        weights = of_config(config, kind, (kind,))[1][0]
        to_write, to_read = timed(config, kind, threads, path)
        overhead = layer_seconds * layers
        written[kind] = weights.bytes_a_token / max(to_write - overhead, to_write / 2)
        read[kind] = sum(weights.for_read.values()) / max(to_read - overhead / BATCH_TOKENS, to_read / 2)
    return Speeds(threads, written, read, layer_seconds, time.monotonic() - begun)


def timed(config: LlamaConfig, kind: str, threads: int, path: Path) -> tuple[float, float]:
    """Seconds for a token that is written, and for one that is read, at best."""
    import xllamacpp

    blank.write(path, config, kind)
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = config.context
    params.n_parallel = 1
    params.n_batch = params.n_ubatch = BATCH_TOKENS
    params.cache_ram_mib = 0
    params.fit_params = False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.ui = False
    params.verbosity = 1
    server = xllamacpp.Server(params)

    def seconds(tokens: int) -> float:
        """Processor time of each thread for an answer of so many tokens, at best."""
        request = {
            "prompt": "a" * BATCH_TOKENS,
            "n_predict": tokens,
            "temperature": 0,
            "ignore_eos": True,
            "cache_prompt": False,
        }
        found = []
        for _ in range(TURNS):
            begun = time.process_time()
            server.handle_completions(request)
            found.append((time.process_time() - begun) / threads)
        return min(found)

    read, both = seconds(1), seconds(1 + TOKENS)
    return max(both - read, both / 100) / TOKENS, read / BATCH_TOKENS


if __name__ == "__main__":
    main()
