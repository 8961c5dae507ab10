"""The same files of a commit, whatever form the copy has."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_repository import git, repository

from freehold.errors import InvalidInput, NotFound
from freehold.training.mirror import Mirror

FILES = {
    "LICENSE": "Attribution 4.0",
    "docs/a.md": "# A",
    "docs/deep/er/ü b.md": "# B",
    "docs/data.bin": b"\0\1",
    "x[1].md": "odd",
}


@pytest.fixture
def commit(tmp_path: Path) -> str:
    return repository(tmp_path / "clone", FILES)


def forms(folder: Path, commit: str) -> dict[str, Path]:
    git(folder, "clone", "--quiet", "--bare", "clone", "bare.git")
    git(folder / "clone", "archive", "--prefix=name-1/", "-o", "../archive.tar.gz", commit)
    (folder / "clone" / "docs" / "a.md").write_text("changed after the commit")
    (folder / "clone" / "docs" / "new.md").write_text("new")
    return {name: folder / name for name in ("clone", "bare.git", "archive.tar.gz")}


def test_every_form_gives_the_files_of_the_commit(tmp_path: Path, commit: str) -> None:
    for name, place in forms(tmp_path, commit).items():
        mirror = Mirror(place, commit)
        assert mirror.certain, name
        assert sorted(mirror.files(["docs/**/*.md"])) == [
            ("docs/a.md", b"# A"),
            ("docs/deep/er/ü b.md", b"# B"),
        ], name
        assert mirror.text("LICENSE") == "Attribution 4.0" and mirror.text("LICENCE") is None
        assert mirror.text("x[1].md") == "odd"


def test_a_plain_folder_is_taken_at_its_word(tmp_path: Path) -> None:
    (tmp_path / "plain" / "docs").mkdir(parents=True)
    (tmp_path / "plain" / "docs" / "a.md").write_text("# A")
    (tmp_path / "plain" / "docs" / "link.md").symlink_to("/etc/passwd")
    mirror = Mirror(tmp_path / "plain", "0" * 40)
    assert not mirror.certain and list(mirror.files(["**/*.md"])) == [("docs/a.md", b"# A")]


def test_patterns(tmp_path: Path, commit: str) -> None:
    mirror = Mirror(tmp_path / "clone", commit)

    def found(*patterns: str) -> list[str]:
        return [path for path, _ in mirror.files(patterns)]

    assert found("docs/*.md") == ["docs/a.md"]
    assert found("**/*.md") == ["docs/a.md", "docs/deep/er/ü b.md", "x[1].md"]
    assert found("docs/?.md", "LICENSE") == ["LICENSE", "docs/a.md"]
    assert found("docs") == [] and found("*.MD") == []


def test_links_in_a_repository_are_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "linked"
    repository(folder, {"a.md": "a"})
    (folder / "b.md").symlink_to("/etc/passwd")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "link")
    commit = git(folder, "rev-parse", "HEAD")
    git(folder, "archive", "--prefix=n/", "-o", str(tmp_path / "l.tar.gz"), commit)
    for place in (folder, tmp_path / "l.tar.gz"):
        assert [path for path, _ in Mirror(place, commit).files(["*.md"])] == ["a.md"]


def test_another_commit_is_refused(tmp_path: Path, commit: str) -> None:
    places = forms(tmp_path, commit)
    for name in ("clone", "bare.git"):
        with pytest.raises(NotFound, match="no commit 0000"):
            Mirror(places[name], "0" * 40)
    with pytest.raises(InvalidInput, match=f"archive of {commit}, not of 0000"):
        Mirror(places["archive.tar.gz"], "0" * 40)
    (tmp_path / "broken.tar.gz").write_bytes(b"no archive")
    with pytest.raises(InvalidInput, match="is not a sound archive"):
        Mirror(tmp_path / "broken.tar.gz", commit)
    with pytest.raises(NotFound, match="no mirror"):
        Mirror(tmp_path / "absent", commit)
