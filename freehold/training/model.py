"""The model that learns: transformers' Llama, with or without an adapter, and its objective around it."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import nn

from freehold.errors import InvalidInput
from freehold.training.attention import PIECES, block_mask
from freehold.training.batch import Batch
from freehold.training.recipe import Lora, ModelTable
from freehold.training.tokens import Tokenizer

T = TypeVar("T")

FAULTS = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    RuntimeError,
    SafetensorError,
    StrictDataclassError,
)
"""What transformers and the libraries below it raise of a folder, or of a shape, that is none."""


class Learner(nn.Module):
    """A model that turns a batch into hidden states where they are scored, and those into a loss.

    All that is computed goes through `forward`, which is where DDP and FSDP look.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, objective: Callable[[torch.Tensor, torch.Tensor, Batch], T]) -> T:
        """What the objective makes of the states that are scored, the head's weight and the batch."""
        model: Any = self.model
        causal = causal_of(model)
        kind = batch.tokens.device
        seen: dict[str, Any] = (
            {"pieces": batch.pieces}
            if causal.config._attn_implementation == PIECES
            else {"attention_mask": block_mask(batch.pieces, batch.tokens.shape[1], kind)}
        )
        states = causal.model(
            input_ids=batch.tokens, position_ids=batch.positions, use_cache=False, **seen
        ).last_hidden_state
        return objective(states[0, batch.at], causal.lm_head.weight, batch)


def causal_of(model: Any) -> Any:
    """The Llama inside, whether an adapter is around it or not."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def build(table: ModelTable, tokenizer: Tokenizer, device: torch.device) -> nn.Module:
    """The model a recipe asks for, its weights in float32 (a frozen base in the products' precision).

    Raises:
        InvalidInput: the folder holds no Llama, the shape is none, or the vocabulary is larger than its own.
    """
    vocabulary = tokenizer.size()
    attention = "flex_attention" if device.type == "cuda" else PIECES
    if table.start is not None:
        model: Any = _read(table.start, attention)
    else:
        model = _new(table.shape or {}, tokenizer, attention)
    if vocabulary > model.config.vocab_size:
        raise InvalidInput(
            f"The tokenizer has {vocabulary:,} tokens, the model {model.config.vocab_size:,}.",
            hint="Take the tokenizer that belongs to the model.",
        )
    if table.checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    if table.lora is None:
        whole: nn.Module = model
        return whole
    if precision(table, device) == torch.bfloat16:
        model.to(torch.bfloat16)
    return with_adapter(model, table.lora)


def _read(folder: Path, attention: str) -> Any:
    try:
        config = transformers.AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except FAULTS as error:
        raise _unreadable(folder, error) from None
    if config.model_type != "llama":
        raise InvalidInput(f"{folder} holds a model of the kind {config.model_type}; trained are Llamas.")
    return loaded(transformers.LlamaForCausalLM, folder, dtype=torch.float32, attn_implementation=attention)


def loaded(kind: Any, folder: Path, **settings: Any) -> Any:
    """A model of transformers' class `kind`, every weight of it from the folder.

    transformers itself draws the weights that a folder lacks at random, and goes on.

    Raises:
        InvalidInput: the folder holds no model, or not all of its weights.
    """
    try:
        model, found = kind.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,  # unsaid, one with code of its own has the user asked whether to run it
            output_loading_info=True,
            **settings,
        )
    except FAULTS as error:
        raise _unreadable(folder, error) from None
    if missing := sorted(found["missing_keys"]):
        raise InvalidInput(
            f"{folder} lacks {len(missing):,} of its model's weights, {missing[0]} among them.",
            hint="Copy or download the whole folder of the model again.",
        )
    return model


def _unreadable(folder: Path, error: Exception) -> InvalidInput:
    return InvalidInput(f"{folder} holds no model that can be read: {first_line(error)}")


def _new(shape: dict[str, Any], tokenizer: Tokenizer, attention: str) -> Any:
    known = set(transformers.LlamaConfig().to_dict())
    unknown = sorted(set(shape) - known)
    if unknown:
        raise InvalidInput(f"[model] shape has a key {unknown[0]!r}, which LlamaConfig does not know.")
    try:
        marks = {
            "bos_token_id": tokenizer.number(tokenizer.bos_token),
            "eos_token_id": tokenizer.number(tokenizer.eos_token),
        }
        config = transformers.LlamaConfig(**{"vocab_size": tokenizer.size(), **marks, **shape})
        config._attn_implementation = attention
        return transformers.LlamaForCausalLM(config)
    except FAULTS as error:
        raise InvalidInput(f"[model] shape makes no model: {first_line(error)}") from None


def with_adapter(model: nn.Module, lora: Lora) -> nn.Module:
    """The model with matrices beside its projections; only those are trained."""
    import peft

    config = peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=[f"{name}_proj" for name in lora.targets],
    )
    with warnings.catch_warnings():  # peft asks transformers by a name that is going out of use
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        adapted: nn.Module = peft.get_peft_model(model, config)
    return adapted


def precision(table: ModelTable, device: torch.device) -> torch.dtype:
    """What the products are computed in."""
    if table.dtype == "auto":
        able = device.type == "cuda" and torch.cuda.is_bf16_supported()
        return torch.bfloat16 if able else torch.float32
    return torch.bfloat16 if table.dtype == "bfloat16" else torch.float32


def quiet() -> None:
    """Keeps the libraries from looking outwards and from writing over our own lines."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    shown: Any = transformers.logging
    shown.set_verbosity_error()
    shown.disable_progress_bar()
    logging.getLogger("accelerate").setLevel(logging.ERROR)


def first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
