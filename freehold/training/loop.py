"""The loop: steps, measurements and checkpoints, from wherever the run stands to its end.

A run that is killed at any moment goes on from its last checkpoint with the same numbers: which rows a step
sees and which random numbers it draws follow from the recipe and the number of the step.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from freehold.errors import TrainingFailed
from freehold.training import checkpoint
from freehold.training.checkpoint import Progress
from freehold.training.metrics import Metrics
from freehold.training.packing import Pack, share, steps
from freehold.training.schedule import share as share_of_rate
from freehold.training.session import Session

Outcome = Literal["done", "stopped"]
AT_ONCE = 512
"""Tokens computed at once on a processor, where more are no faster and hold more memory. Rows of several
processes are not cut, nor those of `preference`, whose baseline is a row's."""


def fit(
    session: Session,
    folder: Path,
    progress: Progress,
    metrics: Metrics | None,
    *,
    stopping: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Outcome, Progress]:
    """Takes the run's steps from `progress` on; `stopping` is asked after each.

    Every process calls this; one has `metrics`, and writes.

    Raises:
        TrainingFailed: the loss is no number any more; the last checkpoint is from before.
        NoRoom: a checkpoint found no room; the one before is kept.
    """
    recipe = session.recipe
    write = metrics is not None
    if progress.step:
        checkpoint.load(folder, session.learner, session.optimiser.optimizer)
    began, before = clock(), progress.seconds
    data = session.train.dataset
    coming = steps(
        data.lengths, recipe.data.context, seed=recipe.seed, batch=recipe.run.batch, skip=progress.step
    )
    while progress.step < session.steps:
        packs = next(coming)
        started = clock()
        facts = _step(session, packs, progress.step)
        tokens = sum(int(data.lengths[number]) for pack in packs for number in pack)
        now = clock()
        progress = replace(
            progress,
            step=progress.step + 1,
            tokens=progress.tokens + tokens,
            seconds=before + now - began,
        )
        if metrics is not None:
            metrics.say(
                "step",
                step=progress.step,
                **facts,
                tokens=progress.tokens,
                tokens_per_second=tokens / max(now - started, 1e-9),
                seconds_left=(session.steps - progress.step) * progress.seconds / progress.step,
            )
        last = progress.step == session.steps
        if (last or progress.step % recipe.run.evaluate_every == 0) and session.evaluation is not None:
            loss = session.measure()
            if metrics is not None:
                metrics.say("evaluation", step=progress.step, loss=loss)
        stop = bool(session.together(torch.tensor(float(stopping()))).item())
        if last or stop or progress.step % recipe.run.checkpoint_every == 0:
            checkpoint.save(folder, session.learner, session.optimiser.optimizer, progress, write=write)
            if metrics is not None:
                metrics.say("checkpoint", step=progress.step)
        if stop and not last:
            return "stopped", progress
    return "done", progress


def _step(session: Session, packs: list[Pack], number: int) -> dict[str, float]:
    """One step of the optimiser over all `packs`, of which this process computes its share.

    Raises:
        TrainingFailed: loss or gradient is no number; the weights are as they were.
    """
    recipe, accelerator = session.recipe, session.accelerator
    rank, world = accelerator.process_index, accelerator.num_processes
    torch.manual_seed(int(np.random.SeedSequence([recipe.seed, number, rank]).generate_state(1)[0]))
    rate = recipe.optimiser.learning_rate * share_of_rate(recipe.schedule, number, session.steps)
    for group in session.optimiser.param_groups:
        group["lr"] = rate
    weight = session.train.weight(packs)
    sums: dict[str, torch.Tensor] = {}
    rows = _rows(share(packs, rank, world), recipe.run.rows)
    if world == 1 and accelerator.device.type == "cpu" and recipe.objective != "preference":
        rows = [part for row in rows for part in _cut(row, session.train.dataset.lengths)]
    for at, row in enumerate(rows):
        waiting = at + 1 < len(rows)
        with accelerator.no_sync(session.learner) if waiting else contextlib.nullcontext():
            loss = session.loss(session.train, row)
            # gradients are averaged over the processes, and have to be summed
            accelerator.backward(loss.total * (world / max(weight, 1)))
        for name, value in (("loss", loss.total), *loss.sums.items()):
            sums[name] = sums.get(name, torch.zeros((), dtype=torch.float64)) + value.detach().double().cpu()
    names = sorted(sums)
    together = dict(zip(names, session.together(torch.stack([sums[name] for name in names])), strict=True))
    norm = accelerator.clip_grad_norm_(session.learner.parameters(), recipe.optimiser.clip)
    facts = {"loss": together.pop("loss").item() / max(weight, 1), "norm": _number(norm), "rate": rate}
    if not (math.isfinite(facts["loss"]) and math.isfinite(facts["norm"])):
        session.optimiser.zero_grad()
        raise TrainingFailed(
            f"At step {number + 1} the loss is {facts['loss']} and the gradient's length {facts['norm']}.",
            hint="The last checkpoint is kept. Lower `learning_rate`, or look at the data of that step.",
        )
    session.optimiser.step()
    session.optimiser.zero_grad()
    return facts | _means(together)


def _rows(packs: list[Pack], together: int) -> list[Pack]:
    """Packs that are computed at once, as one."""
    return [sum(packs[at : at + together], ()) for at in range(0, len(packs), together)]


def _cut(row: Pack, lengths: Sequence[int]) -> list[Pack]:
    """A row's sequences a few at a time, in their order; they do not see each other anyway."""
    parts: list[list[int]] = [[]]
    held = 0
    for number in row:
        if parts[-1] and held + lengths[number] > AT_ONCE:
            parts.append([])
            held = 0
        parts[-1].append(number)
        held += lengths[number]
    return [tuple(part) for part in parts]


def _means(sums: dict[str, torch.Tensor]) -> dict[str, float]:
    """Preference: the mean rewards of good and bad answers, where there were any."""
    return {
        f"{kind}_reward": (sums[f"{kind}_reward"] / sums[kind]).item()
        for kind in ("good", "bad")
        if kind in sums and sums[kind] > 0
    }


def _number(norm: Any) -> float:
    whole = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
    return float(whole)
