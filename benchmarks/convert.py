"""What converting and quantising a model takes: seconds, bytes on the disk, and memory.

    python benchmarks/convert.py [--folder DIR] [--layers 16] [--threads N]

Writes a checkpoint of Llama 3.2 1B's shape with random bfloat16 weights and a made-up tokenizer of Llama 3's
size, converts it to GGUF in BF16 and quantises that to Q8_0 and Q4_K_M, each step in a process of its own.
Its memory is the most that process ever held (VmHWM): interpreter, libraries and buffers, all counted. Files
are read without mapping, so the system's file cache is not part of it. It needs 8 GB of disk, and frees them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from freehold.models.formats import gguf
from freehold.models.formats.convert import to_gguf
from freehold.models.formats.floats import Floats, from_float32
from freehold.models.formats.llama_config import LlamaConfig, Rope, written
from freehold.models.formats.llama_tensors import tensors
from freehold.models.formats.quantize import quantize
from freehold.models.formats.safetensors_writer import Tensor, write
from freehold.models.formats.tokenizer_json import LLAMA_3_SPLIT

VOCABULARY, SPECIAL, MERGES = 128_256, 256, 280_147
ROPE = Rope(5e5, "llama3", factor=32.0)
SLICE = 2**20


def shape(layers: int) -> LlamaConfig:
    """Llama 3.2 1B's sizes."""
    return LlamaConfig(VOCABULARY, 2048, 8192, layers, 32, 8, 64, 131_072, 1e-5, ROPE, tied=True)


def write_checkpoint(folder: Path, config: LlamaConfig) -> int:
    """Random weights, a slice at a time; gives the bytes of the largest tensor."""
    random = np.random.default_rng(1)

    def values(size: int) -> Iterator[Floats]:
        for first in range(0, size, SLICE):
            some = random.standard_normal(min(SLICE, size - first), np.float32) * np.float32(0.02)
            yield from_float32(some, "BF16")

    def tensor(name: str, shape: tuple[int, ...]) -> Tensor:
        return Tensor(name, "BF16", shape, lambda: values(int(np.prod(shape))))

    planned = [tensor(one.hugging_face, one.shape) for one in tensors(config)]
    write(folder / "model.safetensors", planned, lambda count: None)
    (folder / "config.json").write_text(json.dumps(written(config)))
    write_tokenizer(folder)
    return max(one.size for one in planned)


def write_tokenizer(folder: Path) -> None:
    """As many tokens and merges as Llama 3 has, of made-up words."""
    random = np.random.default_rng(2)
    letters = [chr(code) for code in range(0x100, 0x200)]
    vocabulary = {letter: id for id, letter in enumerate(letters)}
    merges: list[list[str]] = []
    texts = list(vocabulary)
    while len(vocabulary) < VOCABULARY - SPECIAL:
        left, right = texts[random.integers(len(texts))], letters[random.integers(len(letters))]
        if len(left) < 12 and left + right not in vocabulary:
            vocabulary[left + right] = len(vocabulary)
            texts.append(left + right)
            merges.append([left, right])
    merges += merges[: MERGES - len(merges)]
    merges += merges[: MERGES - len(merges)]
    cut = {"type": "Split", "pattern": {"Regex": LLAMA_3_SPLIT}, "behavior": "Isolated", "invert": False}
    spell = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    added = [
        {"id": len(vocabulary) + number, "content": f"<|special_{number}|>", "special": True}
        for number in range(SPECIAL)
    ]
    model = {"type": "BPE", "ignore_merges": True, "vocab": vocabulary, "merges": merges}
    tokenizer = {
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [cut, spell]},
        "model": model,
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False, indent=1))
    names = {"bos_token": "<|special_0|>", "eos_token": "<|special_9|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names))


def step(name: str, folder: Path, threads: int) -> None:
    """One step, in this process; prints what it took as JSON."""
    before = held("VmRSS")
    begun, used = time.monotonic(), time.process_time()
    if name == "bf16":
        to_gguf(folder, folder / "bf16.gguf", precision="bf16")
    elif name in ("q8_0", "q4_k_m"):
        quantize(folder / "bf16.gguf", folder / f"{name}.gguf", name, threads=threads)
    took = {"seconds": time.monotonic() - begun, "cpu": time.process_time() - used}
    gguf.check_sound(folder / f"{name}.gguf")
    print(json.dumps(took | {"before": before, "peak": held("VmHWM")}))


def held(what: str) -> int:
    """Bytes of this process's memory, now (VmRSS) or at most so far (VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("this needs Linux")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure converting and quantising.")
    parser.add_argument("--folder", type=Path, help="where the files go for a while")
    parser.add_argument("--layers", type=int, default=16)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--step", choices=("bf16", "q8_0", "q4_k_m"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        step(arguments.step, arguments.folder, arguments.threads)
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        largest = write_checkpoint(folder, shape(arguments.layers))
        print(f"Largest tensor {largest / 1e6:.0f} MB, {arguments.threads} threads.\n")
        print("| step | seconds | of processor | file | peak memory | before the step | beyond the largest |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for one in ("bf16", "q8_0", "q4_k_m"):
            command = [sys.executable, __file__, "--step", one, "--folder", name]
            command += ["--threads", str(arguments.threads)]
            took = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            size = (folder / f"{one}.gguf").stat().st_size
            sizes = (size, took["peak"], took["before"], took["peak"] - largest)
            megabytes = [value / 1e6 for value in sizes]
            times = f"{took['seconds']:.0f} | {took['cpu']:.0f}"
            print(f"| {one} | {times} | {' | '.join(f'{value:,.0f} MB' for value in megabytes)} |")


if __name__ == "__main__":
    main()
