"""How right `freehold model plan` is: file, memory and speed as planned, beside what a worker really takes.

    python benchmarks/plan.py [--threads 1] [--shapes 19M,76M,300M,1B] [--json FILE]

Models of zeros (the time that weights take does not depend on what they are), and for one shape random
weights, quantised here, to show that. The machine is measured anew before each shape, as the command does it;
processor time is compared, since the machine has other work.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from freehold.engines.local import LocalEngine
from freehold.engines.probe import both, measure, taken
from freehold.models.formats import blank, gguf
from freehold.models.formats.llama_config import LlamaConfig, Rope
from freehold.models.formats.quantize import quantize
from freehold.models.plan import plan
from freehold.models.presets import PRESETS
from freehold.models.shape import of_config
from freehold.models.speeds import Speeds

ROPE = Rope(500_000.0)
SHAPES = {
    "19M": LlamaConfig(16_384, 256, 768, 8, 4, 2, 64, 4096, 1e-5, ROPE, tied=True),
    "76M": LlamaConfig(32_000, 512, 1536, 12, 8, 4, 64, 4096, 1e-5, ROPE, tied=False),
    "300M": LlamaConfig(32_000, 1024, 4096, 16, 16, 4, 64, 4096, 1e-5, ROPE, tied=False),
    "1B": PRESETS["llama-3.2-1b"],
}
RANDOM = "76M"
QUANTISATIONS = ("F32", "F16", "BF16", "Q8_0", "Q4_K_M")
CONTEXT, SLOTS = 4096, 4
PROMPT, TOKENS = 200, 32


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--shapes", default=",".join(SHAPES))
    arguments.add_argument("--quantisations", default=",".join(QUANTISATIONS))
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    rows = []
    print("| model | file MB, plan / real | memory MB | writes tok/s | reads tok/s |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for shape in given.shapes.split(","):
            speeds = measure(given.threads)
            for name, path, quantisation in files(shape, given.quantisations.split(","), Path(folder)):
                row = compared(name, SHAPES[shape], quantisation, path, speeds)
                rows.append(row)
                print(shown(row), flush=True)
                path.unlink()
    for figure in ("file", "memory", "writes", "reads"):
        errors = [each[figure][0] / each[figure][1] - 1 for each in rows]
        print(f"{figure}: {min(errors):+.0%} to {max(errors):+.0%}", file=sys.stderr)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


def files(shape: str, quantisations: list[str], folder: Path) -> Iterator[tuple[str, Path, str]]:
    """Each model's label, file and quantisation."""
    for quantisation in quantisations:
        path = folder / f"{shape}-{quantisation}.gguf"
        blank.write(path, SHAPES[shape], quantisation)
        yield f"{shape} {quantisation}", path, quantisation
    if shape == RANDOM:
        full, path = folder / "random.gguf", folder / "random-q4_k_m.gguf"
        blank.write(full, SHAPES[shape], "F32")
        fill(full)
        quantize(full, path, "q4_k_m")
        full.unlink()
        yield f"{shape} Q4_K_M, random weights", path, "Q4_K_M"


def fill(path: Path) -> None:
    """Random weights in place of zeros."""
    with gguf.header(path) as header:
        start = header.end - sum(header.bytes_by_type.values())
    values = np.memmap(path, "<f4", "r+", offset=-(-start // 32) * 32)
    random = np.random.default_rng(1)
    for at in range(0, len(values), 2**20):
        piece = values[at : at + 2**20]
        piece[:] = random.standard_normal(len(piece), np.float32) * 0.02
    values.flush()


def compared(name: str, config: LlamaConfig, quantisation: str, path: Path, speeds: Speeds) -> dict[str, Any]:
    """Pairs of planned and real."""
    shape, weights = of_config(config, name, (quantisation,))
    [row] = plan(shape, weights, context=CONTEXT, slots=SLOTS, machine_bytes=2**40).rows
    real = asyncio.run(served(path, speeds.threads))
    prompt = int(real["prompt"])
    return {
        "model": name,
        "file": (row.file_bytes / 1e6, path.stat().st_size / 1e6),
        "memory": (row.memory_bytes / 1e6, real["memory"] / 1e6),
        "writes": (speeds.tokens_written(shape, weights[0], prompt), real["writes"]),
        "reads": (speeds.tokens_read(shape, weights[0], prompt), real["reads"]),
    }


async def served(path: Path, threads: int) -> dict[str, float]:
    """Speeds, and what the worker holds, with the file's pages that it shares with nobody."""
    engine = LocalEngine(path, "plan", threads=threads, context=CONTEXT, slots=SLOTS)
    await engine.start()
    await taken(engine, "a", 1)
    prompt = "b" * PROMPT
    written, read = await both(engine, prompt, TOKENS, threads)
    tokens = (await taken(engine, prompt, 1)).prompt_tokens
    assert engine.pid is not None
    memory = held(engine.pid)
    await engine.close()
    return {"memory": memory, "prompt": float(tokens), "writes": 1 / written, "reads": 1 / read}


def held(pid: int) -> float:
    """Bytes of a process's memory, shared pages in part (PSS)."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))


def shown(row: dict[str, Any]) -> str:
    pairs = [f"{planned:,.4g} / {real:,.4g}" for planned, real in list(row.values())[1:]]
    return f"| {row['model']} | {' | '.join(pairs)} |"


if __name__ == "__main__":
    main()
