"""`corpus`: from a recipe and a mirror to token shards."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from made_repository import git, repository
from scripted import Ran

from freehold.net import Fetched
from freehold.training.shards import Shards

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def text(seed: int) -> str:
    pick = random.Random(seed)
    words = ["".join(pick.choices(LETTERS, k=pick.randint(2, 7))) for _ in range(120)]
    return f"# Page {words[0]}\n\n{' '.join(words)}."


RECIPE = """\
name = "shop"
validation = 0.2
[[source]]
name = "shop"
url = "https://forge.example/shop"
commit = "{commit}"
licence = "CC-BY-4.0"
licence_file = "LICENSE"
licence_says = "Attribution 4.0"
attribution = "The shop"
files = ["**/*.md"]
form = "markdown"
"""


@pytest.fixture
def shop(tmp_path: Path) -> tuple[Path, str]:
    """A recipe, and the commit that it names."""
    files = {f"docs/{number}.md": text(number) for number in range(12)} | {"LICENSE": "Attribution 4.0"}
    commit = repository(tmp_path / "mirrors" / "shop", files)
    recipe = tmp_path / "corpus.toml"
    recipe.write_text(RECIPE.format(commit=commit))
    return recipe, commit


def test_a_corpus_is_built_from_a_mirror(
    freehold: Callable[..., Ran], shop: tuple[Path, str], tmp_path: Path
) -> None:
    (tmp_path / "suite.jsonl").write_text(json.dumps({"question": text(5).partition("\n\n")[2]}) + "\n")
    out = tmp_path / "out"
    options = ("--mirror", str(tmp_path / "mirrors"), "--out", str(out), "--vocabulary", "300")
    ran = freehold("corpus", str(shop[0]), *options, "--avoid", str(tmp_path / "suite.jsonl"), "--json")
    assert ran.status == 0, ran.err
    told = json.loads(ran.out)
    assert told == json.loads((out / "corpus.json").read_text())
    assert [each["path"] for each in told["overlap"]["documents"]] == ["docs/5.md"]
    assert sum(each["documents"] for each in told["splits"].values()) == 11
    for name, facts in told["splits"].items():
        assert Shards.open(out / name).manifest["tokens"] == facts["tokens"]

    again = freehold("corpus", str(shop[0]), *options[:4], "--tokenizer", str(out / "tokenizer"))
    assert again.status == 0, again.err
    assert again.out.startswith("shop\tCC-BY-4.0\t12\t") and "--avoid names them" in again.err


def test_a_missing_mirror_is_named(
    freehold: Callable[..., Ran], shop: tuple[Path, str], tmp_path: Path
) -> None:
    ran = freehold("corpus", str(shop[0]), "--out", str(tmp_path / "out"), "--mirror", str(tmp_path / "none"))
    assert ran.status == 1
    assert "lacks: shop" in ran.err and "git clone https://forge.example/shop" in ran.err
    assert not (tmp_path / "out").exists()


def test_without_a_mirror_an_archive_is_fetched_once_and_checked(
    freehold: Callable[..., Ran], shop: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, commit = shop
    git(tmp_path / "mirrors" / "shop", "archive", "--prefix=s/", "-o", str(tmp_path / "s.tar.gz"), commit)
    asked: list[tuple[str, bool]] = []
    body = (tmp_path / "s.tar.gz").read_bytes()

    def fetch(url: str, *, egress: object, max_bytes: int, deadline_seconds: float) -> Fetched:
        asked.append((url, egress.permits("forge.example", 443)))  # type: ignore[attr-defined]
        return Fetched(url, 200, {}, "application/gzip", None, body, None, False, "", ())

    monkeypatch.setattr("freehold.net.fetch", fetch)
    options = ("--out", str(tmp_path / "out"), "--vocabulary", "300")
    for _ in range(2):
        assert freehold("corpus", str(recipe), *options).status == 0
    assert asked == [(f"https://forge.example/shop/archive/{commit}.tar.gz", True)]

    recipe.write_text(RECIPE.format(commit="1" * 40))
    ran = freehold("corpus", str(recipe), "--out", str(tmp_path / "other"))
    assert ran.status == 1 and f"archive of {commit}, not of 1111" in ran.err
    assert list((tmp_path / "other" / "archives").iterdir()) == []
