"""`setup` gets the small models, and leaves alone what somebody else put where it would put them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from freehold.cli import make
from freehold.errors import Conflict


def test_a_model_of_ones_own_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EMBEDDING", "READER"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        (folder / "model.onnx").write_bytes(b"my own")
        monkeypatch.setenv(f"FREEHOLD_{name}_MODEL", str(folder))
    done = CliRunner().invoke(make(), ["--home", str(tmp_path / "home"), "setup"])
    assert done.exit_code == 0, done.output
    assert [path.read_bytes() for path in sorted(tmp_path.glob("*/*"))] == [b"my own"] * 2
    assert f"reader: {tmp_path / 'reader'}" in done.output


def test_a_folder_that_holds_no_model_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "one.txt").write_text("Dear Ada")
    monkeypatch.setenv("FREEHOLD_EMBEDDING_MODEL", str(tmp_path / "letters"))
    done = CliRunner().invoke(make(), ["--home", str(tmp_path / "home"), "setup"])
    assert isinstance(done.exception, Conflict)
    assert [path.name for path in tmp_path.glob("**/*")] == ["letters", "one.txt"]
