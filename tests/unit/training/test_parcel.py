"""Archives in parts: everything comes back, nothing that was changed or missing does."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from freehold.errors import Conflict, InvalidInput, NotFound
from freehold.training.__main__ import main
from freehold.training.parcel import MANIFEST, pack, part_bytes_of, parts_of, unpack
from freehold.training.shards import ShardWriter

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
    with pytest.raises(InvalidInput, match="not a sound archive"):
        unpack(tmp_path / "y.tar", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def archive_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for member, data in members:
            member.size = member.size or len(data)
            tar.addfile(member, io.BytesIO(data.ljust(member.size if member.size < 2**20 else 0)))
    return path


def holes(size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo("holes")
    member.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(size), "GNU.sparse.name": "holes"}
    return member


@pytest.mark.parametrize(
    "listed", [b"[" * 100_000, b"[]", b"1", b'{"sha256": 5}', b"\xff", b'{"sha256": [["a"]]}']
)
def test_a_list_that_is_none_is_refused(tmp_path: Path, listed: bytes) -> None:
    archive = archive_of(tmp_path / "x.tar", (tarfile.TarInfo(MANIFEST), listed))
    with pytest.raises(InvalidInput, match="no archive of ours"):
        unpack(archive, tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["x.tar"]


def test_members_that_are_no_plain_files_with_all_their_bytes_are_refused(tmp_path: Path) -> None:
    under = [(tarfile.TarInfo("a"), b"x"), (tarfile.TarInfo("a/b"), b"x")]
    for number, members in enumerate([[(holes(2**60), b"")], under, [(tarfile.TarInfo("n" * 300), b"x")]]):
        archive = archive_of(tmp_path / f"{number}.tar", *members)
        with pytest.raises(InvalidInput, match=r"no plain file|cannot be written"):
            unpack(archive, tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_a_folder_that_holds_no_run_is_not_replaced(tmp_path: Path, files: dict[str, Path | bytes]) -> None:
    pack(files, tmp_path / "x.tar")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letters").write_text("dear")
    with pytest.raises(Conflict, match="holds no run"):
        unpack(tmp_path / "x.tar", tmp_path / "home")
    assert (tmp_path / "home" / "letters").read_text() == "dear"
    for _ in range(2):  # what came from an archive may
        unpack(tmp_path / "x.tar", tmp_path / "out")


def test_token_shards_which_have_a_manifest_too_are_not_replaced(
    tmp_path: Path, files: dict[str, Path | bytes]
) -> None:
    pack(files, tmp_path / "x.tar")
    writer = ShardWriter(tmp_path / "shards", vocabulary=10, tokenizer="t")
    writer.add([1, 2, 3])
    writer.close()
    before = {path.name: path.read_bytes() for path in (tmp_path / "shards").iterdir()}
    with pytest.raises(Conflict, match="holds no run"):
        unpack(tmp_path / "x.tar", tmp_path / "shards")
    assert {path.name: path.read_bytes() for path in (tmp_path / "shards").iterdir()} == before


@pytest.mark.parametrize("megabytes", ["0", "-1", "1e-9", "nan", "inf"])
def test_parts_of_no_size_are_refused(
    tmp_path: Path, megabytes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--folder", str(tmp_path), "--to", str(tmp_path / "x.tar")]
    assert main(["pack", *folder, f"--part-mb={megabytes}"]) == 1
    assert "MB cannot be" in capsys.readouterr().out
    assert [part_bytes_of(each) for each in (None, 45, 0.5)] == [None, 45_000_000, 500_000]


def test_of_an_archive_that_failed_nothing_is_left(tmp_path: Path, files: dict[str, Path | bytes]) -> None:
    files["z"] = tmp_path / "gone"
    with pytest.raises(FileNotFoundError):
        pack(files, tmp_path / "x.tar", part_bytes=10_000)
    assert [path.name for path in tmp_path.iterdir()] == ["large"]


def test_a_path_that_cannot_be_used_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["unpack", f"{tmp_path / ('n' * 300)}.tar", "--folder", str(tmp_path / "out")]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["event"] == "failed" and "File name too long" in said["error"]["message"]


def test_only_parts_are_taken_for_parts(tmp_path: Path, files: dict[str, Path | bytes]) -> None:
    parts = pack(files, tmp_path / "x[1]*.tar", part_bytes=50_000)
    (tmp_path / "x[1]*.tar.001.bak").write_bytes(b"mine")
    (tmp_path / "x1y.tar.000").write_bytes(b"mine")
    assert parts_of(tmp_path / "x[1]*.tar") == parts
    pack(files, tmp_path / "x[1]*.tar", part_bytes=50_000)
    assert (tmp_path / "x[1]*.tar.001.bak").exists() and (tmp_path / "x1y.tar.000").exists()
