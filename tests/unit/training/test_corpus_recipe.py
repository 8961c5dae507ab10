"""A corpus written down: what is missing, misspelt or not shown to be allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from freehold.errors import InvalidInput, NotFound
from freehold.training.corpus_recipe import load

ROOT = Path(__file__).resolve().parents[3]
SOURCE = {
    "name": '"a"',
    "url": '"https://example.org/a"',
    "commit": f'"{"0" * 40}"',
    "licence": '"CC-BY-4.0"',
    "licence_file": '"LICENSE"',
    "licence_says": '"Attribution 4.0"',
    "attribution": '"A"',
    "files": '["*.md"]',
    "form": '"markdown"',
}


def written(folder: Path, head: str = 'name = "c"', **changes: str | None) -> Path:
    path = folder / "corpus.toml"
    pairs = {name: value for name, value in (SOURCE | changes).items() if value is not None}
    path.write_text(f"{head}\n[[source]]\n" + "\n".join(f"{name} = {value}" for name, value in pairs.items()))
    return path


def test_a_corpus_is_read(tmp_path: Path) -> None:
    recipe = load(written(tmp_path, most="5"))
    assert (recipe.source[0].files, recipe.source[0].most, recipe.overlap) == (("*.md",), 5, 13)


def test_the_starters_corpus_is_sound() -> None:
    recipe = load(ROOT / "recipes" / "starter" / "corpus.toml")
    assert {source.licence for source in recipe.source} == {"CC-BY-4.0", "public-domain"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"licence_file": None, "licence_says": None}, "nothing shows its licence"),
        ({"licence_says": None}, "go together"),
        ({"commit": '"main"'}, "40 hexadecimal"),
        ({"url": '"git@example.org:a"'}, "https://"),
        ({"name": '"../a"'}, "no file's name"),
        ({"files": "[]"}, "names no files"),
        ({"without": '"("'}, "no regular expression"),
        ({"form": '"html"'}, "form cannot be 'html'"),
        ({"licence": None}, "lacks the key 'licence'"),
        ({"license": '"x"'}, "a key 'license'"),
        ({"head": 'name = "c"\nalike = 3'}, "at most 1"),
        ({"head": 'name = "c'}, "corpus.toml"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, changes: dict[str, str | None], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        load(written(tmp_path, **changes))  # type: ignore[arg-type]


def test_names_are_there_once_and_there_is_a_source(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text() + path.read_text().partition("\n")[2].join(["\n", ""]))
    with pytest.raises(InvalidInput, match="two sources called 'a'"):
        load(path)
    path.write_text('name = "c"\nsource = []')
    with pytest.raises(InvalidInput, match="no \\[\\[source\\]\\]"):
        load(path)
    with pytest.raises(NotFound):
        load(tmp_path / "absent.toml")
