"""Killed at random moments of random work, the registry is whole each time it is opened again."""

import random
from collections import Counter
from pathlib import Path

import pytest
import registry_storm
import tiny_adapter
import tiny_gguf

from freehold.errors import Unavailable
from freehold.store.database import Database
from freehold.store.migrations import migrate

BOUTS = 4
"""A hundred pieces of work in a few of them; a longer storm is `BOUTS = 100`."""


def test_a_storm_of_kills(tmp_path: Path) -> None:
    database = Database(tmp_path / "freehold.db")
    migrate(database)
    database.close()
    (tmp_path / "given").mkdir()
    (tmp_path / "out").mkdir()
    for seed in range(6):
        tiny_gguf.write(tmp_path / "given" / f"m{seed}.gguf", width=32, layers=1, seed=seed)
    for seed in range(2):
        tiny_adapter.write(tmp_path / "given" / f"a{seed}.gguf", width=32, layers=1, seed=seed)
    chance = random.Random(20)
    done: Counter[str] = Counter()
    for number in range(BOUTS):
        done += registry_storm.bout(tmp_path, number, chance.uniform(0.05, 1.0))
        registry_storm.check(tmp_path)
    assert {"add", "remove", "export"} <= set(done)
    _, registry, _ = registry_storm.opened(tmp_path)
    model = registry.add(tmp_path / "given" / "m0.gguf")
    path = registry.path(model)
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(chance.randrange(model.size))
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1 << chance.randrange(8)]))
    with pytest.raises(Unavailable, match="its hash is no longer"):
        registry.use(model.id)
