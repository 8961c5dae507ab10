"""Checkpoints: weights and the optimiser's memory, as safetensors, from which a run goes on exactly.

Data order and randomness follow from the recipe and the number of the step, so there is nothing else to keep.
A checkpoint is written beside the last one and takes its place only when it is whole on the disk.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from freehold.errors import InvalidInput
from freehold.training.files import mend, whole_folder, write_json
from freehold.training.places import CHECKPOINT

STATES = ("exp_avg", "exp_avg_sq", "step")
"""What AdamW remembers of each parameter."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    recipe: str
    """`Recipe.digest`."""
    dataset: str
    step: int = 0
    """Steps done."""
    tokens: int = 0
    seconds: float = 0.0
    """Time in training, legs added up."""


def save(
    folder: Path, learner: nn.Module, optimiser: torch.optim.Optimizer, progress: Progress, *, write: bool
) -> None:
    """Writes `folder/checkpoint`. Every process calls this; the one with `write` does the writing.

    Raises:
        NoRoom: the disk is full; the last checkpoint is still there.
    """
    weights = whole_weights(learner)
    memory = _memory(learner, optimiser)
    if not write:
        return
    with whole_folder(folder / CHECKPOINT) as fresh:
        save_file(weights, fresh / "weights.safetensors")
        save_file(memory, fresh / "optimiser.safetensors")
        write_json(fresh / "progress.json", asdict(progress))


def progress_of(folder: Path) -> Progress | None:
    """How far the run in a folder is, or None when it has no checkpoint yet.

    Raises:
        InvalidInput: the checkpoint cannot be read.
    """
    mend(folder / CHECKPOINT)
    path = folder / CHECKPOINT / "progress.json"
    if not path.exists():
        return None
    try:
        return Progress(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}.", hint="Begin anew with --fresh.") from None


def load(folder: Path, learner: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Puts `folder/checkpoint` into model and optimiser.

    Raises:
        InvalidInput: it is of another model, or cannot be read.
    """
    try:
        weights = load_file(folder / CHECKPOINT / "weights.safetensors")
        memory = load_file(folder / CHECKPOINT / "optimiser.safetensors")
        with torch.no_grad():
            for name, parameter in _trained(learner):
                parameter.copy_(_as(parameter, weights[name]))
                optimiser.state[parameter] = {
                    state: memory[f"{name}|{state}"]
                    if state == "step"
                    else _as(parameter, memory[f"{name}|{state}"])
                    for state in STATES
                }
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise InvalidInput(
            f"The checkpoint in {folder} does not fit this model: {error}.", hint="Begin anew with --fresh."
        ) from None


def whole_weights(learner: nn.Module) -> dict[str, torch.Tensor]:
    """The trained weights by name, gathered from all processes, on the processor."""
    return {name: _whole(parameter) for name, parameter in _trained(learner)}


def _memory(learner: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    return {
        f"{name}|{state}": _whole(optimiser.state[parameter][state])
        for name, parameter in _trained(learner)
        for state in STATES
    }


def _trained(learner: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Parameters that learn, once each, under the names they have before anything is wrapped around."""
    return [
        (name.replace("module.", "").replace("_orig_mod.", ""), parameter)
        for name, parameter in learner.named_parameters()
        if parameter.requires_grad
    ]


def _whole(tensor: torch.Tensor) -> torch.Tensor:
    found: Any = tensor.detach()
    whole: torch.Tensor = found.full_tensor() if hasattr(found, "full_tensor") else found
    return whole.cpu().contiguous()


def _as(parameter: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """`value` where, and split as, the parameter is."""
    value = value.to(parameter.device)
    if not hasattr(parameter, "device_mesh"):
        return value
    from torch.distributed.tensor import distribute_tensor  # seconds to import, and only FSDP needs it

    split: Any = parameter
    return distribute_tensor(value, split.device_mesh, split.placements)
