"""peft's adapters become GGUF adapters with the same effect, or are refused by what they hold."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llama_checkpoints
import lora
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from freehold.errors import InvalidInput, ModelRejected
from freehold.models.formats import gguf, gguf_adapter
from freehold.models.formats.adapter import adapter_to_gguf
from freehold.models.formats.convert import to_gguf
from freehold.models.formats.gguf_file import GgufFile
from freehold.models.formats.llama_tensors import to_pairs
from freehold.models.formats.quantize import quantize

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
Q = "base_model.model.model.layers.0.self_attn.q_proj"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return llama_checkpoints.write(tmp_path_factory.mktemp("base"), "llama-3")


@pytest.fixture(scope="module")
def saved(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lora")
    lora.save(base, folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "lora"))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "lora.gguf"


def rows(path: Path, name: str) -> Any:
    with gguf.header(path) as found:
        file = GgufFile(found)
        return file.rows(name, 0, file.shapes[name][0])


def configure(folder: Path, **values: Any) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    tensors = load_file(folder / "adapter_model.safetensors")
    change(tensors)
    save_file(tensors, folder / "adapter_model.safetensors")


def refusal(folder: Path, target: Path, base: Path | None) -> str:
    with pytest.raises((ModelRejected, InvalidInput)) as caught:
        adapter_to_gguf(folder, target, base=base)
    assert caught.value.hint
    assert list(target.parent.iterdir()) == []
    return caught.value.message


def test_the_file_passes_our_own_check_and_fits_its_base(folder: Path, target: Path, base: Path) -> None:
    adapter_to_gguf(folder, target, base=base)
    facts = gguf_adapter.read_adapter(target)
    assert (facts.rank, facts.alpha, facts.architecture) == (4, 16.0, "llama")
    assert facts.tensors == 2 * 7 * 3
    model = target.with_name("model.gguf")
    to_gguf(base, model, precision="f32")
    assert gguf_adapter.misfit(facts, model) is None


def test_rows_of_q_and_k_change_places_and_nothing_else(folder: Path, target: Path, base: Path) -> None:
    adapter_to_gguf(folder, target, base=base)
    tensors = load_file(folder / "adapter_model.safetensors")
    assert np.array_equal(rows(target, "blk.0.attn_q.weight.lora_a"), tensors[f"{Q}.lora_A.weight"])
    b = tensors[f"{Q}.lora_B.weight"]
    assert np.array_equal(rows(target, "blk.0.attn_q.weight.lora_b"), to_pairs(b, 4))
    assert not np.array_equal(to_pairs(b, 4), b)
    v = tensors[Q.replace("q_proj", "v_proj") + ".lora_B.weight"]
    assert np.array_equal(rows(target, "blk.0.attn_v.weight.lora_b"), v)


def test_the_base_may_be_a_gguf_of_any_type(folder: Path, target: Path, base: Path, tmp_path: Path) -> None:
    adapter_to_gguf(folder, target, base=base)
    to_gguf(base, tmp_path / "model.gguf", precision="f16")
    quantize(tmp_path / "model.gguf", tmp_path / "small.gguf", "q8_0")
    adapter_to_gguf(folder, tmp_path / "again.gguf", base=tmp_path / "small.gguf")
    assert target.read_bytes() == (tmp_path / "again.gguf").read_bytes()


def test_scales_that_differ_go_into_b(folder: Path, target: Path, base: Path) -> None:
    adapter_to_gguf(folder, target, base=base)
    before = rows(target, "blk.1.attn_q.weight.lora_b"), rows(target, "blk.0.attn_q.weight.lora_b")
    configure(folder, use_rslora=True, alpha_pattern={"layers.0.self_attn.q_proj": 32})
    adapter_to_gguf(folder, target, base=base)
    after = rows(target, "blk.1.attn_q.weight.lora_b"), rows(target, "blk.0.attn_q.weight.lora_b")
    np.testing.assert_allclose(after[0], before[0] * math.sqrt(4), rtol=1e-6)
    np.testing.assert_allclose(after[1], before[1] * math.sqrt(4) * 2, rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"peft_type": "IA3"}, "it is a IA3, not a LoRA"),
        ({"use_dora": True}, "use_dora is set"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save is set"),
        ({"trainable_token_indices": [5]}, "trainable_token_indices is set"),
        ({"lora_bias": True}, "lora_bias is set"),
        ({"layer_replication": [[0, 2]]}, "layer_replication is set"),
        ({"some_future_setting": 1}, "some_future_setting is set"),
        ({"bias": "all"}, "trained biases"),
        ({"init_lora_weights": "pissa"}, "changing the base (pissa)"),
        ({"alpha_pattern": {"(a+)+$": 5}}, "more than their names"),
        ({"alpha_pattern": {"q_proj": "a"}}, "an alpha is a"),
        ({"lora_alpha": None}, "an alpha is None"),
        ({"lora_alpha": 0}, "an alpha is 0"),
    ],
)
def test_what_a_gguf_cannot_carry_is_refused(
    folder: Path, target: Path, base: Path, values: dict[str, Any], says: str
) -> None:
    configure(folder, **values)
    assert says in refusal(folder, target, base)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda found: found.pop(f"{Q}.lora_B.weight"), "has the shapes [4, 96] and []"),
        (lambda found: found.update({f"{Q}.lora_B.weight": np.ones((95, 4), np.float32)}), "[95, 4]"),
        (lambda found: found.update({f"{Q}.lora_B.weight": np.ones((96, 3), np.float32)}), "[96, 3]"),
        (lambda found: found.update({f"{Q}.lora_magnitude_vector": np.ones(4, np.float32)}), "magnitude"),
        (lambda found: found.update({"classifier.lora_A.weight": np.ones((4, 4), np.float32)}), "classifier"),
        (
            lambda found: found.update(
                {"base_model.model.model.embed_tokens.lora_A.weight": np.ones((4, 9), np.float32)}
            ),
            "trained the embeddings",
        ),
        (lambda found: found[f"{Q}.lora_A.weight"].__setitem__((0, 0), np.inf), "no numbers"),
        (lambda found: found.clear(), "holds no tensors"),
    ],
)
def test_wrong_tensors_are_named(
    folder: Path, target: Path, base: Path, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    edit(folder, change)
    assert says in refusal(folder, target, base)


def test_another_base_is_noticed(folder: Path, target: Path, tmp_path: Path) -> None:
    other = llama_checkpoints.write(tmp_path / "other", "llama-3", hidden_size=64)
    assert "its base's has" in refusal(folder, target, other)


def test_what_is_missing_is_said(folder: Path, target: Path, base: Path, tmp_path: Path) -> None:
    assert "which is not named" in refusal(folder, target, None)
    assert "There is no model" in refusal(folder, target, tmp_path / "nowhere")
    assert "There is no folder" in refusal(tmp_path / "nowhere", target, base)
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    assert "pickled adapters are not opened" in refusal(folder, target, base)
    (folder / "adapter_config.json").unlink()
    assert "adapter_config.json is missing" in refusal(folder, target, base)
