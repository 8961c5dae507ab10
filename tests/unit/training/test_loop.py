"""Whole runs of ten steps: losses pinned for each objective, and what else a run promises."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_llama
import tiny_runs
import torch
from peft import PeftModel
from safetensors.numpy import load_file, save_file
from transformers import LlamaForCausalLM

from freehold.errors import Conflict, InvalidInput, NoRoom, TrainingFailed
from freehold.training import lock, loop
from freehold.training import run as runs
from freehold.training.__main__ import stopper
from freehold.training.recipe import load
from freehold.training.run import run
from freehold.training.teacher import write_cache

PINNED = {
    "adapter": [5.67825, 5.55849, 5.51433, 5.18222, 4.99027, 5.32747, 5.18925, 5.44733, 4.71706, 5.17636],
    "next-token": [5.85871, 5.50562, 5.33111, 4.93362, 4.79738, 4.70749, 4.54675, 4.55305, 4.24864, 4.27972],
    "new model": [5.84834, 5.40951, 5.34726, 4.74626, 4.84094, 4.80526, 4.68267, 4.67033, 4.19151, 4.35699],
    "supervised": [5.67825, 5.41232, 5.07905, 4.68074, 4.26174, 4.48736, 4.21186, 4.57775, 3.59515, 4.20148],
    "blocks": [5.69975, 5.01259, 5.35686, 4.40605, 4.45076, 4.06852, 3.66316, 3.67189, 3.67093, 3.51145],
    "forward": [0.1802, 0.13811, 0.07925, 0.04691, 0.03324, 0.03154, 0.02685, 0.03171, 0.0216, 0.02399],
    "reverse": [0.1431, 0.11385, 0.06856, 0.04135, 0.03051, 0.02931, 0.02466, 0.02807, 0.01973, 0.02148],
    "jensen-shannon": [
        1.73089,
        1.65025,
        1.55202,
        1.44624,
        1.34045,
        1.40986,
        1.33658,
        1.43334,
        1.13148,
        1.32223,
    ],
    "preference": [0.5, 0.51755, 0.27141, 0.53531, 0.47994, 0.62161, 0.7888, 0.67267, 0.78228, 0.44615],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, a teacher, and data of every kind."""
    folder = tmp_path_factory.mktemp("training")
    tiny_llama.saved(folder / "base")
    tiny_llama.saved(folder / "teacher", seed=1, num_hidden_layers=3)
    tiny_runs.write_lines(folder / "train.jsonl", tiny_runs.conversations())
    tiny_runs.write_lines(folder / "grounded.jsonl", tiny_runs.grounded())
    tiny_runs.write_lines(folder / "texts.jsonl", tiny_runs.texts())
    tiny_runs.write_lines(
        folder / "marked.jsonl", tiny_runs.conversations(good=lambda number: number % 3 > 0)
    )
    return folder


def trained(made: Path, out: Path, objective: str = "supervised", **tables: Any) -> Path:
    """The folder of a finished run."""
    assert run(load(tiny_runs.recipe(made, objective, **tables)), out) == "done"
    return out


KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "next-token": ("next-token", {"data": {"train": "texts.jsonl", "context": 48}}),
    "new model": (
        "next-token",
        {
            "data": {"train": "texts.jsonl", "context": 48},
            "model": {"start": None, "tokenizer": "base"},
            "model.shape": tiny_llama.SHAPE,
        },
    ),
    "supervised": ("supervised", {}),
    "blocks": ("supervised", {"data": {"train": "grounded.jsonl", "context": 256, "attention": "blocks"}}),
    "adapter": ("supervised", {"model.lora": {"rank": 4, "dropout": 0.1}}),
    "forward": ("distillation", {"distillation": {"divergence": "forward"}}),
    "reverse": ("distillation", {"distillation": {"divergence": "reverse"}}),
    "jensen-shannon": (
        "distillation",
        {"distillation": {"divergence": "jensen-shannon", "label_weight": 0.3}},
    ),
    "preference": (
        "preference",
        {"data": {"train": "marked.jsonl"}, "optimiser": {"learning_rate": 0.002}},
    ),
}


def tables_of(kind: str, made: Path) -> tuple[str, dict[str, Any]]:
    objective, tables = KINDS[kind]
    tables = {name: dict(values) for name, values in tables.items()}
    if "distillation" in tables:
        cache = made / "teacher.top64"
        recipe = load(
            tiny_runs.recipe(made, objective, distillation={"cache": "teacher.top64", "licence": "own"}),
            cached=False,
        )
        write_cache(recipe, made / "teacher", cache, name="tiny", licence="own", k=64, temperature=1.5)
        tables["distillation"] |= {"cache": "teacher.top64", "licence": "own"}
    return objective, tables


