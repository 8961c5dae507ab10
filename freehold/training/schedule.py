"""The learning rate as a share of its highest, from the number of the step alone."""

from __future__ import annotations

import math

from freehold.training.recipe import Schedule


def share(schedule: Schedule, step: int, steps: int) -> float:
    """For step number `step` (from 0) of `steps`.

    `cosine` is Loshchilov and Hutter 2017's without restarts; `wsd` holds after the warm-up and falls along
    1 − √ in the end (Hägele et al. 2024).
    """
    warmup = round(schedule.warmup * steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if schedule.kind == "constant":
        return 1.0
    begin = warmup if schedule.kind == "cosine" else max(warmup, steps - round(schedule.decay * steps))
    if step < begin or steps - 1 <= begin:
        return 1.0
    done = (step - begin) / (steps - 1 - begin)
    left = (1 + math.cos(math.pi * done)) / 2 if schedule.kind == "cosine" else 1 - math.sqrt(done)
    return schedule.final + (1 - schedule.final) * left
