"""Checkpoints are converted whole, a slice at a time, or refused with nothing left behind."""

import contextlib
import json
import os
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llama_checkpoints
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from freehold.errors import FreeholdError, InvalidInput, ModelRejected, NoRoom
from freehold.models.formats import convert, gguf, new_file
from freehold.models.formats.convert import to_gguf

Tensors = dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return llama_checkpoints.write(tmp_path_factory.mktemp("made"), "llama-3.1")


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "checkpoint"))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "model.gguf"


def refusal(folder: Path, target: Path, precision: convert.Precision = "f32") -> str:
    with pytest.raises((ModelRejected, InvalidInput)) as caught:
        to_gguf(folder, target, precision=precision)
    assert caught.value.hint
    assert list(target.parent.iterdir()) == []  # nothing half-written either
    return caught.value.message


def edit(folder: Path, change: Callable[[Tensors], object]) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


def configure(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize("precision", ["f32", "f16", "bf16"])
def test_the_file_passes_our_own_check(folder: Path, target: Path, precision: convert.Precision) -> None:
    to_gguf(folder, target, precision=precision)
    facts = gguf.check_sound(target)
    assert facts.architecture == "llama"
    assert facts.quantisation == precision.upper()
    assert (facts.layers, facts.heads, facts.context_length) == (3, 4, 1024)
    assert facts.expected_size == facts.file_size - (-facts.expected_size % 32)
    assert facts.has_chat_template
    assert facts.control_tokens == tuple(llama_checkpoints.SPECIAL_3)


def test_the_same_folder_gives_the_same_bytes(folder: Path, target: Path) -> None:
    to_gguf(folder, target, precision="f16")
    moved = folder.rename(folder.with_name("elsewhere"))
    to_gguf(moved, target.with_name("again.gguf"), precision="f16")
    assert target.read_bytes() == target.with_name("again.gguf").read_bytes()


def test_shards_are_one_model(folder: Path, target: Path) -> None:
    to_gguf(folder, target, precision="f32")
    sharded(folder)
    to_gguf(folder, target.with_name("sharded.gguf"), precision="f32")
    assert target.read_bytes() == target.with_name("sharded.gguf").read_bytes()


def sharded(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = list(tensors)
    places = {name: f"model-0000{1 + index % 2}-of-00002.safetensors" for index, name in enumerate(names)}
    for shard in set(places.values()):
        save_file({name: tensors[name] for name in names if places[name] == shard}, folder / shard)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))


def test_what_is_converted_tells_of_its_progress(folder: Path, target: Path) -> None:
    seen: list[tuple[int, int]] = []
    to_gguf(folder, target, precision="f32", progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert {total for _, total in seen} == {seen[-1][0]}
    assert seen[-1][0] == gguf.check_sound(target).tensor_bytes


def test_large_tensors_are_never_whole_in_memory(folder: Path, target: Path) -> None:
    inner = 60_000
    configure(folder, num_hidden_layers=1, intermediate_size=inner)
    weights = {
        name: array for name, array in load_file(folder / "model.safetensors").items() if ".1." not in name
    }
    weights = {name: array for name, array in weights.items() if ".2." not in name}
    for part, shape in (("up", (inner, 96)), ("gate", (inner, 96)), ("down", (96, inner))):
        weights[f"model.layers.0.mlp.{part}_proj.weight"] = np.ones(shape, np.float16)
    save_file(weights, folder / "model.safetensors")
    del weights
    tracemalloc.start()
    try:
        to_gguf(folder, target, precision="f32")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert gguf.check_sound(target).parameters > 3 * inner * 96
    assert peak < inner * 96 * 4 * 0.75


def test_a_tied_models_copy_of_its_embeddings_is_passed_over(folder: Path, target: Path) -> None:
    configure(folder, tie_word_embeddings=True)
    to_gguf(folder, target, precision="f32")
    assert gguf.check_sound(target).tensors == 3 * 9 + 2 + 1  # with the rope divisors


def test_leftovers_of_old_checkpoints_are_passed_over(folder: Path, target: Path) -> None:
    edit(
        folder,
        lambda tensors: tensors.update(
            {"model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(12, np.float32)}
        ),
    )
    to_gguf(folder, target, precision="f32")
    gguf.check_sound(target)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda found: found.pop("model.norm.weight"), "model.norm.weight is missing"),
        (lambda found: found.pop("lm_head.weight"), "lm_head.weight is missing"),
        (
            lambda found: found.update({"model.norm.weight": np.ones(95, np.float32)}),
            "has the shape [95], its config asks for [96]",
        ),
        (
            lambda found: found.update({"model.layers.1.mlp.up_proj.weight": np.ones((96, 160), np.float32)}),
            "up_proj.weight has the shape [96, 160]",
        ),
        (
            lambda found: found.update({"model.layers.3.input_layernorm.weight": np.ones(96, np.float32)}),
            "model.layers.3.input_layernorm.weight is not a Llama's",
        ),
        (
            lambda found: found.update({"model.norm.weight": np.ones(96, np.int32)}),
            "model.norm.weight is stored as I32",
        ),
        (
            lambda found: found["model.layers.0.mlp.up_proj.weight"].__setitem__((3, 3), np.nan),
            "up_proj.weight holds values that are no numbers",
        ),
    ],
)
def test_wrong_tensors_are_named(
    folder: Path, target: Path, change: Callable[[Tensors], object], says: str
) -> None:
    edit(folder, change)
    assert says in refusal(folder, target)


