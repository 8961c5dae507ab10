"""A model that went to GGUF comes back as it was: every bit of its weights, every token, every end."""

import json
from pathlib import Path
from typing import Any

import llama_checkpoints
import pytest
import tiny_gguf
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from freehold.errors import Conflict, InvalidInput, ModelRejected, NoRoom
from freehold.models.formats import huggingface
from freehold.models.formats.convert import Precision, to_gguf
from freehold.models.formats.gguf_file import open_gguf
from freehold.models.formats.huggingface import from_gguf
from freehold.models.formats.quantize import quantize

DTYPES: dict[Precision, torch.dtype] = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
TEXTS = (
    llama_checkpoints.TEXT,
    "  two spaces,\n\nlines\t and 1234567 <|eot_id|> </s> <unk> ▁x",
    "",
    " ",
    "日本語 😀 ﬁ Ǆ",
)


def tensors(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("*.safetensors")):
        found |= load_file(path)
    return found


def same_bits(left: dict[str, Any], right: dict[str, Any]) -> bool:
    return left.keys() == right.keys() and all(
        left[name].dtype == right[name].dtype and torch.equal(left[name], right[name]) for name in left
    )


@pytest.mark.parametrize(
    ("generation", "precision"),
    [("llama-2", "f16"), ("llama-3", "f32"), ("llama-3.1", "bf16"), ("llama-3.2", "f32")],
)
def test_there_and_back(generation: str, precision: Precision, tmp_path: Path) -> None:
    before = llama_checkpoints.write(tmp_path / "before", generation, dtype=DTYPES[precision])
    to_gguf(before, tmp_path / "model.gguf", precision=precision)
    after = tmp_path / "after"
    from_gguf(tmp_path / "model.gguf", after)
    assert same_bits(tensors(before), tensors(after))
    old, new = AutoTokenizer.from_pretrained(before), AutoTokenizer.from_pretrained(after)
    for text in TEXTS:
        assert new.encode(text) == old.encode(text)
        assert new.encode(text, add_special_tokens=False) == old.encode(text, add_special_tokens=False)
        assert new.decode(old.encode(text)) == old.decode(old.encode(text))
    assert new.chat_template == old.chat_template
    assert (new.bos_token, new.eos_token, new.pad_token) == (old.bos_token, old.eos_token, old.pad_token)
    ends = GenerationConfig.from_pretrained(before).eos_token_id
    found = GenerationConfig.from_pretrained(after).eos_token_id
    assert set(found) == set(ends if isinstance(ends, list) else [ends])
    ids = torch.tensor([old.encode(llama_checkpoints.TEXT)[:200]])
    with torch.no_grad():
        said = [AutoModelForCausalLM.from_pretrained(folder)(ids).logits for folder in (before, after)]
    assert torch.equal(*said)
    to_gguf(after, tmp_path / "again.gguf", precision=precision)
    assert (tmp_path / "again.gguf").read_bytes() == (tmp_path / "model.gguf").read_bytes()


def test_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = llama_checkpoints.write(tmp_path / "before", "llama-3")
    to_gguf(before, tmp_path / "model.gguf", precision="f32")
    monkeypatch.setattr(huggingface, "SHARD_BYTES", 300_000)
    monkeypatch.setattr(huggingface, "SLICE_VALUES", 5_000)
    seen: list[tuple[int, int]] = []
    from_gguf(tmp_path / "model.gguf", tmp_path / "after", progress=lambda *at: seen.append(at))
    assert len(list((tmp_path / "after").glob("model-*.safetensors"))) > 3
    assert same_bits(tensors(before), tensors(tmp_path / "after"))
    assert seen[-1][0] == seen[-1][1]
    AutoModelForCausalLM.from_pretrained(tmp_path / "after")
    to_gguf(tmp_path / "after", tmp_path / "again.gguf", precision="f32")
    assert (tmp_path / "again.gguf").read_bytes() == (tmp_path / "model.gguf").read_bytes()


def test_norms_that_16_bits_cannot_hold_stay_in_32(tmp_path: Path) -> None:
    before = llama_checkpoints.write(tmp_path / "before", "llama-3")
    to_gguf(before, tmp_path / "model.gguf", precision="f16")
    from_gguf(tmp_path / "model.gguf", tmp_path / "after")
    old, new = tensors(before), tensors(tmp_path / "after")
    assert torch.equal(new["model.norm.weight"], old["model.norm.weight"])
    assert new["lm_head.weight"].dtype == torch.float16


