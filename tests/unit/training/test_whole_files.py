"""Folders that take another's place, whenever the process before was killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from freehold.training.files import whole_folder


def replaced(target: Path) -> None:
    with whole_folder(target) as fresh:
        (fresh / "new").write_text("new")


@pytest.mark.parametrize("moved", [True, False])
def test_what_a_kill_left_aside_is_settled(tmp_path: Path, moved: bool) -> None:
    """Killed after the old one was moved aside, and after the new one came: both go on."""
    target, aside = tmp_path / "run", tmp_path / ".run.old"
    aside.mkdir()
    (aside / "old").write_text("old")
    (tmp_path / ".run.partial").mkdir()
    if not moved:
        target.mkdir()
    replaced(target)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["run", "run/new"]


def test_a_failure_leaves_the_folder_that_a_kill_moved_aside(tmp_path: Path) -> None:
    (tmp_path / ".run.old").mkdir()
    (tmp_path / ".run.old" / "old").write_text("old")
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "run"):
        raise RuntimeError
    assert (tmp_path / "run" / "old").read_text() == "old"
