"""GGUF files cut short or changed at random: refused, or loaded by a worker that may die of it; never us.

`MUTATIONS=10000` asks for so many, with a load of every fiftieth that our own check lets pass; `-s`
shows what became of them.
"""

import collections
import os
import random
import struct
from pathlib import Path

import children
import pytest
import tiny_gguf

from freehold.engines.base import Finished, Generation
from freehold.engines.local import Deadlines, LocalEngine
from freehold.errors import EngineCrashed, EngineError, InvalidInput, ModelRejected
from freehold.models.formats import gguf
from freehold.types import Turn

MUTATIONS = int(os.environ.get("MUTATIONS", "500"))
LOADS = max(6, MUTATIONS // 50)
EXTREMES = [0, 1, 2, 0x7F, 0xFF, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63, 2**64 - 1]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf.write(tmp_path_factory.mktemp("models") / "tiny.gguf", width=32, layers=1)


def content_of(path: Path) -> bytes:
    return path.read_bytes()


def mutated(data: bytes, header: int, pick: random.Random) -> bytes:
    """`data` with some of its first `header` bytes changed."""
    changed = bytearray(data)
    for _ in range(pick.choice((1, 1, 1, 2, 4, 16))):
        at = pick.randrange(header)
        match pick.randrange(6):
            case 0:
                changed[at] ^= 1 << pick.randrange(8)
            case 1:
                changed[at] = pick.randrange(256)
            case 2:
                value = struct.pack("<Q", pick.choice(EXTREMES))[: pick.choice((4, 8))]
                changed[at : at + len(value)] = value
            case 3:
                del changed[at : at + pick.randint(1, 16)]
            case 4:
                changed[at:at] = pick.randbytes(pick.randint(1, 16))
            case _:
                size, other = pick.randint(1, 64), pick.randrange(header)
                changed[at : at + size] = changed[other : other + size]
    return bytes(changed)


async def fate(path: Path, facts: gguf.GgufFacts) -> str:
    """What becomes of a file in a worker."""
    engine = LocalEngine(path, "odd", facts=facts, context=128, binding="own", deadlines=Deadlines(load=20))
    try:
        await engine.start()
        request = Generation((Turn("user", "Hi"),), max_tokens=3)
        async for event in engine.generate(request):
            if isinstance(event, Finished):
                return "answers"
        raise AssertionError("an answer ends with its end")
    except ModelRejected as error:
        return "dies while loading" if "died while loading" in error.message else "is refused"
    except EngineCrashed:
        return "dies while it answers"
    except (EngineError, InvalidInput):
        return "fails to answer"
    finally:
        await engine.close()


async def test_random_changes_of_header_and_metadata(tiny: Path, tmp_path: Path) -> None:
    data = content_of(tiny)
    sound = gguf.check_sound(tiny)
    header = len(data) - sound.tensor_bytes
    pick = random.Random(2026)
    fates: collections.Counter[str] = collections.Counter()
    passed: list[bytes] = []
    path = tmp_path / "odd.gguf"
    for _ in range(MUTATIONS):
        path.write_bytes(mutated(data, header, pick))
        try:
            gguf.check_sound(path)
        except ModelRejected as error:
            assert error.message
            fates["refused by our check"] += 1
        else:
            fates["passed our check"] += 1
            passed.append(path.read_bytes())
    assert fates["refused by our check"] > MUTATIONS // 4
    for content in pick.sample(passed, min(LOADS, len(passed))):
        path.write_bytes(content)
        fates[f"passed, then {await fate(path, gguf.check_sound(path))}"] += 1
    assert children.workers() == []
    print(dict(fates))
    assert await fate(tiny, sound) == "answers"


async def test_cut_at_every_twentieth(tiny: Path, tmp_path: Path) -> None:
    data = content_of(tiny)
    facts = gguf.check_sound(tiny)
    for part in range(0, 100, 5):
        path = tmp_path / f"cut-{part}.gguf"
        path.write_bytes(data[: len(data) * part // 100])
        with pytest.raises(ModelRejected):
            gguf.check_sound(path)
        if part % 25 == 0 or MUTATIONS >= 10_000:  # past our own check, to llama.cpp
            assert await fate(path, facts) == "is refused"
