"""`model plan`: what it takes a word for, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import tiny_gguf
from scripted import Run, Script

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "rope_theta": 500000.0,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": True,
}


def planned(freehold: Run, *words: str) -> dict[str, object]:
    ran = freehold("model", "plan", *words, "--no-measure", "--json")
    assert ran.status == 0, ran.err
    made: dict[str, object] = json.loads(ran.out)
    return made


def test_a_folder_a_file_and_a_preset_are_planned_alike(freehold: Run, tmp_path: Path) -> None:
    (tmp_path / "llama-3.2-1b").mkdir()
    (tmp_path / "llama-3.2-1b" / "config.json").write_text(json.dumps(CONFIG))
    preset = planned(freehold, "Llama-3.2-1B")
    assert planned(freehold, str(tmp_path / "llama-3.2-1b")) == preset
    assert planned(freehold, str(tmp_path / "llama-3.2-1b" / "config.json")) == preset
    assert preset["context"] == 8192
    assert planned(freehold, "llama-3.2-1b", "--context", "131072")["context"] == 131_072


def test_a_gguf_is_planned_as_it_is(freehold: Run, tmp_path: Path) -> None:
    path = tiny_gguf.write(tmp_path / "tiny.gguf")
    [row] = planned(freehold, str(path))["rows"]
    assert (row["quantisation"], row["file_bytes"], row["fits"]) == ("F32", path.stat().st_size, True)


def test_a_model_of_the_registry_is_found_by_its_name(freehold: Run, script: Script, home: Path) -> None:
    model = {"id": "ab" * 32, "name": "tiny", "format": "gguf", "facts": {"layers": 2}}
    script.answer("GET", "/api/v1/models/tiny", model)
    endpoint = {"id": "cd" * 32, "name": "far", "format": "openai", "facts": {"model": "m"}}
    script.answer("GET", "/api/v1/models/far", endpoint)
    folder = home / "models" / "ab"
    folder.mkdir(parents=True)
    tiny_gguf.write(folder / f"{'ab' * 32}.gguf")
    assert planned(freehold, "tiny")["shape"]["name"] == "tiny"
    refused = freehold("model", "plan", "far", "--no-measure")
    assert refused.status == 1
    assert "has no weights of its own here" in refused.err


def test_what_nobody_knows_is_said_with_the_shapes_there_are(freehold: Run) -> None:
    ran = freehold("model", "plan", "no/such/config.json", "--no-measure")
    assert ran.err.startswith("error: There is no file no/such/config.json.\nhint: Shapes: llama-2-7b, ")


def test_it_is_told_for_people(freehold: Run) -> None:
    out = freehold("model", "plan", "llama-3.1-405b", "--no-measure").out
    assert "parameters    406 billion in 126 layers\n" in out
    assert "Q4_K_M\t243.1 GB\t" in out
    assert out.endswith("8 GPUs of 80 GB in 8 bits, and add it as an endpoint.\n")
