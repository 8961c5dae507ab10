"""What a run leaves: a Hugging Face folder (or an adapter's), and `run.json`: how it came to be."""

from __future__ import annotations

import platform
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from freehold import __version__
from freehold.models.licences import TEXT_FILES
from freehold.training.checkpoint import Progress, whole_weights
from freehold.training.files import whole_folder, write_json
from freehold.training.licences import licence_of
from freehold.training.metrics import lines
from freehold.training.model import causal_of
from freehold.training.needs import versions
from freehold.training.places import ADAPTER, MODEL, RUN, TRAINING
from freehold.training.session import Session
from freehold.training.tokenizer import FILES

NAMED_LEFT_OUT = 100
"""Examples that were left out which `run.json` names; it counts them all."""


def write(session: Session, folder: Path, progress: Progress, *, writing: bool) -> Path:
    """Writes `model` or `adapter` into the run's folder, then `run.json`. Every process calls this.

    Raises:
        NoRoom: the disk is full.
    """
    weights = {name.removeprefix("model."): each for name, each in whole_weights(session.learner).items()}
    adapter = session.recipe.model.lora is not None
    target = folder / (ADAPTER if adapter else MODEL)
    if not writing:
        return target
    account = lineage(session, folder, progress) | {"result": target.name}
    with whole_folder(target) as fresh:
        write_json(fresh / TRAINING, account)
        if adapter:
            _adapter(session, weights, fresh)
        else:
            _model(session, weights, fresh)
        for name in FILES:
            if (session.tokenizer.folder / name).is_file():
                shutil.copyfile(session.tokenizer.folder / name, fresh / name)
    write_json(folder / RUN, account)
    return target


def lineage(session: Session, folder: Path, progress: Progress) -> dict[str, Any]:
    """How the model came to be."""
    recipe, data = session.recipe, session.train.dataset
    said = lines(folder)
    return {
        "format": 1,
        "name": recipe.name,
        "recipe": recipe.as_json(),
        "recipe_digest": progress.recipe,
        "dataset": {
            "digest": progress.dataset,
            "examples": len(data),
            "tokens": int(sum(data.lengths)),
            "left_out": len(data.left_out),
            "left_out_named": [asdict(each) for each in data.left_out[:NAMED_LEFT_OUT]],
        },
        "teachers": teachers(session),
        "metrics": {
            "steps": progress.step,
            "tokens": progress.tokens,
            "seconds": progress.seconds,
            "loss": _last(said, "step"),
            "evaluation_loss": _last(said, "evaluation"),
        },
        "device": str(session.accelerator.device),
        "processes": session.accelerator.num_processes,
        "versions": {
            "freehold": __version__,
            "python": platform.python_version(),
            **versions(),
        },
        "commit": commit(),
    }


def teachers(session: Session) -> list[dict[str, str]]:
    """Who was learnt from, by what they wrote or by their probabilities, and what their licences ask."""
    cache, wrote = session.train.cache, session.recipe.teacher
    named = [] if cache is None else [(cache.header.teacher, cache.header.licence)]
    named += [] if wrote is None else [(wrote.name, wrote.licence)]
    found = [(name, licence_of(licence)) for name, licence in dict.fromkeys(named)]
    return [{"name": name, "licence": each.name, "notice": each.notice} for name, each in found]


def commit() -> str | None:
    """The commit of the code that runs, when it runs from a repository of its own."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        ran = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ran.stdout.strip()


def _model(session: Session, weights: dict[str, Any], fresh: Path) -> None:
    config = causal_of(session.model).config
    config.architectures = ["LlamaForCausalLM"]
    config.dtype = "float32"
    config.save_pretrained(fresh)
    causal_of(session.model).generation_config.save_pretrained(fresh)
    save_file(weights, fresh / "model.safetensors", metadata={"format": "pt"})
    start = session.recipe.model.start
    beside = [] if start is None else list(start.iterdir())
    for path in beside:  # what bound the weights that it began with binds the result
        if TEXT_FILES.fullmatch(path.name) and path.is_file():
            shutil.copyfile(path, fresh / path.name)


def _adapter(session: Session, weights: dict[str, Any], fresh: Path) -> None:
    import peft

    adapted: Any = session.model
    config = adapted.peft_config["default"]
    config.inference_mode = True
    config.save_pretrained(fresh)
    state = peft.get_peft_model_state_dict(session.model, state_dict=weights)
    save_file(state, fresh / "adapter_model.safetensors", metadata={"format": "pt"})


def _last(said: list[dict[str, Any]], event: str) -> float | None:
    return next((line["loss"] for line in reversed(said) if line["event"] == event), None)
