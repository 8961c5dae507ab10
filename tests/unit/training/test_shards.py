"""Token shards: written, read back, and refused when they are not what they say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from freehold.errors import InvalidInput, NotFound
from freehold.training.shards import MANIFEST, Shards, ShardWriter


def written(folder: Path, *, vocabulary: int = 300) -> list[list[int]]:
    draw = np.random.default_rng(0)
    documents = [draw.integers(0, vocabulary, length).tolist() for length in (5, 1, 9, 30, 4)]
    writer = ShardWriter(folder, vocabulary=vocabulary, tokenizer="abc", shard_tokens=16)
    for document in documents:
        writer.add(document)
    writer.add([])
    writer.close({"licences": ["CC0-1.0"]})
    return documents


@pytest.mark.parametrize(("vocabulary", "dtype"), [(300, "uint16"), (2**17, "uint32")])
def test_documents_come_back(tmp_path: Path, vocabulary: int, dtype: str) -> None:
    documents = written(tmp_path, vocabulary=vocabulary)
    shards = Shards.open(tmp_path)
    shards.check()
    found = [
        part.tolist()
        for tokens, starts in zip(shards.tokens, shards.starts, strict=True)
        for part in np.split(tokens, starts[1:])
    ]
    assert found == documents
    assert len(shards.tokens) == 3
    assert shards.tokens[0].dtype == dtype
    assert shards.manifest["tokens"] == 49
    assert shards.manifest["documents"] == 5
    assert shards.manifest["licences"] == ["CC0-1.0"]


def test_a_token_outside_the_vocabulary_is_refused(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, vocabulary=10, tokenizer="abc")
    with pytest.raises(InvalidInput, match="outside the vocabulary of 10"):
        writer.add([3, 10])


def test_unfinished_shards_are_not_found(tmp_path: Path) -> None:
    written(tmp_path)
    ShardWriter(tmp_path, vocabulary=300, tokenizer="abc")  # begun again, not closed
    with pytest.raises(NotFound, match="no finished token shards"):
        Shards.open(tmp_path)


def test_changed_files_are_noticed(tmp_path: Path) -> None:
    written(tmp_path)
    tokens = np.load(tmp_path / "00001.tokens.npy")
    tokens[0] += 1
    np.save(tmp_path / "00001.tokens.npy", tokens)
    with pytest.raises(InvalidInput, match=r"00001 in .* was changed"):
        Shards.open(tmp_path).check()
    np.save(tmp_path / "00001.tokens.npy", tokens[:-1])
    with pytest.raises(InvalidInput, match="not as long"):
        Shards.open(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"files": 3},
        {"files": [{}]},
        {"files": [{"name": "../a", "tokens": 1, "documents": 1, "sha256": "a"}]},
        {"tokenizer": None},
        {"files": [{"name": "00000", "tokens": 15, "documents": 3}]},
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    written(tmp_path)
    path = tmp_path / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InvalidInput):
        Shards.open(tmp_path)


def test_files_that_hold_no_array_are_refused(tmp_path: Path) -> None:
    """Pickles least of all."""
    written(tmp_path)
    path = tmp_path / "00000.starts.npy"
    with path.open("wb") as file:
        np.save(file, np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(InvalidInput, match="cannot be read"):
        Shards.open(tmp_path)
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(1))
    with pytest.raises(InvalidInput, match="holds no array"):
        Shards.open(tmp_path)
    head = {"descr": "<i8", "fortran_order": False, "shape": (2**50,)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, head)
    with pytest.raises(InvalidInput, match="cannot be read"):
        Shards.open(tmp_path)
