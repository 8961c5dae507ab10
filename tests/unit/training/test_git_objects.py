"""A hostile clone runs nothing, asks nobody, and cannot pass one file off as another."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import zlib
from pathlib import Path

import pytest
from made_repository import git, repository

from freehold.errors import FreeholdError, InvalidInput, NotFound
from freehold.training import git_objects
from freehold.training.git_objects import GitObjects
from freehold.training.mirror import Mirror


@pytest.fixture
def commit(tmp_path: Path) -> str:
    return repository(tmp_path / "clone", {"a.md": "# A", "b/c.md": "# C"})


def loose(clone: Path, hash: str) -> Path:
    return clone / ".git" / "objects" / hash[:2] / hash[2:]


def put(clone: Path, kind: str, content: bytes, hash: str | None = None) -> str:
    """Writes an object, under its own hash or another."""
    whole = f"{kind} {len(content)}\0".encode() + content
    hash = hash or hashlib.sha1(whole, usedforsecurity=False).hexdigest()
    path = loose(clone, hash)
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(zlib.compress(whole))
    return hash


def test_programs_that_its_settings_name_are_not_run(tmp_path: Path, commit: str) -> None:
    """A file that is missing makes git fetch it from wherever, and by whatever, the clone's settings say."""
    clone, mark = tmp_path / "clone", tmp_path / "ran"
    shutil.copytree(clone, tmp_path / "origin")
    loose(clone, git(clone, "rev-parse", "HEAD:a.md")).unlink()
    (clone / ".git" / "config").write_text(
        "[core]\nrepositoryformatversion = 1\nfsmonitor = touch ran\n[extensions]\npartialClone = origin\n"
        f'[remote "origin"]\nurl = {tmp_path / "origin"}\npromisor = true\n'
        f'uploadpack = "touch {mark}; git-upload-pack"\n'
    )
    with pytest.raises(NotFound, match=r"lacks the content of a\.md"):
        list(Mirror(clone, commit).files(["a.md"]))
    assert not mark.exists()
    assert list(Mirror(clone, commit).files(["b/*"])) == [("b/c.md", b"# C")]


def test_what_is_not_what_its_hash_says_is_refused(tmp_path: Path, commit: str) -> None:
    clone = tmp_path / "clone"
    put(clone, "blob", b"# Forged", git(clone, "rev-parse", "HEAD:a.md"))
    with pytest.raises(InvalidInput, match="damaged or forged"):
        list(Mirror(clone, commit).files(["a.md"]))
    put(clone, "commit", b"tree " + b"0" * 40 + b"\n", commit)
    with pytest.raises(InvalidInput, match="damaged or forged"):
        Mirror(clone, commit)


def test_replacements_are_not_followed(tmp_path: Path, commit: str) -> None:
    clone = tmp_path / "clone"
    (clone / "a.md").write_text("# Other")
    git(clone, "commit", "--all", "--quiet", "--message", "other")
    git(clone, "replace", commit, git(clone, "rev-parse", "HEAD"))
    assert list(Mirror(clone, commit).files(["a.md"])) == [("a.md", b"# A")]


def test_folders_that_hold_themselves_over_and_over_come_to_an_end(
    tmp_path: Path, commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_objects, "MOST_FILES", 2_000)
    clone = tmp_path / "clone"
    hash = git(clone, "rev-parse", "HEAD:b")
    for _ in range(10):
        hash = put(clone, "tree", b"".join(b"40000 %d\0" % name + bytes.fromhex(hash) for name in range(10)))
    bomb = put(clone, "commit", f"tree {hash}\n\nx\n".encode())
    with GitObjects(clone / ".git") as objects, pytest.raises(InvalidInput, match="files without end"):
        list(objects.files(bomb))


@pytest.mark.parametrize("tree", [b"", b"100644 a", b"100644 a\0short", b"\0" * 30, b"40000 \0" + bytes(20)])
def test_folders_that_are_none_give_no_traceback(tmp_path: Path, commit: str, tree: bytes) -> None:
    clone = tmp_path / "clone"
    made = put(clone, "commit", f"tree {put(clone, 'tree', tree)}\n\nx\n".encode())
    with GitObjects(clone / ".git") as objects, contextlib.suppress(FreeholdError):
        assert not [path for path, _ in objects.files(made) if not path]
