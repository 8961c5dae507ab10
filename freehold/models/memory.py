"""What serving a model takes of memory, and whether this machine has it."""

from __future__ import annotations

from pathlib import Path

import psutil

from freehold.errors import ModelRejected
from freehold.models.gguf import GgufFacts


def memory_needed(facts: GgufFacts, context: int, slots: int) -> int:
    """Bytes that serving takes: weights, a 16-bit cache of `context` tokens, working buffers. An estimate.

    Too high where layers attend to a window only.
    """
    context = min(context, facts.context_length)
    cache = context * facts.kv_width * 2
    batch = 64 * 4 * (facts.vocabulary + 16 * facts.embedding_length) + 64 * 4 * facts.heads * context
    return facts.tensor_bytes + cache + batch + slots * facts.vocabulary * 4 + 160 * 2**20


def check_fits(facts: GgufFacts, context: int, slots: int, *, available: int | None = None) -> None:
    """Refuses a model that the free memory (or `available` bytes) cannot hold.

    Raises:
        ModelRejected: says how much is needed and how much there is.
    """
    free = available_memory() if available is None else available
    needed = memory_needed(facts, context, slots)
    if needed > free:
        raise ModelRejected(
            f"{facts.name} needs {needed / 2**30:.1f} GiB with a context of"
            f" {min(context, facts.context_length)}, {free / 2**30:.1f} GiB are free.",
            hint="Lower the setting engine_context, or take a smaller quantisation or model.",
        )


def available_memory(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that can be used now: the machine's, or this container's where that is less."""
    free = int(psutil.virtual_memory().available)
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        used = int((cgroup / "memory.current").read_text())
        cached = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        if limit != "max":
            free = min(free, max(0, int(limit) - used + int(cached.get("inactive_file", 0))))
    except (OSError, ValueError):
        pass  # no such limit, or not on Linux
    return free