def test_linear_scaling_comes_back(tmp_path: Path) -> None:
    rope = {"rope_type": "linear", "factor": 2.0, "rope_theta": 10_000.0}
    before = llama_checkpoints.write(tmp_path / "before", "llama-3", rope_parameters=rope)
    to_gguf(before, tmp_path / "model.gguf", precision="f32")
    from_gguf(tmp_path / "model.gguf", tmp_path / "after")
    config = json.loads((tmp_path / "after" / "config.json").read_text())
    assert config["rope_scaling"] == {"rope_type": "linear", "factor": 2.0}


def test_files_of_other_converters(tmp_path: Path) -> None:
    source = tiny_gguf.write(tmp_path / "tiny.gguf")
    from_gguf(source, tmp_path / "after")
    to_gguf(tmp_path / "after", tmp_path / "again.gguf", precision="f32")
    with open_gguf(source) as old, open_gguf(tmp_path / "again.gguf") as new:
        assert {name: old.shapes[name] for name in old.shapes} == dict(new.shapes)
        for name, shape in old.shapes.items():
            assert (old.rows(name, 0, shape[0]) == new.rows(name, 0, shape[0])).all()
        for key in ("tokens", "token_type", "merges", "bos_token_id", "eos_token_id"):
            assert old.metadata[f"tokenizer.ggml.{key}"] == new.metadata[f"tokenizer.ggml.{key}"]


def refusal(source: Path, folder: Path) -> str:
    with pytest.raises((ModelRejected, Conflict)) as caught:
        from_gguf(source, folder)
    assert caught.value.hint
    assert not list(folder.parent.glob(".*.part"))
    return caught.value.message


def test_quantised_files_are_refused_with_a_way_out(tmp_path: Path) -> None:
    before = llama_checkpoints.write(tmp_path / "before", "llama-3")
    to_gguf(before, tmp_path / "model.gguf", precision="f32")
    quantize(tmp_path / "model.gguf", tmp_path / "small.gguf", "q8_0")
    assert "is quantised" in refusal(tmp_path / "small.gguf", tmp_path / "after")
    assert not (tmp_path / "after").exists()


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (b"llama-bpe", b"qwen-bpex", "rules of qwen-bpex"),
        (b"gpt2", b"bert", "tokenizer is bert"),
        (b"blk.1.ffn_up.weight", b"blk.1.ffn_xx.weight", "blk.1.ffn_up.weight is missing"),
        (b"llama.block_count", b"llama.block_caunt", "llama.block_count is missing"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, before: bytes, after: bytes, says: str) -> None:
    source = tiny_gguf.write(tmp_path / "tiny.gguf")
    source.write_bytes(source.read_bytes().replace(before, after))
    assert says in refusal(source, tmp_path / "after")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"factor": 8.0', b'"factor": "8"'),
        (b'"factor": 8.0', b'"factor": 0.0'),
        (b'"low_freq_factor": 1.0', b'"low_freq_factor": 4.0'),
    ],
)
def test_a_noted_rule_that_is_none_is_not_believed(tmp_path: Path, before: bytes, after: bytes) -> None:
    rope = {
        "rope_type": "llama3",
        "rope_theta": 10_000.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    }
    folder = llama_checkpoints.write(tmp_path / "before", "llama-3", rope_parameters=rope)
    to_gguf(folder, tmp_path / "model.gguf", precision="f32")
    data = (tmp_path / "model.gguf").read_bytes()
    assert data.count(before) == 1
    (tmp_path / "model.gguf").write_bytes(data.replace(before, after))
    assert "divisors are of no known rule" in refusal(tmp_path / "model.gguf", tmp_path / "after")


def test_a_key_that_is_left_out_has_llama_cpps_default(tmp_path: Path) -> None:
    from_gguf(tiny_gguf.write(tmp_path / "tiny.gguf", drop=["llama.rope.freq_base"]), tmp_path / "after")
    assert json.loads((tmp_path / "after" / "config.json").read_text())["rope_theta"] == 10_000.0


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    source = tiny_gguf.write(tmp_path / "tiny.gguf")
    (tmp_path / "after").mkdir()
    (tmp_path / "after" / "mine").write_text("x")
    assert "already" in refusal(source, tmp_path / "after")
    assert [path.name for path in (tmp_path / "after").iterdir()] == ["mine"]


def test_a_place_where_nothing_can_be_made_is_said(tmp_path: Path) -> None:
    source = tiny_gguf.write(tmp_path / "tiny.gguf")
    with pytest.raises(InvalidInput, match="No folder can be made"):
        from_gguf(source, tmp_path / "nowhere" / "after")


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tiny_gguf.write(tmp_path / "tiny.gguf")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("freehold.models.formats.new_file.os.fsync", full)
    with pytest.raises(NoRoom):
        from_gguf(source, tmp_path / "after")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.gguf"]