def test_values_too_large_for_float16_are_not_made_infinite(folder: Path, target: Path) -> None:
    edit(folder, lambda found: found["model.layers.0.mlp.up_proj.weight"].__setitem__((3, 3), 70_000))
    assert "too large for float16" in refusal(folder, target, "f16")
    to_gguf(folder, target, precision="bf16")


def test_an_unknown_architecture_is_named(folder: Path, target: Path) -> None:
    configure(folder, architectures=["MambaForCausalLM"], model_type="mamba")
    assert "MambaForCausalLM" in refusal(folder, target)


@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("value", [None, "x", -1, 1.5, True, [], [["a"]], {"a": 1}, 10**30], ids=str)
def test_settings_of_another_kind_end_well_or_in_an_error_of_ours(
    folder: Path, target: Path, name: str, value: Any
) -> None:
    known = json.loads((folder / name).read_text())
    for key in known:
        (folder / name).write_text(json.dumps(known | {key: value}))
        with contextlib.suppress(FreeholdError):
            to_gguf(folder, target, precision="f32")
            gguf.check_sound(target)
        target.unlink(missing_ok=True)
        assert list(target.parent.iterdir()) == []


def test_half_a_character_is_refused(folder: Path, target: Path) -> None:
    (folder / "chat_template.jinja").unlink()
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"chat_template": "\ud800"}))
    assert "half of a character" in refusal(folder, target)


def test_pickles_are_never_opened(folder: Path, target: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert "holds no model.safetensors" in refusal(folder, target)
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    assert "pickled (pytorch_model.bin)" in refusal(folder, target)


@pytest.mark.parametrize(
    "name",
    ["../outside.safetensors", "/etc/passwd", "a/b.safetensors", "model.bin", ".hidden.safetensors", "", 5],
)
def test_an_index_cannot_reach_outside_the_folder(folder: Path, target: Path, name: object) -> None:
    shutil.copy(folder / "model.safetensors", folder.parent / "outside.safetensors")
    index = {"weight_map": {"model.norm.weight": name}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert f"names a file {str(name)!r}" in refusal(folder, target)


def test_an_index_without_its_files_is_refused(folder: Path, target: Path) -> None:
    sharded(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()
    assert "model-00002-of-00002.safetensors is missing" in refusal(folder, target)
    (folder / "model.safetensors.index.json").write_text("{}")
    assert "no weight_map" in refusal(folder, target)


def test_one_tensor_in_two_files_is_refused(folder: Path, target: Path) -> None:
    sharded(folder)
    tensors = load_file(folder / "model-00001-of-00002.safetensors")
    save_file(
        tensors | load_file(folder / "model-00002-of-00002.safetensors"),
        folder / "model-00002-of-00002.safetensors",
    )
    assert "is in two files" in refusal(folder, target)


def test_truncated_weights_are_refused(folder: Path, target: Path) -> None:
    path = folder / "model.safetensors"
    os.truncate(path, path.stat().st_size // 2)
    assert "is truncated" in refusal(folder, target)


def test_what_is_no_folder_is_said(tmp_path: Path, target: Path) -> None:
    assert "There is no folder" in refusal(tmp_path / "nowhere", target)
    (tmp_path / "empty").mkdir()
    assert "config.json is missing" in refusal(tmp_path / "empty", target)


def test_an_unknown_precision_is_said(folder: Path, target: Path) -> None:
    assert "no precision 'f8'" in refusal(folder, target, "f8")  # type: ignore[arg-type]


def test_a_full_disk_leaves_nothing(folder: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_file.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 0, 100))
    with pytest.raises(NoRoom, match="100 are free"):
        to_gguf(folder, target, precision="f32")
    assert list(target.parent.iterdir()) == []


def test_a_target_that_cannot_be_written_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be written"):
        to_gguf(folder, tmp_path / "nowhere" / "model.gguf", precision="f32")


def test_an_interruption_leaves_what_was_there(folder: Path, target: Path) -> None:
    target.write_text("before")

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        to_gguf(folder, target, precision="f32", progress=interrupt)
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert target.read_text() == "before"
