"""A safetensors header is believed only as far as the file bears it out."""

import json
import os
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from freehold.errors import ModelRejected
from freehold.models.formats.safetensors_file import SafetensorsFile

TENSORS = {
    "a": np.arange(24, dtype=np.float32).reshape(6, 4),
    "b": np.arange(3, dtype=np.float16),
    "c": np.arange(6, dtype=np.int64).reshape(2, 3),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_file(TENSORS, tmp_path / "model.safetensors", metadata={"format": "pt"})
    return tmp_path / "model.safetensors"


def written(path: Path, header: Any, data: bytes = b"\0" * 16) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ModelRejected) as caught:
        SafetensorsFile(path)
    assert caught.value.hint
    return caught.value.message


def test_reads_what_the_library_wrote(path: Path) -> None:
    with SafetensorsFile(path) as file:
        assert set(file.tensors) == set(TENSORS)
        assert file.kind("a") == "F32"
        assert np.array_equal(file.rows("a"), TENSORS["a"])
        assert np.array_equal(file.rows("a", 2, 5), TENSORS["a"][2:5])
        assert np.array_equal(file.rows("b"), TENSORS["b"])
        assert file.rows("a", 3, 3).shape == (0, 4)


def test_a_tensor_of_another_type_is_refused_when_it_is_read(path: Path) -> None:
    with SafetensorsFile(path) as file, pytest.raises(ModelRejected, match="c is stored as I64"):
        file.rows("c")


def test_every_truncation_is_noticed(path: Path) -> None:
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        refusal(path)
    path.write_bytes(whole[:-1])
    assert "is truncated" in refusal(path)


def test_random_mutations_of_the_header_end_in_an_error_or_a_sound_file(path: Path) -> None:
    whole = path.read_bytes()
    chance = random.Random(5)
    (length,) = struct.unpack("<Q", whole[:8])
    refused = 0
    for _ in range(200):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(8 + length)] = chance.randrange(256)
        path.write_bytes(data)
        try:
            with SafetensorsFile(path) as file:
                assert sum(tensor.size for tensor in file.tensors.values()) <= len(whole)
        except ModelRejected:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (b"not json", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"\xff\xfe", "no JSON"),
        ([1, 2], "no JSON object"),
        ({"a": 5}, "has the entry 5"),
        ({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0]}}, "has the entry"),
        ({"a": {"dtype": "F33", "shape": [4], "data_offsets": [0, 16]}}, "has the entry"),
        ({"a": {"dtype": ["F32"], "shape": [4], "data_offsets": [0, 16]}}, "has the entry"),
        ({"a": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}}, "has the entry"),
        ({"a": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}}, "has the entry"),
        ({"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 16]}}, "16 bytes for its"),
        ({"a": {"dtype": "F32", "shape": [4], "data_offsets": [16, 0]}}, "-16 bytes for its 16"),
        ({"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}}, "leaves a gap"),
        ({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, "8 bytes follow its last tensor"),
        (
            {
                "a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},
                "b": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]},
            },
            "overlaps the one before",
        ),
        (b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":{}}', "twice"),
    ],
)
def test_a_hostile_header_is_refused(tmp_path: Path, header: Any, says: str) -> None:
    assert says in refusal(written(tmp_path / "bad.safetensors", header))


def test_a_header_longer_than_the_file_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(struct.pack("<Q", 2**60) + b"{}")
    assert "claims" not in refusal(path)
    assert "truncated" in refusal(path)


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    assert "no file" in refusal(tmp_path / "pipe.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    assert "no file" in refusal(tmp_path / "folder.safetensors")


def test_a_file_that_shrinks_while_it_is_read_is_noticed(path: Path) -> None:
    with SafetensorsFile(path) as file:
        os.truncate(path, 100)
        with pytest.raises(ModelRejected, match="shrank"):
            file.rows("a")
