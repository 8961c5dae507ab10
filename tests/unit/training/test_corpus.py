"""A corpus from small repositories: what stays, what goes and why, and the same shards each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_repository import repository

from freehold.errors import InvalidInput
from freehold.training import corpus, tokens
from freehold.training.corpus_recipe import CorpusRecipe, Source
from freehold.training.grams import Words
from freehold.training.overlap import Overlap
from freehold.training.shards import Shards
from freehold.training.tokenizer import train

SECRET = "the blue heron waits beside the quiet river until the evening train has passed over"


def page(number: int, more: str = "") -> str:
    """A page of words that no other page has."""
    said = " ".join(f"word{number}x{n} means thing{number}y{n} here" for n in range(12)).replace("0", "o")
    letters = said.translate(str.maketrans("123456789", "abcdefghi"))
    return f"# Page {number}\n\nThis line stands on every page there is.\n\n{letters}\n\n{more}"


FILES = {
    "LICENSE": "Creative Commons\nAttribution 4.0  International",
    **{f"docs/page-{number}.md": page(number) for number in range(30)},
    "docs/same.md": page(3),
    "docs/nearly.md": page(4, "One more word."),
    "docs/seen.md": page(90, f"Once more: {SECRET}."),
    "docs/short.md": "# Short\n\nToo short.",
    "docs/numbers.md": "# Numbers\n\n" + "12345, 67890; " * 40,
    "docs/marks.md": page(91, "<|eot_id|>"),
    "docs/old.md": page(92, "obsolete: yes"),
    "docs/data.csv": "a,b",
}


def source(commit: str, **changes: object) -> Source:
    values: dict[str, object] = {
        "name": "shop",
        "url": "https://example.org/shop",
        "commit": commit,
        "licence": "CC-BY-4.0",
        "licence_file": "LICENSE",
        "licence_says": "Attribution 4.0 International",
        "attribution": "The shop",
        "files": ("docs/**/*.md",),
        "form": "markdown",
        "without": "^obsolete: yes",
    }
    return Source(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("mirrors") / "shop"
    return folder, repository(folder, FILES)


def gathered(mirror: tuple[Path, str], **changes: object) -> tuple[CorpusRecipe, corpus.Gathered]:
    folder, commit = mirror
    recipe = CorpusRecipe("shop", (source(commit, **changes),), validation=0.2, shortest=100)
    words = Words()
    avoid = Overlap(words, recipe.overlap)
    avoid.add("heron", iter([f"{SECRET} the bridge"]))
    return recipe, corpus.gather(recipe, {"shop": folder}, words, avoid)


def test_what_is_left_out_is_counted_by_reason(mirror: tuple[Path, str]) -> None:
    _, found = gathered(mirror)
    (facts,) = found.facts["sources"]
    assert facts["dropped"] == {
        "control_token": 1,
        "duplicate": 1,
        "near_duplicate": 1,
        "not_prose": 1,
        "not_wanted": 1,
        "overlap": 1,
        "short": 1,
    }
    assert facts["documents"] == 30 == len(found.documents)
    assert (facts["commit"], facts["commit_certain"], facts["licence"]) == (mirror[1], True, "CC-BY-4.0")


def test_lines_that_every_page_has_are_boilerplate(mirror: tuple[Path, str]) -> None:
    _, found = gathered(mirror)
    assert all("every page there is" not in document.text for document in found.documents)
    assert all(document.text.startswith("# Page ") for document in found.documents)


def test_overlaps_are_listed_with_the_words(mirror: tuple[Path, str]) -> None:
    _, found = gathered(mirror)
    overlap = found.facts["overlap"]
    assert overlap["documents_dropped"] == 1 and overlap["sets"]["heron"]["texts"] == 1
    assert overlap["documents"] == [
        {
            "source": "shop",
            "path": "docs/seen.md",
            "set": "heron",
            "words": " ".join(SECRET.split()[:13]),
            "runs": len(SECRET.split()) - 12,
        }
    ]


def test_a_licence_that_does_not_say_so_stops_everything(mirror: tuple[Path, str]) -> None:
    with pytest.raises(InvalidInput, match="LICENSE does not say 'MIT'"):
        gathered(mirror, licence_says="MIT")
    with pytest.raises(InvalidInput, match="it is not there"):
        gathered(mirror, licence_file="COPYING")


def test_a_source_of_which_nothing_is_left_is_named(mirror: tuple[Path, str]) -> None:
    with pytest.raises(InvalidInput, match="Nothing is left of the source shop"):
        gathered(mirror, files=("docs/**/*.rst",))


def test_few_are_drawn_always_the_same(mirror: tuple[Path, str]) -> None:
    few = [gathered(mirror, most=5)[1] for _ in range(2)]
    assert few[0].documents == few[1].documents and len(few[0].documents) <= 5
    assert few[0].facts["sources"][0]["dropped"]["not_drawn"] == 31
    every = "This line stands on every page there is."  # but on few of those that were drawn
    assert any(every in document.text for document in few[0].documents)


def test_shards_hold_whole_documents_split_for_ever(mirror: tuple[Path, str], tmp_path: Path) -> None:
    recipe, found = gathered(mirror)
    train((document.text for document in found.documents), tmp_path / "tokenizer", size=400)
    tokenizer = tokens.load(tmp_path / "tokenizer")
    manifests = corpus.tokenise(recipe, found, tokenizer, tmp_path / "a")
    again = corpus.tokenise(recipe, found, tokenizer, tmp_path / "b")
    assert manifests == again and manifests["train"]["sources"][0]["attribution"] == "The shop"
    assert manifests["train"]["documents"] + manifests["validation"]["documents"] == 30
    assert 1 <= manifests["validation"]["documents"] <= 15
    for name, wanted in (("train", "train"), ("validation", "validation")):
        shards = Shards.open(tmp_path / "a" / name)
        shards.check()
        texts = [
            tokenizer.inner.decode(list(part), skip_special_tokens=False)
            for held, starts in zip(shards.tokens, shards.starts, strict=True)
            for part in np.split(held, starts[1:])
        ]
        assert texts == [
            f"<|begin_of_text|>{document.text}<|end_of_text|>"
            for document in found.documents
            if corpus.split(recipe, document) == wanted
        ]
