"""Everything a run needs, made from its recipe: data, model, optimiser, processes."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from accelerate import Accelerator

from freehold.errors import InvalidInput
from freehold.training import objectives
from freehold.training.batch import Batch
from freehold.training.cache import Cache
from freehold.training.data import Dataset, dataset
from freehold.training.licences import licence_of
from freehold.training.material import Material
from freehold.training.model import Learner, build, causal_of, precision
from freehold.training.objectives import Loss
from freehold.training.packing import Pack, packed_in_order, packs_of_epoch, share
from freehold.training.recipe import Distillation, Optimiser, Preference, Recipe
from freehold.training.tokens import Tokenizer
from freehold.training.tokens import load as load_tokenizer

T = TypeVar("T")


@dataclass(slots=True)
class Session:
    """A run, ready to take steps; knows nothing of when to stop or what to write down."""

    recipe: Recipe
    tokenizer: Tokenizer
    accelerator: Accelerator
    model: torch.nn.Module
    """As it was built, nothing wrapped around it."""
    learner: torch.nn.Module
    optimiser: Any
    train: Material
    evaluation: Material | None
    steps: int

    def loss(self, material: Material, pack: Pack) -> Loss:
        """The objective's sum over one pack."""
        batch = material.batch(pack).to(self.accelerator.device)
        recipe = self.recipe
        if recipe.objective == "preference":
            table = recipe.preference or Preference()
            return self._ask(
                batch,
                partial(
                    objectives.preference,
                    baseline=self._baseline(material, pack),
                    beta=table.beta,
                    good_weight=table.good_weight,
                    bad_weight=table.bad_weight,
                ),
            )
        if material.cache is not None and recipe.distillation is not None:
            return self._ask(
                batch,
                partial(
                    objectives.distillation,
                    divergence=recipe.distillation.divergence,
                    label_weight=recipe.distillation.label_weight,
                    temperature=material.cache.header.temperature,
                ),
            )
        return self._ask(batch, objectives.likelihood)

    def measure(self) -> float | None:
        """The mean loss on the evaluation data; None when there is none.

        Distillation is measured by the likelihood of what was written: the teacher saw the training data.
        """
        if self.evaluation is None:
            return None
        packs = self._in_order(self.evaluation.dataset)
        total = torch.zeros((), dtype=torch.float64)
        self.learner.eval()
        with torch.no_grad():
            for pack in share(packs, self.accelerator.process_index, self.accelerator.num_processes):
                total += self.loss(self.evaluation, pack).total.double().cpu()
        self.learner.train()
        return self.together(total).item() / max(self.evaluation.weight(packs), 1)

    def together(self, values: torch.Tensor) -> torch.Tensor:
        """Sums over all processes, on the processor."""
        if self.accelerator.num_processes == 1:
            return values
        summed: torch.Tensor = self.accelerator.reduce(values.to(self.accelerator.device), "sum")
        return summed.cpu()

    def refer(self) -> None:
        """Preference: notes what the model thinks of every answer before it learns anything."""
        self.train = self._with_reference(self.train)
        if self.evaluation is not None:
            self.evaluation = self._with_reference(self.evaluation)

    def reference(self) -> dict[str, np.ndarray]:
        """What `refer` noted, by the datasets' digests."""
        materials = (self.train, self.evaluation)
        return {
            each.dataset.digest: each.reference
            for each in materials
            if each is not None and each.reference is not None
        }

    def take_reference(self, noted: Mapping[str, np.ndarray]) -> bool:
        """Takes what `reference` gave in an earlier leg; False, and nothing taken, where it lacks a dataset.

        A dataset's digest says which it is.
        """
        materials = (self.train, self.evaluation)
        if any(each is not None and each.dataset.digest not in noted for each in materials):
            return False
        self.train = replace(self.train, reference=noted[self.train.dataset.digest])
        if self.evaluation is not None:
            self.evaluation = replace(self.evaluation, reference=noted[self.evaluation.dataset.digest])
        return True

    def end(self) -> None:
        """Waits for the other processes and lets go of them; what learned is gone afterwards.

        What learns holds the process group, and goes first: were it the last to hold it, the group's threads
        would be waited for under the interpreter's lock, which one of them may want (pytorch/pytorch#56297).
        """
        self.accelerator.wait_for_everyone()
        del self.learner, self.optimiser
        self.accelerator.free_memory()
        self.accelerator.end_training()

    def _ask(self, batch: Batch, objective: Callable[[torch.Tensor, torch.Tensor, Batch], T]) -> T:
        with self.accelerator.autocast():
            answer: T = self.learner(batch, objective)
        return answer

    def _baseline(self, material: Material, pack: Pack) -> torch.Tensor:
        """KL(now, start), estimated from questions with others' answers; never below nothing."""
        batch = material.exchanged(pack).to(self.accelerator.device)
        with torch.no_grad():
            now = self._ask(batch, objectives.answer_logs)
        if not pack or batch.reference is None:
            return now.new_zeros(())
        return (now - batch.reference).mean().clamp_min(0)

    def _in_order(self, data: Dataset) -> list[Pack]:
        return packed_in_order(range(len(data)), data.lengths, self.recipe.data.context)

    def _with_reference(self, material: Material) -> Material:
        packs = self._in_order(material.dataset)
        found = torch.zeros(2, len(material.dataset), dtype=torch.float64)
        self.learner.eval()
        with torch.no_grad():
            for pack in share(packs, self.accelerator.process_index, self.accelerator.num_processes):
                for row, made in enumerate((material.batch(pack), material.exchanged(pack))):
                    logs = self._ask(made.to(self.accelerator.device), objectives.answer_logs)
                    found[row, list(pack)] = logs.double().cpu()
        self.learner.train()
        return replace(material, reference=self.together(found).numpy())


