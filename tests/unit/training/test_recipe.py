"""Recipes: what is read, what is refused, and how it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from freehold.errors import InvalidInput, NotFound
from freehold.training.recipe import Recipe, load

WHOLE = """
name = "tune"
objective = "supervised"
[model]
start = "base"
[model.lora]
rank = 4
[data]
train = "train.jsonl"
context = 64
[run]
steps = 10
batch = 4
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    (tmp_path / "train.jsonl").write_text("{}\n")
    return tmp_path


def read(folder: Path, text: str) -> Recipe:
    (folder / "tune.toml").write_text(text)
    return load(folder / "tune.toml")


def test_a_recipe_is_read_with_paths_from_its_folder(folder: Path) -> None:
    recipe = read(folder, WHOLE)
    assert recipe.model.start == folder / "base"
    assert recipe.tokenizer == folder / "base"
    assert recipe.data.train == (folder / "train.jsonl",)
    assert recipe.model.lora is not None
    assert recipe.model.lora.rank == 4
    assert recipe.optimiser.learning_rate == 3e-4
    assert recipe.as_json()["run"]["steps"] == 10


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('name = "tune"', 'name = "../tune"', "`name` becomes a folder's"),
        ("steps = 10", "stps = 10", "Did you mean 'steps'?"),
        ("rank = 4", "rnak = 4", "Did you mean 'rank'?"),
        ('name = "tune"', "", "lacks the key 'name'"),
        ("steps = 10", 'steps = "ten"', "run: steps has to be a whole number; it is 'ten'"),
        ("steps = 10", "steps = true", "run: steps has to be a whole number; it is True"),
        ("steps = 10", "steps = 0", "run: steps has to be at least 1; it is 0"),
        ("steps = 10", "epochs = nan", "run: epochs has to be more than 0; it is nan"),
        ('"supervised"', '"superviced"', "Did you mean 'supervised'?"),
        ('"supervised"', "3", "objective cannot be 3"),
        ("steps = 10", "steps = 10\nepochs = 2.0", "either `steps` or `epochs`"),
        ("batch = 4", "batch = 4\nrows = 3", "has to be a multiple of `rows` (3)"),
        ('start = "base"', 'start = "base"\nshape = {}', "either `start` or `shape`"),
        ('start = "base"', 'shape = {}\ntokenizer = "base"', "needs a model to `start` from"),
        ('start = "base"', 'start = "gone"', "gone, which is not there"),
        ('"supervised"', '"distillation"', "[distillation] and the objective `distillation` go together"),
        ("rank = 4", 'targets = ["q", "w"]', "targets cannot be 'w'"),
        ('train = "train.jsonl"', "train = []", "nothing to `train` on"),
        ("[data]", '[teacher]\nname = "t"\nlicence = "secret"\n[data]', "licence 'secret' is not known"),
        ("[data]", '[teacher]\nname = "t"\nlicence = "llama3"\n[data]', "llama3 forbids training"),
        ("steps = 10", f"epochs = 1{'0' * 400}", "run: epochs has to be more than 0; it is inf"),
        ("batch = 4", f"batch = 1{'0' * 5000}", "tune.toml: Exceeds the limit"),
        ("rank = 4", f"rank = {'[' * 5000}", "tune.toml: maximum recursion depth exceeded"),
        ('start = "base"', 'start = "~nobody-here/base"', "nobody here is called so"),
        ("[run]", "[run", "tune.toml: "),
        ("[run]\nsteps = 10\nbatch = 4", "run = 3", "run is a table of keys"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, before: str, after: str, said: str) -> None:
    text = WHOLE.replace(before, after) if not before.startswith("[run]\nsteps") else "run = 3\n" + WHOLE
    if before.startswith("[run]\nsteps"):
        text = text.replace("[run]\nsteps = 10\nbatch = 4\n", "")
    with pytest.raises((InvalidInput, NotFound)) as caught:
        read(folder, text)
    assert said in f"{caught.value.message} {caught.value.hint}"


def test_no_recipe_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no recipe"):
        load(tmp_path / "none.toml")
    with pytest.raises(InvalidInput, match="a folder"):
        load(tmp_path)
    with pytest.raises(InvalidInput, match="cannot be read: File name too long"):
        load(tmp_path / f"{'n' * 300}.toml")


def test_a_teacher_that_may_teach_passes(folder: Path) -> None:
    recipe = read(folder, WHOLE + '[teacher]\nname = "t"\nlicence = "Apache-2.0"\n')
    assert recipe.teacher is not None


def test_the_digest_changes_with_what_decides_the_result_only(folder: Path) -> None:
    first = read(folder, WHOLE).digest()
    (folder / "other.jsonl").write_text("{}\n")
    assert read(folder, WHOLE.replace("train.jsonl", "other.jsonl")).digest() == first
    assert read(folder, WHOLE + "checkpoint_every = 3\n").digest() == first
    assert read(folder, WHOLE.replace("rank = 4", "rank = 8")).digest() != first
    assert read(folder, "seed = 2\n" + WHOLE).digest() != first
