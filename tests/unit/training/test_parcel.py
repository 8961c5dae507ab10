"""Archives in parts: everything comes back, nothing that was changed or missing does."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from freehold.errors import InvalidInput, NotFound
from freehold.training.parcel import pack, unpack

BYTES = np.random.default_rng(0).bytes(70_000)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path | bytes]:
    (tmp_path / "large").write_bytes(BYTES)
    return {"a/large.bin": tmp_path / "large", "note.txt": b"hello", "empty": b""}


@pytest.mark.parametrize("size", [None, 10_000, 1_000_000])
def test_what_was_packed_comes_back(tmp_path: Path, files: dict[str, Path | bytes], size: int | None) -> None:
    parts = pack(files, tmp_path / "x.tar", part_bytes=size)
    if size is None:
        assert parts == [tmp_path / "x.tar"]
    else:
        assert all(part.stat().st_size <= size for part in parts)
        assert len(parts) == (9 if size == 10_000 else 1)
    assert unpack(parts[-1], tmp_path / "out") == ["a/large.bin", "empty", "note.txt"]
    assert (tmp_path / "out" / "a" / "large.bin").read_bytes() == BYTES
    assert (tmp_path / "out" / "note.txt").read_bytes() == b"hello"


def test_the_same_files_make_the_same_archive(tmp_path: Path, files: dict[str, Path | bytes]) -> None:
    pack(files, tmp_path / "x.tar")
    pack(files, tmp_path / "y.tar")
    assert (tmp_path / "x.tar").read_bytes() == (tmp_path / "y.tar").read_bytes()


def test_fewer_parts_replace_more(tmp_path: Path, files: dict[str, Path | bytes]) -> None:
    pack(files, tmp_path / "x.tar", part_bytes=10_000)
    pack(files, tmp_path / "x.tar", part_bytes=50_000)
    assert sorted(path.name for path in tmp_path.glob("x.tar*")) == ["x.tar.000", "x.tar.001"]


def test_a_part_that_is_missing_is_named(tmp_path: Path, files: dict[str, Path | bytes]) -> None:
    parts = pack(files, tmp_path / "x.tar", part_bytes=10_000)
    parts[3].unlink()
    with pytest.raises(NotFound, match=r"x\.tar\.003 is missing"):
        unpack(tmp_path / "x.tar.000", tmp_path / "out")
    for part in parts[4:]:
        part.unlink()
    with pytest.raises(InvalidInput):
        unpack(tmp_path / "x.tar.000", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(NotFound, match="no archive"):
        unpack(tmp_path / "none.tar", tmp_path / "out")


def test_what_was_changed_on_the_way_is_refused(tmp_path: Path, files: dict[str, Path | bytes]) -> None:
    pack(files, tmp_path / "x.tar")
    data = bytearray((tmp_path / "x.tar").read_bytes())
    data[data.index(b"hello")] = ord("j")
    (tmp_path / "x.tar").write_bytes(data)
    with pytest.raises(InvalidInput, match=r"note\.txt in x\.tar was changed"):
        unpack(tmp_path / "x.tar", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "link"])
def test_an_archive_that_would_write_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        member = tarfile.TarInfo(name)
        if name == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(member, io.BytesIO())
    with pytest.raises(InvalidInput):
        unpack(tmp_path / "x.tar", tmp_path / "folder")
    (tmp_path / "y.tar").write_bytes(b"no archive" * 100)
    with pytest.raises(InvalidInput, match="no archive of ours"):
        unpack(tmp_path / "y.tar", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
