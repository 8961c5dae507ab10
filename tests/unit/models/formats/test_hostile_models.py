"""Whatever a model's file says, converting it ends well or in an error of ours, with nothing left behind."""

import random
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import tiny_gguf

from freehold.errors import FreeholdError
from freehold.models.formats import gguf, gguf_writer
from freehold.models.formats.gguf_file import open_gguf
from freehold.models.formats.gguf_writer import Tensor
from freehold.models.formats.huggingface import from_gguf
from freehold.models.formats.quantize import quantize

OTHER_VALUES = {
    "text": gguf_writer.text("other"),
    "nothing": gguf_writer.text(""),
    "zero": gguf_writer.uint32(0),
    "huge": gguf_writer.uint32(2**32 - 1),
    "no number": gguf_writer.float32(float("nan")),
    "truth": gguf_writer.boolean(True),
    "negative": struct.pack("<Ii", gguf_writer.INT32, -1),
    "texts": gguf_writer.texts(["a", "a"]),
    "numbers": gguf_writer.int32s([1] * 3),
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf.write(tmp_path_factory.mktemp("tiny") / "tiny.gguf", width=32, layers=1)


def attempts(source: Path, folder: Path) -> Iterator[str]:
    """Tries what can be done with a file; gives the outcomes."""
    for work in (
        partial(from_gguf, source, folder / "out"),
        partial(quantize, source, folder / "out.gguf", "q4_k_m", threads=1),
    ):
        try:
            work()
            yield "well"
        except FreeholdError as error:
            assert error.message
            yield "refused"
        assert not [path for path in folder.iterdir() if path.name.endswith(".part")]
    for path in (folder / "out").glob("*"):
        path.unlink()
    if (folder / "out").exists():
        (folder / "out").rmdir()


@pytest.mark.parametrize("other", OTHER_VALUES)
def test_keys_of_another_kind(source: Path, tmp_path: Path, other: str) -> None:
    changed = tmp_path / "changed.gguf"
    outcomes = []
    with open_gguf(source) as file:
        tensors = [
            Tensor(name, shape, "F32", partial(lambda name, rows: [file.rows(name, 0, rows)], name, shape[0]))
            for name, shape in file.shapes.items()
        ]
        for key in file.metadata:
            gguf_writer.write(changed, file.metadata | {key: OTHER_VALUES[other]}, tensors)
            outcomes += attempts(changed, tmp_path)
    assert outcomes.count("refused") > len(outcomes) / 4


def test_random_mutations_of_the_header(source: Path, tmp_path: Path) -> None:
    data = source.read_bytes()
    with gguf.header(source) as found:
        end = found.data
    chance = random.Random(3)
    outcomes = []
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(end)] = chance.randrange(256)
        (tmp_path / "changed.gguf").write_bytes(changed)
        outcomes += attempts(tmp_path / "changed.gguf", tmp_path)
    assert {"well", "refused"} == set(outcomes)


def test_truncation(source: Path, tmp_path: Path) -> None:
    data = source.read_bytes()
    for share in range(0, 100, 5):
        (tmp_path / "changed.gguf").write_bytes(data[: len(data) * share // 100])
        assert set(attempts(tmp_path / "changed.gguf", tmp_path)) == {"refused"}