def prepare(recipe: Recipe, *, told: Callable[[int], None] = lambda read: None) -> Session:
    """Reads the data, builds the model and spreads both over the processes there are.

    Raises:
        InvalidInput, NotFound: what the recipe names cannot be used.
    """
    tokenizer = load_tokenizer(recipe.tokenizer)
    train, evaluation = _materials(recipe, tokenizer, told)
    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    lower = precision(recipe.model, device) == torch.bfloat16
    accelerator = Accelerator(cpu=not cuda, mixed_precision="bf16" if lower else "no")
    torch.manual_seed(recipe.seed)
    model = build(recipe.model, tokenizer, device)
    if recipe.model.compile == "yes" or (recipe.model.compile == "auto" and cuda):
        causal_of(model).model.compile()
    learner, optimiser = _spread(accelerator, model, recipe)
    learner.train()
    return Session(
        recipe, tokenizer, accelerator, model, learner, optimiser, train, evaluation, steps_of(recipe, train)
    )


def _spread(accelerator: Accelerator, model: torch.nn.Module, recipe: Recipe) -> tuple[torch.nn.Module, Any]:
    """The learner over the processes there are, whole in each or split (FSDP), and its optimiser."""
    learner: torch.nn.Module = Learner(model)
    if not split_here(accelerator):
        learner, optimiser = accelerator.prepare(learner, optimiser_of(model, recipe.optimiser))
        return learner, optimiser
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh("cpu", (accelerator.num_processes,))
    for layer in causal_of(model).model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(learner, mesh=mesh)
    return learner, accelerator.prepare_optimizer(optimiser_of(model, recipe.optimiser))


def split_here(accelerator: Accelerator) -> bool:
    """Whether FSDP is wanted where accelerate does not see to it, which is among processors."""
    wanted = os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true"
    return wanted and accelerator.device.type == "cpu" and accelerator.num_processes > 1


def steps_of(recipe: Recipe, train: Material) -> int:
    """How many steps the run has."""
    if recipe.run.steps is not None:
        return recipe.run.steps
    assert recipe.run.epochs is not None
    packs = packs_of_epoch(train.dataset.lengths, recipe.data.context, seed=recipe.seed, epoch=0)
    return max(1, math.ceil(recipe.run.epochs * len(packs) / recipe.run.batch))


def optimiser_of(model: torch.nn.Module, settings: Optimiser) -> torch.optim.Optimizer:
    """AdamW over what learns; norms and biases do not decay."""
    learning = [each for each in model.parameters() if each.requires_grad]
    return torch.optim.AdamW(
        [
            {"params": [each for each in learning if each.ndim > 1], "weight_decay": settings.weight_decay},
            {"params": [each for each in learning if each.ndim < 2], "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
        betas=(settings.beta1, settings.beta2),
        fused=True,
    )


def _materials(
    recipe: Recipe, tokenizer: Tokenizer, told: Callable[[int], None]
) -> tuple[Material, Material | None]:
    data = dataset(recipe, recipe.data.train, tokenizer, told=told)
    cache = None
    if recipe.distillation is not None:
        cache = Cache.open(recipe.distillation.cache, data, tokenizer=tokenizer.hash)
        _check_licence(cache, recipe.distillation)
    held_out = dataset(recipe, recipe.data.evaluation, tokenizer) if recipe.data.evaluation else None
    return Material(data, cache), None if held_out is None else Material(held_out)


def _check_licence(cache: Cache, named: Distillation) -> None:
    """
    Raises:
        InvalidInput: the teacher's file says that it has another licence than the recipe does.
    """
    theirs = licence_of(cache.header.licence).name
    if theirs != licence_of(named.licence).name:
        raise InvalidInput(
            f"{named.cache} is by {cache.header.teacher}, whose licence is {theirs}; the recipe says "
            f"{named.licence}.",
            hint=f'Under [distillation] write licence = "{theirs}".',
        )
