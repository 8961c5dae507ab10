"""What a model learnt from, as far as that can be known: the files that the recipes in its lineage name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freehold.errors import FreeholdError


@dataclass(frozen=True, slots=True)
class LearntFrom:
    """The messages of the training data that is here."""

    messages: frozenset[int]
    """What users say in it, as fingerprints."""
    labels: tuple[str, ...]
    """What is to be written in it where a message is routed."""
    unknown: str | None
    """Why there may be more; None where all of it was read."""


def learnt_from(models: Sequence[Mapping[str, Any]]) -> LearntFrom:
    """Of a model and what it was made from, as the server describes them."""
    files: list[Path] = []
    missing: list[Path] = []
    for path in dict.fromkeys(each for model in models for each in _files(model["lineage"])):
        (files if path.is_file() else missing).append(path)
    prints: set[int] = set()
    labels: dict[str, None] = {}
    for path in files:
        try:
            _read(path, prints, labels)
        except (FreeholdError, OSError):
            missing.append(path)
    unknown = None
    if missing:
        unknown = f"{', '.join(path.name for path in missing)} cannot be read here any more"
    elif not files:
        unknown = "its lineage names no training data"
    return LearntFrom(frozenset(prints), tuple(labels), unknown)


def _files(lineage: Mapping[str, Any]) -> list[Path]:
    """What the recipe of a run of ours names; nothing where there is none."""
    try:
        return [Path(each) for each in lineage["recipe"]["data"]["train"]]
    except (KeyError, TypeError):
        return []


def _read(path: Path, prints: set[int], labels: dict[str, None]) -> None:
    """Adds what a file of examples holds."""
    from freehold.tasks.learnt import fingerprint
    from freehold.tasks.route import TASK
    from freehold.training.examples import lines

    for _, value in lines(path):
        said = list(_said(value.get("messages")))
        prints.update(fingerprint(text) for role, text in said if role == "user")
        if value.get("task") == TASK:
            labels.update((text, None) for role, text in said if role == "assistant")


def _said(messages: object) -> Iterable[tuple[str, str]]:
    for each in messages if isinstance(messages, list) else ():
        if isinstance(each, dict) and isinstance(each.get("content"), str):
            yield str(each.get("role")), each["content"]
