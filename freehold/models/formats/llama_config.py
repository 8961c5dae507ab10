"""What `config.json` says of a Llama: its sizes and how it turns positions into angles.

Reads both spellings of rope scaling: `rope_scaling` with `rope_theta` beside it, and transformers 5's
`rope_parameters` with everything inside. What our GGUF could not reproduce is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from freehold.errors import ModelRejected

ARCHITECTURE = "LlamaForCausalLM"
MAX_SIZE = 2**24
"""Largest believable width, vocabulary or context."""
MAX_LAYERS = 4096


@dataclass(frozen=True, slots=True)
class Rope:
    """Rotary positions; `factor` and what follows it only where the kind has a use for it."""

    theta: float
    kind: Literal["default", "linear", "llama3"] = "default"
    factor: float = 1.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_context: int = 8192
    """Tokens that the model was first trained on."""

    def divisors(self, head_width: int) -> NDArray[np.float32] | None:
        """What each frequency is divided by: (head_width / 2,); None where all stay as they are.

        Llama 3.1's rule: short wavelengths stay, long ones are stretched by `factor`, those between in part.
        """
        if self.kind != "llama3":
            return None
        wavelength = 2 * np.pi * self.theta ** (np.arange(0, head_width, 2) / head_width)
        rotations = self.original_context / wavelength
        kept = (rotations - self.low_freq_factor) / (self.high_freq_factor - self.low_freq_factor)
        kept = np.clip(kept, 0, 1)
        return (1 / ((1 - kept) / self.factor + kept)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class LlamaConfig:
    """The sizes of a Llama."""

    vocabulary: int
    width: int
    inner_width: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    context: int
    norm_epsilon: float
    rope: Rope
    tied: bool
    """The output matrix is the embeddings'."""


def written(config: LlamaConfig) -> dict[str, Any]:
    """The keys of a `config.json` that `read` understands.

    In the older spelling of rope scaling, which old and new versions of transformers read.
    """
    rope = config.rope
    scaling: dict[str, Any] | None = None
    if rope.kind != "default":
        scaling = {"rope_type": rope.kind, "factor": rope.factor}
    if scaling and rope.kind == "llama3":
        scaling |= {
            "low_freq_factor": rope.low_freq_factor,
            "high_freq_factor": rope.high_freq_factor,
            "original_max_position_embeddings": rope.original_context,
        }
    return {
        "architectures": [ARCHITECTURE],
        "model_type": "llama",
        "vocab_size": config.vocabulary,
        "hidden_size": config.width,
        "intermediate_size": config.inner_width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_width,
        "max_position_embeddings": config.context,
        "rms_norm_eps": config.norm_epsilon,
        "rope_theta": rope.theta,
        "rope_scaling": scaling,
        "tie_word_embeddings": config.tied,
    }


def read(config: Mapping[str, Any]) -> LlamaConfig:
    """The sizes that a `config.json` gives.

    Raises:
        ModelRejected: it is of another architecture, or of a Llama that cannot be converted faithfully.
    """
    _check_architecture(config)
    heads, width = _size(config, "num_attention_heads"), _size(config, "hidden_size")
    kv_heads = _size(config, "num_key_value_heads", heads)
    head_width = _size(config, "head_dim", width // heads)
    if heads % kv_heads:
        raise _wrong(f"{heads} heads cannot share {kv_heads} key-value heads")
    if head_width % 2 or (config.get("head_dim") is None and width % heads):
        raise _wrong(f"{width} hidden units do not divide into {heads} heads of even width")
    context = _size(config, "max_position_embeddings", 2048)
    return LlamaConfig(
        vocabulary=_size(config, "vocab_size"),
        width=width,
        inner_width=_size(config, "intermediate_size"),
        layers=_size(config, "num_hidden_layers", limit=MAX_LAYERS),
        heads=heads,
        kv_heads=kv_heads,
        head_width=head_width,
        context=context,
        norm_epsilon=_number(config, "rms_norm_eps", 1e-6),
        rope=_rope(config),
        tied=bool(config.get("tie_word_embeddings", False)),
    )


def _check_architecture(config: Mapping[str, Any]) -> None:
    names = config.get("architectures") or []
    found = names[0] if isinstance(names, list) and names else config.get("model_type")
    if config.get("model_type") != "llama" or found not in (ARCHITECTURE, "llama"):
        raise ModelRejected(
            f"The architecture {str(found)[:60]} is not converted here.",
            hint=f"Bring a {ARCHITECTURE} checkpoint, or a GGUF file of this model.",
        )
    if config.get("quantization_config"):
        method = config["quantization_config"]
        name = method.get("quant_method") if isinstance(method, dict) else method
        raise _wrong(
            f"its weights are quantised already ({str(name)[:40]})", "Bring the unquantised weights."
        )
    if config.get("auto_map"):
        raise _wrong("it runs code of its own (auto_map)", "Bring a checkpoint that needs no remote code.")
    for key in ("attention_bias", "mlp_bias"):
        if config.get(key):
            raise _wrong(f"it has {key}, which no published Llama has", "Bring a Llama without biases.")
    if (activation := config.get("hidden_act", "silu")) != "silu":
        raise _wrong(f"its activation is {str(activation)[:40]}, a Llama's is silu", "Bring a Llama.")


def _rope(config: Mapping[str, Any]) -> Rope:
    given = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(given, dict):
        raise _wrong(f"its rope scaling is {str(given)[:80]}")
    theta = _number(given, "rope_theta", _number(config, "rope_theta", 10_000.0))
    kind = given.get("rope_type", given.get("type", "default"))
    if given.get("partial_rotary_factor", 1) not in (1, None):
        raise _wrong("it rotates only part of each head", "Bring a Llama.")
    if kind == "default":
        return Rope(theta)
    if kind == "linear":
        return Rope(theta, kind, _number(given, "factor"))
    if kind == "llama3":
        rope = Rope(
            theta,
            kind,
            _number(given, "factor"),
            _number(given, "low_freq_factor"),
            _number(given, "high_freq_factor"),
            _size(given, "original_max_position_embeddings"),
        )
        if rope.high_freq_factor <= rope.low_freq_factor:
            raise _wrong("its high_freq_factor is not above its low_freq_factor")
        return rope
    raise _wrong(
        f"its rope scaling {str(kind)[:40]} is not converted here (linear and llama3 are)",
        "Bring a GGUF file of this model.",
    )


def _size(values: Mapping[str, Any], key: str, default: int | None = None, limit: int = MAX_SIZE) -> int:
    value = default if values.get(key) is None else values[key]
    if value is None:
        raise _wrong(f"{key} is missing")
    if type(value) is not int or not 0 < value <= limit:
        raise _wrong(f"{key} is {str(value)[:40]}")
    return value


def _number(values: Mapping[str, Any], key: str, default: float | None = None) -> float:
    value = default if values.get(key) is None else values[key]
    if value is None:
        raise _wrong(f"{key} is missing")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:
        raise _wrong(f"{key} is {str(value)[:40]}")
    return float(value)


def _wrong(what: str, hint: str = "Compare config.json with the publisher's.") -> ModelRejected:
    return ModelRejected(f"config.json cannot be used: {what}.", hint=hint)
