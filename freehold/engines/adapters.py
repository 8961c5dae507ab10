"""The adapters that are loaded beside a model: taken in when first asked for, dropped when long unused."""

from __future__ import annotations

import itertools
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path

from freehold.disk import sha256_of
from freehold.engines.llama_model import Adapter, Context, Model
from freehold.errors import ModelRejected
from freehold.models.formats.gguf_adapter import misfit, read_adapter

KEPT = 4
"""Adapters that stay loaded though nobody uses them."""
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Use:
    """An adapter on a request: which, from where, and how strongly it counts."""

    id: str
    path: Path
    scale: float


@dataclass(eq=False, slots=True)
class Loaded:
    """An adapter in memory."""

    adapter: Adapter
    users: int = 0
    used: int = field(default=0)


class Adapters:
    """Loaded adapters by content hash. `check` may be called from any thread, the rest from the one that
    runs the context's steps."""

    def __init__(self, model: Model, context: Context, base: Path) -> None:
        """`base` is the model's file."""
        self._model = model
        self._context = context
        self._base = base
        self._loaded: dict[str, Loaded] = {}
        self._checked: set[tuple[str, Path]] = set()
        self._checking = threading.Lock()
        self._clock = itertools.count(1)

    def check(self, use: Use) -> None:
        """Looks at the file before llama.cpp does, which trusts it: its hash, its header, its shapes.

        Raises:
            ModelRejected: it is not what its id says, no sound adapter, or not one of this model.
        """
        with self._checking:
            if (use.id, use.path) in self._checked:
                return
            if not use.path.is_file():
                raise ModelRejected(f"The adapter's file {use.path.name} is missing.", hint="Add it again.")
            facts = read_adapter(use.path)
            if why := misfit(facts, self._base):
                raise ModelRejected(
                    f"The adapter {use.path.name} does not fit the model in use: {why}.",
                    hint="Put it on the model that it was trained on.",
                )
            if SHA256.fullmatch(use.id) and sha256_of(use.path) != use.id:
                raise ModelRejected(
                    f"The adapter {use.path.name} is damaged: its checksum is not its name.",
                    hint="Add it again from the original.",
                )
            self._checked.add((use.id, use.path))

    def take(self, use: Use) -> None:
        """Loads it unless it is, and keeps it until given back.

        Raises:
            ModelRejected: llama.cpp does not load it.
        """
        loaded = self._loaded.get(use.id)
        if loaded is None:
            self._drop(KEPT - 1)
            loaded = self._loaded[use.id] = Loaded(Adapter(self._model, use.path))
        loaded.users += 1

    def give(self, use: Use) -> None:
        """Lets go of what `take` kept."""
        loaded = self._loaded[use.id]
        loaded.users -= 1
        loaded.used = next(self._clock)
        self._drop(KEPT)

    def get(self, use: Use) -> Adapter:
        """One that is taken."""
        return self._loaded[use.id].adapter

    def close(self) -> None:
        """Drops all."""
        self._drop(0)

    def _drop(self, kept: int) -> None:
        """Frees the unused ones that were used longest ago, down to `kept`."""
        unused = sorted(
            (id for id, loaded in self._loaded.items() if not loaded.users),
            key=lambda id: self._loaded[id].used,
        )
        for id in unused[: max(0, len(unused) - kept)]:
            self._context.adapt([])  # it may be the last that was applied
            self._loaded.pop(id).adapter.close()
            with self._checking:
                self._checked = {known for known in self._checked if known[0] != id}
