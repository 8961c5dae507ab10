"""Both spellings of a Llama's config are read; what could not be reproduced is refused by name."""

from typing import Any

import numpy as np
import pytest

from freehold.errors import ModelRejected
from freehold.models.formats.llama_config import Rope, read

CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 1000,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
SCALING = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}


def test_what_old_configs_leave_out_has_transformers_defaults() -> None:
    config = read(CONFIG)
    assert (config.kv_heads, config.head_width, config.context) == (4, 16, 2048)
    assert config.norm_epsilon == 1e-6
    assert config.rope == Rope(10_000.0)
    assert not config.tied


def test_both_spellings_of_rope_say_the_same() -> None:
    old = read(CONFIG | {"rope_theta": 5e5, "rope_scaling": SCALING | {"rope_type": "llama3"}})
    older = read(CONFIG | {"rope_theta": 5e5, "rope_scaling": SCALING | {"type": "llama3"}})
    new = read(CONFIG | {"rope_parameters": SCALING | {"rope_type": "llama3", "rope_theta": 5e5}})
    assert old == older == new
    assert new.rope == Rope(5e5, "llama3", 8.0, 1.0, 4.0, 8192)
    linear = read(CONFIG | {"rope_scaling": {"type": "linear", "factor": 4.0}})
    assert linear.rope == Rope(10_000.0, "linear", 4.0)
    assert read(CONFIG | {"rope_scaling": None, "rope_theta": 5e5}).rope == Rope(5e5)


@pytest.mark.parametrize(
    "rope", [Rope(5e5, "llama3", 8.0, 1.0, 4.0, 8192), Rope(5e5, "llama3", 32.0, 1.5, 3.0, 64)]
)
def test_divisors_are_those_of_transformers(rope: Rope) -> None:
    from transformers import LlamaConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    config = LlamaConfig(
        head_dim=64,
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": rope.theta,
            "factor": rope.factor,
            "low_freq_factor": rope.low_freq_factor,
            "high_freq_factor": rope.high_freq_factor,
            "original_max_position_embeddings": rope.original_context,
        },
    )
    wanted, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    divisors = rope.divisors(64)
    assert divisors is not None
    plain = rope.theta ** (-np.arange(0, 64, 2) / 64)
    np.testing.assert_allclose(plain / divisors, wanted.numpy(), rtol=1e-5)
    assert divisors.max() == pytest.approx(rope.factor)
    assert divisors.min() == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"architectures": ["MistralForCausalLM"], "model_type": "mistral"}, "MistralForCausalLM"),
        ({"model_type": "qwen2", "architectures": None}, "qwen2"),
        ({"architectures": ["LlamaForSequenceClassification"]}, "LlamaForSequenceClassification"),
        ({"quantization_config": {"quant_method": "gptq"}}, "gptq"),
        ({"auto_map": {"AutoModel": "code.Model"}}, "code of its own"),
        ({"attention_bias": True}, "attention_bias"),
        ({"mlp_bias": True}, "mlp_bias"),
        ({"hidden_act": "gelu"}, "gelu"),
        ({"rope_scaling": {"type": "yarn", "factor": 4.0}}, "yarn"),
        ({"rope_scaling": {"type": "dynamic", "factor": 4.0}}, "dynamic"),
        ({"rope_scaling": {"type": "linear"}}, "factor is missing"),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "low_freq_factor is missing"),
        ({"rope_scaling": SCALING | {"rope_type": "llama3", "high_freq_factor": 1.0}}, "high_freq_factor"),
        ({"rope_scaling": "linear"}, "rope scaling is linear"),
        ({"rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.5}}, "part of each head"),
        ({"rope_theta": 0}, "rope_theta is 0"),
        ({"rope_theta": float("nan")}, "rope_theta is nan"),
        ({"num_key_value_heads": 3}, "4 heads cannot share 3"),
        ({"hidden_size": 66}, "66 hidden units"),
        ({"head_dim": 15}, "heads of even width"),
        ({"vocab_size": None}, "vocab_size is missing"),
        ({"vocab_size": "many"}, "vocab_size is many"),
        ({"vocab_size": True}, "vocab_size is True"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers is 1000000000"),
        ({"hidden_size": -64}, "hidden_size is -64"),
    ],
)
def test_what_cannot_be_converted_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelRejected) as caught:
        read(CONFIG | change)
    assert says in caught.value.message
    assert caught.value.hint
