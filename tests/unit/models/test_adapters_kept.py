"""Adapters in the registry: on a base that they fit, found or named."""

import os
from pathlib import Path

import pytest
import tiny_adapter
import tiny_gguf

from freehold.errors import Conflict, InvalidInput, ModelRejected
from freehold.models.endpoint import Endpoint
from freehold.models.formats import gguf, gguf_adapter
from freehold.models.registry import Registry


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    return tiny_adapter.write(tmp_path / "lora.gguf", width=32, layers=1)


def model(tmp_path: Path, name: str, seed: int = 7, width: int = 32) -> Path:
    return tiny_gguf.write(tmp_path / f"{name}.gguf", width=width, layers=1, seed=seed)


def test_put_on_the_only_model_that_it_fits(registry: Registry, lora: Path, tmp_path: Path) -> None:
    registry.add(model(tmp_path, "wide", width=64))
    registry.add_endpoint(Endpoint("https://models.example/v1", "far", 8192))
    base = registry.add(model(tmp_path, "base"))
    adapter = registry.add(lora)
    assert (adapter.name, adapter.kind, adapter.format, adapter.parent_id) == (
        "lora",
        "adapter",
        "gguf",
        base.id,
    )
    assert adapter.facts["rank"] == 4
    assert adapter.facts["alpha"] == 8.0
    assert registry.path(adapter).read_bytes() == lora.read_bytes()
    assert registry.verify("lora") == adapter


def test_of_several_that_fit_the_one_that_it_names(registry: Registry, lora: Path, tmp_path: Path) -> None:
    registry.add(model(tmp_path, "first"))
    second = registry.add(model(tmp_path, "second", seed=8))
    with pytest.raises(InvalidInput, match="Several models fit tiny-lora: first, second"):
        registry.add(lora)
    assert registry.add(lora, parent="second").parent_id == second.id
    says = tiny_adapter.write(tmp_path / "says.gguf", width=32, layers=1, seed=3, bases=["second"])
    assert registry.add(says).parent_id == second.id


def test_a_base_known_by_its_repository(registry: Registry, tmp_path: Path) -> None:
    source = {"source": {"kind": "hub", "repository": "Example/Tiny"}}
    registry.add(model(tmp_path, "first"))
    second = registry.add(model(tmp_path, "second", seed=8), lineage=source)
    for number, base in enumerate(("example/tiny", "https://hub.example/Example/Tiny")):
        path = tiny_adapter.write(tmp_path / f"{number}.gguf", width=32, layers=1, seed=number, bases=[base])
        assert registry.add(path).parent_id == second.id


def test_no_base_that_fits(registry: Registry, lora: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelRejected, match="No model here fits the adapter tiny-lora"):
        registry.add(lora)
    registry.add(model(tmp_path, "wide", width=64))
    with pytest.raises(ModelRejected, match=r"attn_q.weight is 64 × 64, not 32 × 32"):
        registry.add(lora, parent="wide")
    deep = tiny_adapter.write(tmp_path / "deep.gguf", width=64, layers=2)
    with pytest.raises(ModelRejected, match=r"it has no tensor blk\.1"):
        registry.add(deep, parent="wide")
    registry.add_endpoint(Endpoint("https://models.example/v1", "far", 8192))
    with pytest.raises(InvalidInput, match="is put on a model"):
        registry.add(lora, parent="far")
    assert {each.name for each in registry.list()} == {"wide", "far"}


def test_it_does_not_lose_its_base(registry: Registry, lora: Path, tmp_path: Path) -> None:
    base = registry.add(model(tmp_path, "base"))
    registry.add(lora)
    assert registry.use("lora").parent_id == base.id
    registry.unuse()
    with pytest.raises(Conflict, match="Adapters are put on base, and are nothing without it: lora"):
        registry.remove("base")
    registry.remove("lora")
    assert registry.remove("base") == base


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ({"metadata": {"adapter.type": (tiny_gguf.STRING, "control")}}, "type control is not served"),
        ({"metadata": {"adapter.lora.alpha": (tiny_gguf.F32, float("nan"))}}, "lora.alpha is nan"),
        ({"metadata": {"adapter.lora.alpha": (tiny_gguf.U32, 1)}}, "lora.alpha is 1"),
        ({"metadata": {"general.architecture": (tiny_gguf.STRING, "")}}, "architecture is missing"),
        ({"drop": ["blk.0.attn_q.weight.lora_b"]}, "no half of a LoRA's pair"),
    ],
)
def test_bad_adapters_are_refused(tmp_path: Path, made: dict, why: str) -> None:
    path = tiny_adapter.write(tmp_path / "bad.gguf", width=32, layers=1, **made)
    with pytest.raises(ModelRejected, match=why):
        gguf_adapter.read_adapter(path)


def test_what_is_none_is_refused_as_one(tmp_path: Path, lora: Path) -> None:
    whole = model(tmp_path, "whole")
    with pytest.raises(ModelRejected, match="holds a model, not an adapter"):
        gguf_adapter.read_adapter(whole)
    with pytest.raises(ModelRejected, match="holds a adapter, not a model"):
        gguf.check_sound(lora)
    os.truncate(lora, lora.stat().st_size - 1)
    with pytest.raises(ModelRejected, match="truncated"):
        gguf_adapter.read_adapter(lora)
