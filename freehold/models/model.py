"""A model of the registry, and what it may be called and used for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from freehold.errors import InvalidInput

Kind = Literal["model", "adapter", "endpoint"]
"""Whole weights; a LoRA on them; weights that another server has."""

KINDS: tuple[Kind, ...] = get_args(Kind)

TASKS = ("answer", "route", "rewrite")
"""What a model is asked (`freehold.tasks`); each task has its own active model, or none."""

ID_PREFIX = re.compile(r"[0-9a-f]{6,64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Model:
    """A model in the registry. Immutable: other bytes are another model."""

    id: str
    """SHA-256 of its file; of an endpoint, of its facts as canonical JSON."""
    name: str
    format: str
    """gguf; of an endpoint, openai: the interface that it speaks."""
    size: int
    """Bytes of its file; an endpoint has none."""
    facts: dict[str, Any]
    """The `as_json` of what its header says (`GgufFacts`, `AdapterFacts`), or of the `Endpoint` itself."""
    created_at: float
    kind: Kind = "model"
    parent_id: str | None = None
    """What it was made from; of an adapter, the base that it is put on."""
    lineage: dict[str, Any] = field(default_factory=dict)
    """Where it came from and how it was made, as far as that was said (`models/lineage.py` has the keys)."""
    licence: dict[str, Any] = field(default_factory=dict)
    """Its licence, as far as it is known (`models/licence.py`); empty: nothing was found."""


def check_task(task: str) -> None:
    """
    Raises:
        InvalidInput: there is no such task.
    """
    if task not in TASKS:
        raise InvalidInput(f"There is no task {task[:100]}.", hint=f"Tasks: {', '.join(TASKS)}.")


def checked_name(name: str) -> str:
    """
    Raises:
        InvalidInput: it cannot be a model's name, or would be taken for an id.
    """
    if not _NAME.fullmatch(name) or ID_PREFIX.fullmatch(name) or name == "none":
        raise InvalidInput(
            f"{name[:100]!r} cannot be a model's name.",
            hint="Letters, digits, dots, dashes and underscores, up to 100; not `none`, nothing like an id.",
        )
    return name


def name_from(text: str) -> str:
    """A name made of any text, such as a file's stem."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:100].rstrip("-._")
    fit = name and not ID_PREFIX.fullmatch(name) and name != "none"
    return checked_name(name if fit else f"model-{name}"[:100])


def stem_of(path: Path) -> str:
    """What a model is called when only its file or folder has a name."""
    return path.name if path.is_dir() else path.stem
