"""What a run says of itself: JSON lines, to its file and to whoever started it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

from freehold.training.files import room, write_text
from freehold.training.places import METRICS


class Metrics:
    """One run's lines. Those of steps after the checkpoint it goes on from are forgotten: they come again."""

    def __init__(self, folder: Path, *, after: int, out: TextIO | None) -> None:
        """`after` is the checkpoint's step; `out` hears every line too."""
        self._path = folder / METRICS
        self._out = out
        write_text(
            self._path, "".join(f"{json.dumps(line)}\n" for line in lines(folder) if _stays(line, after))
        )

    def say(self, event: str, **facts: Any) -> None:
        """One line."""
        text = json.dumps({"event": event, **facts})
        with room(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
        if self._out is not None:
            print(text, file=self._out, flush=True)


def lines(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's metrics; one that a crash cut in half, or that is none, is passed over."""
    path = folder / METRICS
    found = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict) and isinstance(said.get("event"), str):
            found.append(said)
    return found


def _stays(line: dict[str, Any], after: int) -> bool:
    return line.get("step", after) <= after and line["event"] not in ("failed", "end")
