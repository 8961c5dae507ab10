"""One run from recipe to result: begun, gone on with, or found done."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import torch
from safetensors.numpy import load_file, save_file

from freehold.errors import Conflict
from freehold.training import checkpoint, lock, outcome
from freehold.training.checkpoint import Progress
from freehold.training.data import digest_of
from freehold.training.files import whole_file
from freehold.training.loop import fit
from freehold.training.metrics import Metrics
from freehold.training.model import quiet
from freehold.training.places import ADAPTER, CHECKPOINT, METRICS, MODEL, REFERENCE, RUN
from freehold.training.recipe import Recipe
from freehold.training.session import Session, prepare, split_here
from freehold.training.tokens import load as load_tokenizer

NAMED = 5
"""Examples that were left out which are named at once; `run.json` names more."""


def run(
    recipe: Recipe,
    folder: Path,
    *,
    fresh: bool = False,
    stopping: Callable[[], bool] = lambda: False,
    out: TextIO | None = None,
) -> str:
    """Trains until done (`done`) or until `stopping` says so (`stopped`: a checkpoint is left, and the same
    call goes on from it). `fresh` throws away what the folder holds of an earlier run.

    Raises:
        Conflict: the folder holds another recipe's run, done or not, or one over other data.
        FreeholdError: what `prepare` and `fit` raise.
    """
    quiet()
    chief = int(os.environ.get("RANK", "0")) == 0  # as torchrun and accelerate launch tell their processes
    with lock.held(folder) if chief else contextlib.nullcontext():
        if fresh and chief:
            _clear(folder)
        # only the first process clears: another one may still see what is about to go
        known = None if fresh else _finished(folder)
        if known is not None:
            _check_same(folder, known["recipe_digest"], known["dataset"]["digest"], recipe)
            if chief:
                _tell(out, {"event": "end", "outcome": "done", "result": known["result"], "again": True})
            return "done"
        session = prepare(recipe)
        session.accelerator.wait_for_everyone()
        found = checkpoint.progress_of(folder)
        if found is not None:
            _check_same(folder, found.recipe, found.dataset, recipe)
        progress = found or Progress(recipe=recipe.digest(), dataset=session.train.dataset.digest)
        metrics = Metrics(folder, after=progress.step, out=out) if chief else None
        if metrics is not None:
            metrics.say("start", step=progress.step, **_facts(session))
        if recipe.objective == "preference":
            _refer(session, folder, write=chief)
        ended, progress = fit(session, folder, progress, metrics, stopping=stopping)
        result = None
        if ended == "done":
            result = outcome.write(session, folder, progress, writing=chief).name
            if chief:  # as large as three models, and of no more use
                shutil.rmtree(folder / CHECKPOINT, ignore_errors=True)
        if metrics is not None:
            metrics.say("end", outcome=ended, step=progress.step, result=result)
        session.end()
    return ended


def _check_same(folder: Path, digest: str, dataset: str, recipe: Recipe) -> None:
    """
    Raises:
        Conflict: a run of this recipe's and these data's digests is not the recipe's own.
    """
    what = "recipe" if digest != recipe.digest() else ""
    if not what and dataset != digest_of(recipe.data.train, load_tokenizer(recipe.tokenizer)):
        what = "training data"
    if what:
        raise Conflict(
            f"{folder} holds a run whose {what} was another.",
            hint="Name another folder, or begin anew with --fresh.",
        )


def _refer(session: Session, folder: Path, *, write: bool) -> None:
    """The model at the start is asked once; a run that goes on has its answers from the first time.

    Evaluation data may change between two legs: then it is asked again, for the model here is still the one
    at the start here.
    """
    path = folder / REFERENCE
    noted = load_file(path) if checkpoint.progress_of(folder) is not None and path.exists() else {}
    if session.take_reference(noted):
        return
    session.refer()
    if write:
        with whole_file(path) as partial:
            save_file(session.reference(), partial)


def _facts(session: Session) -> dict[str, Any]:
    """What the first line says."""
    data = session.train.dataset
    parameters = list(session.model.parameters())
    return {
        "name": session.recipe.name,
        "objective": session.recipe.objective,
        "steps": session.steps,
        "parameters": sum(each.numel() for each in parameters),
        "trained": sum(each.numel() for each in parameters if each.requires_grad),
        "device": str(session.accelerator.device),
        "processes": session.accelerator.num_processes,
        "sharded": session.accelerator.distributed_type.value == "FSDP" or split_here(session.accelerator),
        "threads": torch.get_num_threads(),
        "examples": len(data),
        "tokens_in_data": int(sum(data.lengths)),
        "left_out": len(data.left_out),
        "left_out_named": [asdict(each) for each in data.left_out[:NAMED]],
    }


def _finished(folder: Path) -> dict[str, Any] | None:
    """The account of a run that is done; None where none is, or its result is gone."""
    try:
        found: dict[str, Any] = json.loads((folder / RUN).read_text(encoding="utf-8"))
        whole = (folder / found["result"]).is_dir() and found["recipe_digest"] and found["dataset"]["digest"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if whole else None


def _clear(folder: Path) -> None:
    """Removes what a run wrote, and nothing else."""
    for name in (CHECKPOINT, f".{CHECKPOINT}.old", MODEL, ADAPTER):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (METRICS, RUN, REFERENCE):
        (folder / name).unlink(missing_ok=True)


def _tell(out: TextIO | None, line: dict[str, Any]) -> None:
    if out is not None:
        print(json.dumps(line), file=out, flush=True)
