"""What the peers' scripts share: reading what peers.py wrote for them, and answering it question by question.

Runs in the peers' environments, so it knows nothing but numpy and the standard library.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Given:
    """A set as a peer gets it."""

    names: list[str]
    texts: list[str]
    """Title, headings and text, as Freehold indexes and embeds them."""
    vectors: NDArray[np.float32]
    questions: dict[str, list[float]]
    """The vector of every question that will be asked."""
    way: dict[str, Any]
    """How the pipeline is to be put together."""

    @classmethod
    def read(cls) -> Given:
        """From the folder and the JSON on the command line."""
        folder, way = Path(sys.argv[1]), json.loads(sys.argv[2])
        rows = json.loads((folder / "passages.json").read_text(encoding="utf-8"))
        asked = json.loads((folder / "questions.json").read_text(encoding="utf-8"))
        with np.load(folder / "vectors.npz") as kept:
            passages, questions = kept["passages"], kept["questions"]
        known = dict(zip(asked, questions.tolist(), strict=True))
        return cls([row[0] for row in rows], [row[1] for row in rows], passages, known, way)


def serve(ask: Callable[[str], list[str]]) -> None:
    """Says that it is ready, then answers each line on standard input with what was found and how long the
    search took, by its own clock and in processor time."""
    gc.collect()
    gc.freeze()  # the passages are no garbage; without this each collection would walk them all
    print(json.dumps({"ready": True, "rss": _resident()}), flush=True)
    for line in sys.stdin:
        text = json.loads(line)
        started, used = time.perf_counter(), time.process_time()
        ranked = ask(text)
        took, cpu = time.perf_counter() - started, time.process_time() - used
        print(json.dumps({"ranked": ranked, "ms": 1000 * took, "cpu": 1000 * cpu}), flush=True)


def _resident() -> int:
    """Bytes of memory that this process holds."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmRSS")))
