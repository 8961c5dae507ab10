"""What serving a model takes of memory, and whether this machine has it."""

from __future__ import annotations

from pathlib import Path

import psutil

from freehold.errors import ModelRejected
from freehold.models.formats.gguf import GgufFacts

CGROUP = Path("/sys/fs/cgroup")
BATCH_TOKENS = 64
VOCABULARY_BYTES = 500
"""For each token: its text, its merges and the tables to find them by."""
WORKER_BYTES = 36 * 2**20
"""The interpreter, the libraries, llama.cpp's own."""


def memory_needed(facts: GgufFacts, context: int, slots: int) -> int:
    """Bytes that serving a model takes: see `serving_bytes`."""
    return serving_bytes(
        tensors=facts.tensor_bytes,
        kv_width=facts.kv_width,
        width=facts.embedding_length,
        vocabulary=facts.vocabulary,
        context=min(context, facts.context_length),
        slots=slots,
    )


def serving_bytes(
    *, tensors: int, kv_width: int, width: int, vocabulary: int, context: int, slots: int
) -> int:
    """Weights (`tensors` bytes), a 16-bit cache of `context` tokens, tables of the vocabulary, buffers, the
    worker itself.

    An estimate, within a tenth of what workers were measured to hold (docs/benchmarks.md); too high where
    layers attend to a window only.
    """
    cache = 2 * kv_width * context
    batch = BATCH_TOKENS * 4 * 16 * width
    return tensors + cache + batch + vocabulary * (VOCABULARY_BYTES + 4 * slots) + WORKER_BYTES


def check_fits(facts: GgufFacts, context: int, slots: int, *, available: int | None = None) -> None:
    """Refuses a model that the free memory (or `available` bytes) cannot hold.

    Raises:
        ModelRejected: says how much is needed and how much there is.
    """
    free = available_memory() if available is None else available
    needed = memory_needed(facts, context, slots)
    if needed > free:
        raise ModelRejected(
            f"{facts.name} needs {needed / 2**30:.2g} GiB with a context of"
            f" {min(context, facts.context_length)}, {free / 2**30:.2g} GiB are free.",
            hint="Lower the setting engine_context, or take a smaller quantisation or model.",
        )


def available_memory(cgroup: Path = CGROUP) -> int:
    """Bytes that can be used now: the machine's, or this container's where that is less."""
    free = int(psutil.virtual_memory().available)
    limit = _limit(cgroup)
    if limit is not None:
        used = int((cgroup / "memory.current").read_text())
        stat = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        free = min(free, max(0, limit - used + int(stat.get("inactive_file", 0))))
    return free


def total_memory(cgroup: Path = CGROUP) -> int:
    """Bytes that there are at all, used or not."""
    total = int(psutil.virtual_memory().total)
    limit = _limit(cgroup)
    return total if limit is None else min(total, limit)


def _limit(cgroup: Path) -> int | None:
    try:
        text = (cgroup / "memory.max").read_text().strip()
    except OSError:
        return None  # not in a container, or not on Linux
    return None if text == "max" else int(text)
