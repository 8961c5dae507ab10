"""Where models come from: what is written down of it, and the family it makes of them.

What a lineage may hold, each part only where it was said:

    source    {kind: file | folder | url | hub, url, repository, revision, files: [{name, sha256, size}]}
    made      {how: convert | quantise | train, from: precision, to: precision}
    dataset   SHA-256 of the examples it was trained on
    recipe    the training run as written down
    teachers  [{name, licence}]: the models that it learnt from, and the ids of their licences
    commit    Freehold's or the recipe's own, where it was trained
    metrics   what was measured: at the end of training, and since then {task: …} of each task

A removed model is remembered while others descend from it: what it was, and under which licence, binds them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from freehold.errors import Conflict, InvalidInput, ModelRejected, NotFound
from freehold.models import store
from freehold.models.formats.json_file import read_json
from freehold.models.model import Model
from freehold.models.store import models, removed_models

MAX_CHARACTERS = 256 * 1024


TRAINING = "training.json"
"""What a training run of ours leaves in its model's folder."""


@dataclass(frozen=True, slots=True)
class Relative:
    """A model in a family tree."""

    model: Model
    removed: bool
    """Only the memory of it is left."""
    children: tuple[Relative, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """A model between those it was made from and those made from it."""

    ancestors: tuple[Relative, ...]
    """The nearest first; ends where nothing more is known."""
    descendants: tuple[Relative, ...]
    """What was made from it directly, the oldest first, each with what was made from that."""


def family(connection: Connection, model: Model) -> Family:
    """The tree around a model, removed ones included."""
    ancestors = []
    above = model.parent_id
    while above is not None and (parent := relative(connection, above)) is not None:
        ancestors.append(parent)
        above = parent.model.parent_id
    return Family(tuple(ancestors), _below(connection, model.id))


def relative(connection: Connection, id: str) -> Relative | None:
    """The model of an id, here or remembered."""
    if here := store.by_id(connection, id):
        return Relative(here, removed=False)
    gone = store.by_id(connection, id, removed_models)
    return None if gone is None else Relative(gone, removed=True)


def trained(folder: Path) -> dict[str, Any]:
    """What the training run that made a folder says of itself; nothing where none of ours did."""
    try:
        said = read_json(folder / TRAINING)
        teachers = [
            {"name": str(each["name"]), "licence": str(each["licence"])} for each in said.get("teachers", ())
        ]
        return {
            "made": {"how": "train"},
            "dataset": said["dataset"]["digest"],
            "recipe": said["recipe"],
            **({"teachers": teachers} if teachers else {}),
            "commit": said["commit"],
            "metrics": said["metrics"],
        }
    except (ModelRejected, KeyError, TypeError, AttributeError):
        return {}


def record(connection: Connection, draft: Model) -> Model:
    """Writes a new model down, with what was known of these bytes before where the draft says nothing.

    Raises:
        NotFound: what it was made from, or is put on, is no longer here.
        InvalidInput: it would descend from itself.
    """
    model, gone = draft, store.by_id(connection, draft.id, removed_models)
    if gone is not None:
        model = replace(
            draft,
            parent_id=draft.parent_id or gone.parent_id,
            lineage=draft.lineage or gone.lineage,
            licence=draft.licence or gone.licence,
        )
    _check_parent(connection, model)
    connection.execute(models.insert().values(store.as_row(model)))
    connection.execute(removed_models.delete().where(removed_models.c.id == model.id))
    return model


def erase(connection: Connection, model: Model, now: float) -> None:
    """Takes a model out, and keeps the memory of it and of its ancestors only as far as it is needed.

    Raises:
        Conflict: adapters are put on it.
    """
    on_it = [each.name for each in store.children(connection, model.id) if each.kind == "adapter"]
    if on_it:
        raise Conflict(
            f"Adapters are put on {model.name}, and are nothing without it: {', '.join(on_it)}.",
            hint="Remove them first.",
        )
    connection.execute(models.delete().where(models.c.id == model.id))
    connection.execute(removed_models.insert().values(store.as_row(model) | {"removed_at": now}))
    id: str | None = model.id
    while id is not None and not _children(connection, id):
        gone = store.by_id(connection, id, removed_models)
        if gone is None:
            return
        connection.execute(removed_models.delete().where(removed_models.c.id == id))
        id = gone.parent_id


def measured(lineage: Mapping[str, Any], task: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """A lineage with these figures of a task.

    Raises:
        InvalidInput: as `checked`.
    """
    before = lineage.get("metrics")
    others = before if isinstance(before, Mapping) else {}
    return checked({**lineage, "metrics": {**others, task: dict(metrics)}}, "lineage")


def checked(values: Mapping[str, Any] | None, what: str) -> dict[str, Any]:
    """A lineage or a licence as it can be kept.

    Raises:
        InvalidInput: it is larger than such a thing can be, or cannot be written as JSON.
    """
    try:
        text = json.dumps(dict(values or {}), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"The {what} cannot be written as JSON: {error}.") from None
    if len(text) > MAX_CHARACTERS:
        raise InvalidInput(f"The {what} has {len(text):,} characters; at most {MAX_CHARACTERS:,} are kept.")
    kept: dict[str, Any] = json.loads(text)
    return kept


def _check_parent(connection: Connection, model: Model) -> None:
    above = None if model.parent_id is None else relative(connection, model.parent_id)
    if model.parent_id is not None and (above is None or (above.removed and model.kind == "adapter")):
        raise NotFound("The model that this one was made from is no longer here.", hint="Add it again first.")
    while above is not None:
        if above.model.id == model.id:
            raise InvalidInput(f"{model.name} cannot be made from itself, or from what was made from it.")
        parent_id = above.model.parent_id
        above = None if parent_id is None else relative(connection, parent_id)


def _children(connection: Connection, id: str) -> list[Relative]:
    here = [Relative(each, removed=False) for each in store.children(connection, id)]
    gone = [Relative(each, removed=True) for each in store.children(connection, id, removed_models)]
    return sorted(here + gone, key=lambda each: (each.model.created_at, each.model.id))


def _below(connection: Connection, id: str) -> tuple[Relative, ...]:
    found = _children(connection, id)
    return tuple(replace(each, children=_below(connection, each.model.id)) for each in found)
