"""The recipes that ship: readable, of the sizes they claim, with examples that training takes."""

from __future__ import annotations

import gzip
import json
import runpy
import shutil
from pathlib import Path

import pytest

from freehold.tasks import answer
from freehold.training.examples import examples
from freehold.training.recipe import Recipe, load

STARTER = Path(__file__).resolve().parents[2] / "recipes" / "starter"
RECIPES = sorted(STARTER.glob("*/*.toml"))
MILLIONS = {"gpu": (55, 65), "cpu": (2, 8)}


def loaded(path: Path, folder: Path) -> Recipe:
    """The recipe, with everything that it names standing where it is to be built."""
    target = folder / path.parent.name / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
    for place in ("tokenizer", "train", "validation", "gpu-base/model", "cpu-base/model"):
        (folder / "build" / place).mkdir(parents=True, exist_ok=True)
    (folder / "build" / "examples").mkdir(exist_ok=True)
    for name in ("train", "evaluation"):
        (folder / "build" / "examples" / f"{name}.jsonl").touch()
    return load(target)


def test_there_is_a_recipe_for_each_step_and_preset() -> None:
    assert [str(path.relative_to(STARTER)) for path in RECIPES] == [
        "cpu/pretrain.toml",
        "cpu/tune.toml",
        "gpu/pretrain.toml",
        "gpu/tune.toml",
    ]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_recipe_is_sound(path: Path, tmp_path: Path) -> None:
    recipe = loaded(path, tmp_path)
    assert recipe.objective == ("next-token" if path.stem == "pretrain" else "supervised")
    assert recipe.name.startswith(f"starter-{path.parent.name}")


@pytest.mark.parametrize("preset", MILLIONS)
def test_a_preset_is_as_large_as_it_says(preset: str, tmp_path: Path) -> None:
    shape = loaded(STARTER / preset / "pretrain.toml", tmp_path).model.shape or {}
    width, layers, inner = shape["hidden_size"], shape["num_hidden_layers"], shape["intermediate_size"]
    keys = width * shape["num_key_value_heads"] // shape["num_attention_heads"]
    parameters = 16_384 * width + layers * (2 * width * (width + keys) + 3 * width * inner)
    low, high = MILLIONS[preset]
    assert shape["tie_word_embeddings"] and low * 10**6 <= parameters <= high * 10**6


def test_examples_are_made_from_the_sets_and_split_by_passage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    lines = {
        "reading/train": [
            {
                "passage": f"Lor{n} is a long river of the {n}th land. It rises near Kel{n} every spring.",
                "question": f"Where does Lor{n} rise?",
                "answers": f"near Kel{n}",
            }
            for n in range(200)
        ],
        "banking77/train": [{"text": f"where is card {n}", "label": "card_arrival"} for n in range(30)],
        "clinc150/train": [{"text": f"translate word {n}", "label": "translate"} for n in range(30)],
        "clinc150/oos_train": [{"text": "how many moons has jupiter", "label": "oos"}],
    }
    for name, rows in lines.items():
        path = data / f"{name}.jsonl.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(path, "wt") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "suite.jsonl").write_text(json.dumps({"text": lines["reading/train"][7]["passage"]}))
    out = tmp_path / "out"
    monkeypatch.setattr(
        "sys.argv",
        ["examples.py", "--data", str(data), "--out", str(out), "--avoid", str(tmp_path / "suite.jsonl")],
    )
    runpy.run_path(str(STARTER / "examples.py"), run_name="__main__")

    facts = json.loads((out / "examples.json").read_text())
    assert facts["overlap"]["dropped"] >= 2  # the passage's own answer and rewriting
    made = {name: list(examples(out / f"{name}.jsonl", "conversation")) for name in ("train", "evaluation")}
    assert facts["train"]["examples"] == len(made["train"]) > 10 * len(made["evaluation"]) > 0
    assert facts["train"]["route"] + facts["evaluation"]["route"] == 61
    seen = {
        name: {
            each.messages[0]["content"][start:end].partition("\n")[2]
            for each in these
            for start, end in each.passages
        }
        for name, these in made.items()
    }
    assert seen["train"] and seen["evaluation"] and not seen["train"] & seen["evaluation"]
    refusals = [each for each in made["train"] if answer.refuses(each.messages[-1]["content"])]
    assert refusals and all(each.passages for each in refusals)
