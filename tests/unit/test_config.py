"""Settings come from flag, environment, file and default, in this order, and misspelt ones are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from freehold.config import load
from freehold.errors import InvalidInput, Unavailable


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("FREEHOLD_PORT", "FREEHOLD_HOST", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FREEHOLD_HOME", str(tmp_path))
    return tmp_path


def test_a_flag_beats_the_environment_beats_the_file_beats_the_default(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load().port == 8642
    (home / "freehold.toml").write_text("port = 1001\nhost = '127.0.0.2'\n")
    assert load().port == 1001
    monkeypatch.setenv("FREEHOLD_PORT", "1002")
    assert load().port == 1002
    assert load(port=1003, host=None).port == 1003
    assert load(port=1003, host=None).host == "127.0.0.2"


def test_the_file_is_that_of_the_home_a_flag_names(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "freehold.toml").write_text("port = 1004\n")
    assert (load(home=other).home, load(home=other).port) == (other, 1004)


def test_a_misspelt_setting_is_named_with_the_nearest(home: Path) -> None:
    (home / "freehold.toml").write_text("prot = 1\n")
    with pytest.raises(InvalidInput, match=r"There is no setting prot\. Did you mean port\?"):
        load()


def test_a_value_that_cannot_be_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"Setting port: .*65535"):
        load(port=70_000)


def test_a_file_that_is_not_toml_is_said(home: Path) -> None:
    (home / "freehold.toml").write_text("port = = 1\n")
    with pytest.raises(InvalidInput, match="settings cannot be read"):
        load()


def test_another_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@db/freehold")
    with pytest.raises(Unavailable, match="postgresql") as raised:
        load()
    assert "secret" not in str(raised.value)


def test_the_small_models_folders_are_those_that_a_shell_would_take(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    (home / "freehold.toml").write_text('embedding_model = "~/embedder"\nreader_model = "own/reader"\n')
    config = load()
    assert config.embedder_folder == Path("/home/ada/embedder")
    assert config.reader_folder == Path.cwd() / "own" / "reader"


def test_a_variable_set_to_nothing_counts_as_not_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FREEHOLD_EMBEDDING_MODEL", "FREEHOLD_READER_MODEL", "FREEHOLD_PORT"):
        monkeypatch.setenv(name, "")
    config = load()
    assert config.embedder_folder.parent == config.reader_folder.parent == home / "models"
    assert config.port == 8642
