"""Folders in Hugging Face's layout, taken into the registry: converted, quantised, put on their base."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import tiny_gguf
from safetensors.numpy import save_file

from freehold.errors import InvalidInput, ModelRejected
from freehold.models.formats.huggingface import from_gguf
from freehold.models.registry import Registry


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "Llama-Tiny"
    from_gguf(tiny_gguf.write(tmp_path / "tiny.gguf", width=64, layers=1), folder)
    (folder / "LICENSE").write_text("LLAMA 3.2 COMMUNITY LICENSE AGREEMENT\n…")
    return folder


def adapter(folder: Path, base: str, width: int = 64, seed: int = 1) -> Path:
    """A LoRA on q, as peft saves it."""
    folder.mkdir()
    settings = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": base}
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    name = "base_model.model.model.layers.0.self_attn.q_proj"
    random = np.random.default_rng(seed)
    pair = {
        f"{name}.lora_A.weight": random.standard_normal((2, width)).astype(np.float32),
        f"{name}.lora_B.weight": random.standard_normal((width, 2)).astype(np.float32),
    }
    save_file(pair, folder / "adapter_model.safetensors")
    return folder


def left(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "models").rglob("*") if path.is_file())


def test_a_checkpoint_keeps_its_precision(registry: Registry, checkpoint: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    model = registry.add(checkpoint, progress=lambda done, total: steps.append((done, total)))
    weights = checkpoint / "model.safetensors"
    assert (model.name, model.facts["name"], model.facts["quantisation"]) == (
        "Llama-Tiny",
        "Llama-Tiny",
        "F32",
    )
    assert model.lineage == {
        "source": {
            "kind": "folder",
            "name": "Llama-Tiny",
            "files": [
                {
                    "name": "model.safetensors",
                    "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
                    "size": weights.stat().st_size,
                }
            ],
        },
        "made": {"how": "convert", "to": "f32"},
    }
    assert model.licence["id"] == "llama3.2"
    assert steps[-1][0] == steps[-1][1]
    assert left(tmp_path) == [f"{model.id}.gguf"]
    back = tmp_path / "back"
    from_gguf(registry.path(model), back)
    assert (back / "model.safetensors").read_bytes() == weights.read_bytes()


def test_a_checkpoint_is_quantised_when_it_is_wished(
    registry: Registry, checkpoint: Path, tmp_path: Path
) -> None:
    whole = registry.add(checkpoint)
    small = registry.add(checkpoint, "small", quantise="q8_0", parent=whole.id)
    assert small.facts["quantisation"] == "Q8_0"
    assert small.size < whole.size
    assert small.lineage["made"] == {"how": "convert, quantise", "from": "f32", "to": "q8_0"}
    again = registry.add(registry.path(whole), "again", quantise="q4_k_m", parent=whole.id)
    assert again.facts["quantisation"] == "Q4_K_M"
    assert again.lineage["made"] == {"how": "quantise", "to": "q4_k_m"}
    assert left(tmp_path) == sorted(f"{model.id}.gguf" for model in (whole, small, again))
    with pytest.raises(InvalidInput, match="no quantisation 'q1'"):
        registry.add(checkpoint, "other", quantise="q1")
    with pytest.raises(ModelRejected, match="is quantised"):
        registry.add(registry.path(small), "other", quantise="q8_0")
    assert len(left(tmp_path)) == 3


def test_an_adapter_is_put_on_the_model_that_it_names(
    registry: Registry, checkpoint: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelRejected, match=r"no model is here\. It was trained on Org/Llama-Tiny"):
        registry.add(adapter(tmp_path / "early", "Org/Llama-Tiny"))
    base = registry.add(checkpoint)
    registry.add(tiny_gguf.write(tmp_path / "other.gguf", width=64, layers=1, seed=3))
    lora = registry.add(adapter(tmp_path / "lora", "Org/Llama-Tiny"))
    assert (lora.kind, lora.parent_id, lora.facts["rank"], lora.name) == ("adapter", base.id, 2, "lora")
    with pytest.raises(InvalidInput, match="cannot be told which model the adapter unknown belongs to"):
        registry.add(adapter(tmp_path / "unknown", "Org/Else", seed=2))
    assert registry.add(tmp_path / "unknown", "named", parent="other").parent_id == registry.get("other").id
    with pytest.raises(ModelRejected):
        registry.add(adapter(tmp_path / "wide", "Org/Llama-Tiny", width=128))
    with pytest.raises(InvalidInput, match="An adapter is not quantised"):
        registry.add(tmp_path / "lora", "small", quantise="q8_0")


def test_a_template_that_takes_hours_to_read_is_refused(
    registry: Registry, checkpoint: Path, tmp_path: Path
) -> None:
    """jinja works constants out as it reads, in one step of the interpreter."""
    (checkpoint / "chat_template.jinja").write_text("{{ 9 ** (9 ** 9) }}")
    with pytest.raises(ModelRejected, match="chat template"):
        registry.add(checkpoint)
    assert left(tmp_path) == []
