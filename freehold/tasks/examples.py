"""Examples that a task is learnt from, as lines of JSON.

A line is `{"task", "messages": [{"role", "content"}, …]}`; the loss is on what the assistant says. Where the
system message holds passages, `"passages": [[start, end], …]` says which of its characters they are, so that
attention can be kept within each. Knows nothing of tokens.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freehold.disk import replacing
from freehold.types import Turn


@dataclass(frozen=True, slots=True)
class Example:
    """One conversation whose last turn, the assistant's, is to be learnt."""

    task: str
    turns: tuple[Turn, ...]
    system: str = ""
    """The system message; empty where there is none."""
    passages: tuple[tuple[int, int], ...] = ()
    """Where in the system message passages stand, one after another without a gap: `system[start:end]`."""

    @property
    def target(self) -> str:
        """What the assistant should say."""
        return self.turns[-1].text

    def as_json(self) -> dict[str, Any]:
        """The example as it stands on a line."""
        opening = [{"role": "system", "content": self.system}] if self.system else []
        messages = [*opening, *({"role": turn.role, "content": turn.text} for turn in self.turns)]
        marked = {"passages": [list(span) for span in self.passages]} if self.passages else {}
        return {"task": self.task, "messages": messages, **marked}


def write(path: Path, examples: Iterable[Example]) -> tuple[int, str]:
    """Writes examples, whole or not at all; gives their number and the file's SHA-256.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, count = hashlib.sha256(), 0
    with replacing(path) as fresh, fresh.open("wb") as file:
        for each in examples:
            line = json.dumps(each.as_json(), ensure_ascii=False).encode(errors="replace") + b"\n"
            digest.update(line)
            file.write(line)
            count += 1
    return count, digest.hexdigest()
