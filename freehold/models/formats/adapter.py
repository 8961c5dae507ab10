"""LoRA adapters as peft saves them to GGUF adapters (Hu et al. 2021).

A pair adds `scale × B A` to a weight. peft's scale is alpha / r, or alpha / √r (rsLoRA, Kalajdzievski 2023),
and may differ by module; a GGUF has one alpha and always alpha / r, so what is left over goes into B. Rows of
B for q and k change places as those of the weights do. What a GGUF adapter cannot carry is refused by name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from freehold.errors import InvalidInput, ModelRejected
from freehold.models.formats import gguf_writer as gguf
from freehold.models.formats import llama_config
from freehold.models.formats.floats import Floats, convert
from freehold.models.formats.gguf_file import open_gguf
from freehold.models.formats.gguf_llama import read_config
from freehold.models.formats.gguf_writer import Tensor
from freehold.models.formats.json_file import read_json
from freehold.models.formats.llama_config import LlamaConfig
from freehold.models.formats.llama_tensors import LlamaTensor, tensors, to_pairs
from freehold.models.formats.new_file import Progress
from freehold.models.formats.safetensors_file import SafetensorsFile

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
PREFIX = "base_model.model."
HARMLESS = frozenset(
    ("peft_type peft_version auto_mapping base_model_name_or_path revision task_type inference_mode r"
     " lora_alpha lora_dropout target_modules exclude_modules layers_to_transform layers_pattern rank_pattern"
     " alpha_pattern use_rslora init_lora_weights bias megatron_core qalora_group_size eva_config"
     " runtime_config").split()
)  # fmt: skip
"""Settings that a GGUF adapter needs nothing of, or that are read here; any other that is set is refused."""
PLAIN_STARTS = (True, False, "gaussian", "eva", "orthogonal")
"""Ways of starting a LoRA that leave the base as it was."""
_PART = re.compile(r"(.+)\.lora_(A|B)\.weight")
_PLAIN_PATTERN = re.compile(r"[A-Za-z0-9_.]+")


@dataclass(frozen=True, slots=True)
class Scaling:
    """How much each pair counts."""

    alpha: float
    by_module: Mapping[str, float]
    """Alphas of modules whose name ends so; the first that fits counts."""
    by_root: bool
    """Divided by the root of the rank instead of the rank."""

    def factor(self, module: str, rank: int) -> float:
        """What B is multiplied with, so that alpha / rank is the scale."""
        named = (alpha for end, alpha in self.by_module.items() if f".{module}".endswith(f".{end}"))
        alpha = next(named, self.alpha)
        return alpha / self.alpha * (math.sqrt(rank) if self.by_root else 1.0)


def adapter_to_gguf(
    folder: Path, target: Path, *, base: Path | None = None, progress: Progress | None = None
) -> None:
    """Converts the adapter in `folder`; `base` is the Llama it belongs to, as a folder or a GGUF of any type.

    Raises:
        InvalidInput: there is no such folder or base, or `target` cannot be written.
        ModelRejected: it is not a LoRA of this base, or not one that a GGUF can carry.
        NoRoom: the disk is full. In every case nothing is left of the attempt.
    """
    if not folder.is_dir():
        raise InvalidInput(f"There is no folder {folder}.", hint=f"Name the folder that holds {CONFIG}.")
    settings = read_json(folder / CONFIG)
    scaling = _scaling(settings)
    if not (folder / WEIGHTS).exists():
        raise ModelRejected(
            f"{WEIGHTS} is missing; pickled adapters are not opened.", hint="Save it as safetensors."
        )
    if base is None:
        raise InvalidInput(
            "An adapter's heads are its base's, which is not named.", hint="Name the model it was trained on."
        )
    known = {tensor.hugging_face.removesuffix(".weight"): tensor for tensor in tensors(_config(base))}
    with SafetensorsFile(folder / WEIGHTS) as file:
        pairs = _pairs(file, known)
        metadata = {
            "general.architecture": gguf.text("llama"),
            "general.type": gguf.text("adapter"),
            "general.file_type": gguf.uint32(0),
            "adapter.type": gguf.text("lora"),
            "adapter.lora.alpha": gguf.float32(scaling.alpha),
        }
        written: list[Tensor] = []
        for module, name in pairs.items():
            rank = file.tensors[f"{name}.lora_A.weight"].shape[0]
            written += _tensors(file, known[module], name, scaling.factor(module, rank))
        gguf.write(target, metadata, written, progress)


def _config(base: Path) -> LlamaConfig:
    if base.is_dir():
        return llama_config.read(read_json(base / "config.json"))
    if not base.exists():
        raise InvalidInput(f"There is no model {base}.", hint="Name the adapter's base, a folder or a GGUF.")
    with open_gguf(base) as file:
        return read_config(file)


def _scaling(settings: Mapping[str, Any]) -> Scaling:
    if settings.get("peft_type") != "LORA":
        raise _refused(f"it is a {str(settings.get('peft_type'))[:40]}, not a LoRA")
    for key, value in settings.items():
        if value and key not in HARMLESS:
            raise _refused(f"{str(key)[:40]} is set ({str(value)[:60]})")
    if settings.get("bias", "none") != "none":
        raise _refused("it trained biases too")
    if settings.get("init_lora_weights", True) not in PLAIN_STARTS:
        raise _refused(f"it started by changing the base ({str(settings['init_lora_weights'])[:40]})")
    alpha, patterns = settings.get("lora_alpha"), settings.get("alpha_pattern") or {}
    if not isinstance(patterns, dict) or not all(map(_PLAIN_PATTERN.fullmatch, patterns)):
        raise _refused("its alpha_pattern names modules by more than their names")
    for value in (alpha, *patterns.values()):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
            raise _refused(f"an alpha is {str(value)[:40]}")
    assert isinstance(alpha, int | float)
    return Scaling(alpha, patterns, bool(settings.get("use_rslora")))


def _pairs(file: SafetensorsFile, known: Mapping[str, LlamaTensor]) -> dict[str, str]:
    """What each adapted module is called in the file; both halves are there and fit its weight."""
    found: dict[str, str] = {}
    for name in file.tensors:
        match = _PART.fullmatch(name)
        module = match[1].removeprefix(PREFIX) if match else ""
        if match is None or module not in known:
            raise _refused(f"its tensor {name[:100]} is no half of a LoRA's pair on this base")
        if module == "model.embed_tokens":
            raise _refused("it trained the embeddings")
        found[module] = match[1]
    if not found:
        raise _refused("it holds no tensors")
    for module, name in found.items():
        halves = (f"{name}.lora_A.weight", f"{name}.lora_B.weight")
        a, b = (file.tensors[half].shape if half in file.tensors else () for half in halves)
        rank = a[0] if a else 0
        if not rank or (b[:1] + a[1:], b[1:]) != (known[module].shape, (rank,)):
            raise ModelRejected(
                f"The adapter's {module} has the shapes {list(a)} and {list(b)}; its base's has"
                f" {list(known[module].shape)}.",
                hint="Name the model that the adapter was trained on.",
            )
    return dict(sorted(found.items(), key=lambda item: list(known).index(item[0])))


def _tensors(file: SafetensorsFile, weight: LlamaTensor, name: str, factor: float) -> list[Tensor]:
    a, b = f"{name}.lora_A.weight", f"{name}.lora_B.weight"

    def right() -> list[Floats]:
        return [convert(file.rows(a), file.kind(a), "F32", a)]

    def left() -> list[Floats]:
        values = convert(file.rows(b), file.kind(b), "F32", b) * np.float32(factor)
        return [to_pairs(values, weight.heads) if weight.heads else values]

    return [
        Tensor(f"{weight.gguf}.lora_a", file.tensors[a].shape, "F32", right),
        Tensor(f"{weight.gguf}.lora_b", file.tensors[b].shape, "F32", left),
    ]


def _refused(why: str) -> ModelRejected:
    return ModelRejected(
        f"The adapter cannot be converted: {why}.",
        hint="Merge it into its base with peft (merge_and_unload) and convert the whole model.",
    )
