"""The teacher's file: what it holds, how it goes on, and whom it refuses."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import tiny_llama
import tiny_runs
import torch
from transformers import (
    AutoModelForCausalLM,
    GraniteConfig,
    LlamaForCausalLM,
    MistralConfig,
    PretrainedConfig,
)

from freehold.errors import InvalidInput
from freehold.training import cache, tokens
from freehold.training.cache import Cache, Header
from freehold.training.data import Dataset, dataset
from freehold.training.recipe import Recipe, load
from freehold.training.session import prepare
from freehold.training.teacher import write_cache
from freehold.training.tokenizer import train

DISTIL = {"cache": "top.cache", "licence": "own"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teaching")
    tiny_llama.saved(folder / "base")
    tiny_llama.saved(folder / "teacher", seed=1)
    tiny_runs.write_lines(folder / "train.jsonl", tiny_runs.conversations(60))
    tiny_runs.write_lines(folder / "grounded.jsonl", tiny_runs.grounded(4))
    return folder


def recipe(folder: Path, **tables: dict[str, object]) -> Recipe:
    path = tiny_runs.recipe(folder, "distillation", distillation=DISTIL, **tables)
    return load(path, cached=False)


def asked(made: Path, target: Path, wanted: Recipe | None = None, **changed: object) -> Header:
    settings = {"name": "tiny", "licence": "own", "k": 5} | changed
    return write_cache(wanted or recipe(made), made / "teacher", target, **settings)


def data_of(made: Path, wanted: Recipe) -> Dataset:
    return dataset(wanted, wanted.data.train, tokens.load(made / "base"))


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_it_holds_the_teachers_most_likely_tokens(made: Path, tmp_path: Path, temperature: float) -> None:
    header = asked(made, tmp_path / "top", temperature=temperature)
    data = data_of(made, recipe(made))
    kept = Cache.open(tmp_path / "top", data, tokenizer=tokens.load(made / "base").hash)
    assert (header.k, header.teacher, header.licence) == (5, "tiny", "own")
    model = LlamaForCausalLM.from_pretrained(made / "teacher")
    for number in (0, 31, 59):
        sequence = data.sequences[number]
        with torch.no_grad():
            logits = model(torch.from_numpy(sequence.tokens)[None]).logits[0, sequence.at]
        best = (logits / temperature).log_softmax(dim=1).topk(5, dim=1)
        found, logs = kept.of(number)
        assert found.tolist() == best.indices.tolist()
        np.testing.assert_allclose(logs, best.values.numpy(), atol=5e-3)


def test_a_file_that_was_cut_off_is_gone_on_with(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("freehold.training.teacher.TOKENS_AT_ONCE", 500)
    asked(made, tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) * 2 // 3 + 7])
    data = data_of(made, recipe(made))
    with pytest.raises(InvalidInput, match="is unfinished"):
        Cache.open(tmp_path / "cut", data, tokenizer=tokens.load(made / "base").hash)
    said: list[int] = []
    asked(made, tmp_path / "cut", told=lambda done, total: said.append(done))
    assert (tmp_path / "cut").read_bytes() == whole
    assert said[0] > said[-1] / 2


def test_the_teacher_reads_causally_what_the_student_reads_in_blocks(made: Path, tmp_path: Path) -> None:
    table = {"train": "grounded.jsonl", "context": 256}
    plain = recipe(made, data=table)
    blocks = recipe(made, data=table | {"attention": "blocks"})
    asked(made, tmp_path / "plain", plain)
    asked(made, tmp_path / "blocks", blocks)
    first, second = ((tmp_path / name).read_bytes()[cache.HEADER_BYTES :] for name in ("plain", "blocks"))
    assert first == second


def test_a_licence_that_forbids_or_is_unknown_is_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="forbids training"):
        asked(made, tmp_path / "top", licence="llama2")
    with pytest.raises(InvalidInput, match="is not known"):
        asked(made, tmp_path / "top", licence="proprietary")
    assert not (tmp_path / "top").exists()


def test_another_vocabulary_is_refused(made: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    train(["something else entirely, and more of it"] * 9, other, size=tiny_llama.VOCABULARY - 20)
    with pytest.raises(InvalidInput, match="another tokenizer than the student"):
        write_cache(recipe(made), other, tmp_path / "top", name="x", licence="own")
    asked(made, tmp_path / "top")
    data = data_of(made, recipe(made))
    with pytest.raises(InvalidInput, match="another vocabulary than the student"):
        Cache.open(tmp_path / "top", data, tokenizer=tokens.load(other).hash)


def test_a_recipe_that_names_another_licence_than_the_file_is_refused(made: Path) -> None:
    asked(made, made / DISTIL["cache"], licence="MIT")
    with pytest.raises(InvalidInput, match="is by tiny, whose licence is mit; the recipe says own"):
        prepare(recipe(made))


@pytest.mark.parametrize(
    ("kind", "changed", "said"),
    [
        (MistralConfig, {"sliding_window": 8}, "attends in a way"),
        (GraniteConfig, {"logits_scaling": 4.0}, "head of a GraniteForCausalLM does more"),
        (MistralConfig, {"vocab_size": 200}, "has 296 tokens, the teacher 200"),
        (MistralConfig, {"sliding_window": 4096}, None),
    ],
)
def test_a_teacher_that_does_more_than_a_llama_is_refused(
    made: Path, tmp_path: Path, kind: type[PretrainedConfig], changed: dict[str, object], said: str | None
) -> None:
    folder = tiny_llama.tokenizer_folder(tmp_path / "other")
    config = kind(**(tiny_llama.SHAPE | {"vocab_size": tiny_llama.VOCABULARY} | changed))
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    if said is None:
        write_cache(recipe(made), folder, tmp_path / "top", name="x", licence="own", k=5)
        return
    with pytest.raises(InvalidInput, match=said):
        write_cache(recipe(made), folder, tmp_path / "top", name="x", licence="own", k=5)


def test_other_examples_and_other_files_are_refused(made: Path, tmp_path: Path) -> None:
    asked(made, tmp_path / "top")
    hashed = tokens.load(made / "base").hash
    other = data_of(made, recipe(made, data={"train": "grounded.jsonl", "context": 256}))
    with pytest.raises(InvalidInput, match="made from other examples"):
        Cache.open(tmp_path / "top", other, tokenizer=hashed)
    with pytest.raises(InvalidInput, match="another teacher's file"):
        asked(made, tmp_path / "top", name="another")
    (tmp_path / "notes.txt").write_text("shorter than a header, and somebody's own")
    with pytest.raises(InvalidInput, match="is no file of a teacher's"):
        asked(made, tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "shorter than a header, and somebody's own"
    whole = (tmp_path / "top").read_bytes()
    (tmp_path / "begun").write_bytes(whole[:100])
    asked(made, tmp_path / "begun")
    assert (tmp_path / "begun").read_bytes() == whole
    (tmp_path / "junk").write_bytes(b"\x00" * 5000)
    with pytest.raises(InvalidInput, match="is no file of a teacher's"):
        Cache.open(tmp_path / "junk", other, tokenizer=hashed)


@pytest.mark.parametrize(
    "changed",
    [{"k": "5"}, {"k": -1}, {"temperature": 0.0}, {"positions": "9"}, {"licence": None}, {"more": 1}, None],
)
def test_a_header_that_cannot_be_is_refused(tmp_path: Path, changed: dict[str, object] | None) -> None:
    header = asdict(Header(5, 1.0, 300, "t", "d", 9, "tiny", "own"))
    text = "[" * 4000 if changed is None else json.dumps(header | changed)
    (tmp_path / "top").write_bytes(text.encode().ljust(cache.HEADER_BYTES))
    with pytest.raises(InvalidInput, match="is no file of a teacher's"):
        cache.header_of(tmp_path / "top")