@pytest.mark.parametrize("kind", KINDS)
def test_ten_losses_are_what_they_were(made: Path, tmp_path: Path, kind: str) -> None:
    objective, tables = tables_of(kind, made)
    out = trained(made, tmp_path / "out", objective, **tables)
    assert tiny_runs.losses(out) == pytest.approx(PINNED[kind], rel=1e-3)
    teachers = [{"name": "tiny", "licence": "own", "notice": ""}] if objective == "distillation" else []
    assert json.loads((out / "run.json").read_text())["teachers"] == teachers


def test_rows_computed_together_or_apart_are_the_same_step(made: Path, tmp_path: Path) -> None:
    one = trained(made, tmp_path / "one", run={"rows": 1, "batch": 4})
    two = trained(made, tmp_path / "two", run={"rows": 2, "batch": 4})
    assert tiny_runs.losses(one) == pytest.approx(tiny_runs.losses(two), rel=1e-5)


def test_a_row_cut_on_a_processor_is_the_same_step(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(made, tmp_path / "whole", data={"context": 256})
    monkeypatch.setattr(loop, "AT_ONCE", 80)
    cut = trained(made, tmp_path / "cut", data={"context": 256})
    assert tiny_runs.losses(cut) == pytest.approx(tiny_runs.losses(whole), rel=1e-5)
    assert tiny_runs.losses(cut) != tiny_runs.losses(whole)  # it was cut


def test_what_it_leaves_is_read_by_transformers_and_says_how_it_came_to_be(
    made: Path, tmp_path: Path
) -> None:
    long = {"messages": [{"role": "user", "content": "why? " * 200}, {"role": "assistant", "content": "So."}]}
    tiny_runs.write_lines(made / "some.jsonl", [*tiny_runs.conversations(), long])
    (made / "base" / "LICENSE.txt").write_text("Ask us.")
    out = trained(made, tmp_path / "out", data={"train": "some.jsonl", "evaluation": "train.jsonl"})
    model = LlamaForCausalLM.from_pretrained(out / "model")
    start = LlamaForCausalLM.from_pretrained(made / "base")
    assert (model.lm_head.weight - start.lm_head.weight).abs().max() > 1e-3
    assert (out / "model" / "chat_template.jinja").read_text() == (
        made / "base" / "chat_template.jinja"
    ).read_text()
    assert (out / "model" / "LICENSE.txt").read_text() == "Ask us."
    said = json.loads((out / "run.json").read_text())
    assert said["result"] == "model"
    assert said["dataset"]["left_out"] == 1
    assert said["dataset"]["left_out_named"][0]["where"] == "some.jsonl:25"
    assert said["metrics"]["loss"] == tiny_runs.losses(out)[-1]
    assert said["metrics"]["evaluation_loss"] == tiny_runs.losses(out, "evaluation")[-1]
    assert said["metrics"]["steps"] == 10
    assert said["versions"]["torch"] == torch.__version__
    assert not (out / "checkpoint").exists()


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_an_adapter_is_read_by_peft_and_gives_the_loss_it_was_trained_to(made: Path, tmp_path: Path) -> None:
    out = trained(
        made, tmp_path / "out", **{"model.lora": {"rank": 4}, "data": {"evaluation": "train.jsonl"}}
    )
    base = LlamaForCausalLM.from_pretrained(made / "base")
    weights = load_file(out / "adapter" / "adapter_model.safetensors")
    assert len(weights) == 2 * 7 * 2  # A and B of seven projections in two layers
    tuned = PeftModel.from_pretrained(base, out / "adapter").merge_and_unload()
    tuned.save_pretrained(tmp_path / "merged")
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (tmp_path / "merged" / name).write_bytes((made / "base" / name).read_bytes())
    still = {"model": {"start": str(tmp_path / "merged")}, "optimiser": {"learning_rate": 1e-9}}
    again = trained(made, tmp_path / "again", **still, data={"evaluation": "train.jsonl"})
    assert tiny_runs.losses(again, "evaluation")[-1] == pytest.approx(
        tiny_runs.losses(out, "evaluation")[-1], rel=1e-4
    )


def test_a_finished_run_is_not_run_again(made: Path, tmp_path: Path) -> None:
    out = trained(made, tmp_path / "out")
    before = (out / "metrics.jsonl").read_text()
    assert run(load(tiny_runs.recipe(made)), out) == "done"
    assert (out / "metrics.jsonl").read_text() == before
    assert run(load(tiny_runs.recipe(made)), out, fresh=True) == "done"
    assert tiny_runs.losses(out) == [
        json.loads(line)["loss"] for line in before.splitlines() if '"step", ' in line
    ]


def test_a_finished_run_of_another_recipe_or_over_other_data_is_left_alone(
    made: Path, tmp_path: Path
) -> None:
    tiny_runs.write_lines(made / "own.jsonl", tiny_runs.conversations(8))
    out = trained(made, tmp_path / "out", data={"train": "own.jsonl"}, run={"steps": 2})
    before = {path.name: path.read_bytes() for path in (*out.glob("*.json*"), *(out / "model").iterdir())}
    with pytest.raises(Conflict, match="whose recipe was another"):
        run(load(tiny_runs.recipe(made, data={"train": "own.jsonl"}, run={"steps": 3})), out)
    tiny_runs.write_lines(made / "own.jsonl", tiny_runs.conversations(9))
    recipe = load(tiny_runs.recipe(made, data={"train": "own.jsonl"}, run={"steps": 2}))
    with pytest.raises(Conflict, match="whose training data was another"):
        run(recipe, out)
    after = {path.name: path.read_bytes() for path in (*out.glob("*.json*"), *(out / "model").iterdir())}
    assert after == before
    assert run(recipe, out, fresh=True) == "done"


def test_a_second_process_does_not_take_a_run_for_done_that_the_first_clears(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = trained(made, tmp_path / "out", run={"steps": 1})
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(runs, "prepare", lambda recipe: pytest.fail("it began"))
    with pytest.raises(pytest.fail.Exception, match="it began"):
        run(load(tiny_runs.recipe(made, run={"steps": 1})), out, fresh=True)
    assert run(load(tiny_runs.recipe(made, run={"steps": 1})), out) == "done"


def after(steps: int) -> Callable[[], bool]:
    """Stops after so many steps."""
    asked = iter(range(1, steps))
    return lambda: next(asked, None) is None


@pytest.mark.parametrize("kind", ["supervised", "adapter", "preference"])
def test_a_run_in_legs_has_the_losses_of_one_to_the_last_digit(made: Path, tmp_path: Path, kind: str) -> None:
    objective, tables = tables_of(kind, made)
    whole = trained(made, tmp_path / "whole", objective, **tables)
    recipe = load(tiny_runs.recipe(made, objective, **tables))
    legs = [run(recipe, tmp_path / "legs", stopping=after(steps)) for steps in (3, 5, 99)]
    assert legs == ["stopped", "stopped", "done"]
    assert tiny_runs.losses(tmp_path / "legs") == tiny_runs.losses(whole)


def test_evaluation_data_may_be_added_between_two_legs(made: Path, tmp_path: Path) -> None:
    objective, tables = tables_of("preference", made)
    tables["run"] = {"steps": 4}
    evaluated = tables | {"data": tables["data"] | {"evaluation": "marked.jsonl"}}
    whole = trained(made, tmp_path / "whole", objective, **evaluated)
    recipe = load(tiny_runs.recipe(made, objective, **tables))
    assert run(recipe, tmp_path / "legs", stopping=after(1)) == "stopped"
    tiny_runs.write_lines(made / "few.jsonl", tiny_runs.conversations(5, good=lambda number: number != 2))
    for name in ("few", "marked"):
        tables["data"]["evaluation"] = f"{name}.jsonl"
        recipe = load(tiny_runs.recipe(made, objective, **tables))
        ended = run(recipe, tmp_path / "legs", stopping=after(1 if name == "few" else 99))
    assert ended == "done"
    assert tiny_runs.losses(tmp_path / "legs") == tiny_runs.losses(whole)
    assert tiny_runs.losses(tmp_path / "legs", "evaluation") == tiny_runs.losses(whole, "evaluation")


def test_a_folder_of_another_run_is_left_alone(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(load(tiny_runs.recipe(made)), out, stopping=after(3)) == "stopped"
    with pytest.raises(Conflict, match="whose recipe was another"):
        run(load(tiny_runs.recipe(made, optimiser={"learning_rate": 0.02})), out)
    with pytest.raises(Conflict, match="whose training data was another"):
        run(load(tiny_runs.recipe(made, data={"train": "marked.jsonl"})), out)
    assert run(load(tiny_runs.recipe(made)), out) == "done"


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_checkpoint(
    made: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    tiny_llama.saved(broken)
    out = tmp_path / "out"
    recipe = load(tiny_runs.recipe(made, model={"start": str(broken)}))
    assert run(recipe, out, stopping=after(4)) == "stopped"
    path = out / "checkpoint" / "weights.safetensors"
    weights = load_file(path)
    good = {name: value.copy() for name, value in weights.items()}
    weights["model.model.norm.weight"][0] = float("nan")
    save_file(weights, path)
    with pytest.raises(TrainingFailed, match="At step 5 the loss is nan"):
        run(recipe, out)
    assert json.loads((out / "checkpoint" / "progress.json").read_text())["step"] == 4
    save_file(good, path)
    assert run(recipe, out) == "done"
    assert len(tiny_runs.losses(out)) == 10


def test_a_tokenizer_larger_than_the_model_is_refused(made: Path, tmp_path: Path) -> None:
    small = {**tiny_llama.SHAPE, "vocab_size": 200}
    with pytest.raises(InvalidInput, match="has 296 tokens, the model 200"):
        trained(made, tmp_path / "out", model={"start": None, "tokenizer": "base"}, **{"model.shape": small})
    odd = {**tiny_llama.SHAPE, "hiden_size": 3}
    with pytest.raises(InvalidInput, match="'hiden_size', which LlamaConfig does not know"):
        trained(made, tmp_path / "out", model={"start": None, "tokenizer": "base"}, **{"model.shape": odd})


def test_a_shape_that_makes_no_model_is_refused(made: Path, tmp_path: Path) -> None:
    for changed in ({"hidden_size": "32"}, {"hidden_size": -32}, {"hidden_act": "none such"}):
        with pytest.raises(InvalidInput, match="shape makes no model"):
            trained(
                made,
                tmp_path / "out",
                model={"start": None, "tokenizer": "base"},
                **{"model.shape": tiny_llama.SHAPE | changed},
            )


def test_a_folder_without_a_model_is_refused(made: Path, tmp_path: Path) -> None:
    empty = tiny_llama.tokenizer_folder(tmp_path / "empty")
    with pytest.raises(InvalidInput, match="holds no model that can be read"):
        trained(made, tmp_path / "out", model={"start": str(empty)})
    cut = tmp_path / "cut"
    tiny_llama.saved(cut)
    weights = load_file(cut / "model.safetensors")
    (cut / "model.safetensors").write_bytes((cut / "model.safetensors").read_bytes()[:5000])
    with pytest.raises(InvalidInput, match="holds no model that can be read"):
        trained(made, tmp_path / "out", model={"start": str(cut)})
    del weights["model.layers.1.mlp.down_proj.weight"]
    save_file(weights, cut / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InvalidInput, match=r"lacks 1 of its model's weights, .*mlp\.down_proj"):
        trained(made, tmp_path / "out", model={"start": str(cut)})


def test_without_room_the_last_checkpoint_is_kept(made: Path, tmp_path: Path) -> None:
    whole = trained(made, tmp_path / "whole")
    out, recipe = tmp_path / "out", load(tiny_runs.recipe(made))
    assert run(recipe, out, stopping=after(3)) == "stopped"
    checkpoint = out / "checkpoint"
    kept = {path.name: path.read_bytes() for path in checkpoint.iterdir()}
    half = (checkpoint / "optimiser.safetensors").stat().st_size // 2
    with largest_file(half), pytest.raises(NoRoom, match="no room for"):
        run(recipe, out)
    assert {path.name: path.read_bytes() for path in checkpoint.iterdir()} == kept
    assert not list(out.glob(".*.partial"))
    assert run(recipe, out) == "done"
    assert tiny_runs.losses(out) == tiny_runs.losses(whole)


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process may grow larger, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, heard)


def test_a_second_run_in_the_folder_is_refused(made: Path, tmp_path: Path) -> None:
    with lock.held(tmp_path), pytest.raises(Conflict, match="Another run is at work"):
        run(load(tiny_runs.recipe(made)), tmp_path)


def test_a_leg_ends_when_its_time_is_up(made: Path, tmp_path: Path) -> None:
    heard = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert run(load(tiny_runs.recipe(made)), tmp_path, stopping=stopper(0.0)) == "stopped"
        assert not stopper(1.0)()
        assert not stopper(None)()
    finally:
        for number, handler in heard.items():
            signal.signal(number, handler)
    assert len(tiny_runs.losses(tmp_path)) == 1
