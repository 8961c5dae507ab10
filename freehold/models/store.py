"""The registry's tables, and how their rows are read."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Column, Connection, Float, ForeignKey, Index, Integer, Row, String, Table, Text

from freehold.errors import InvalidInput, NotFound
from freehold.models.model import ID_PREFIX, Model
from freehold.store.database import metadata

models = Table(
    "models",
    metadata,
    Column("id", String, primary_key=True),  # SHA-256 of the file, or of an endpoint's facts
    Column("name", Text, nullable=False, unique=True),
    Column("format", String, nullable=False),  # gguf | openai
    Column("size", Integer, nullable=False),  # bytes
    Column("facts", Text, nullable=False),  # JSON: architecture, parameters, context, quantisation, …
    Column("created_at", Float, nullable=False),
    Column("kind", String, nullable=False, server_default="model"),  # model | adapter | endpoint
    Column("parent_id", String),  # of models or removed_models
    Column("lineage", Text, nullable=False, server_default="{}"),  # JSON
    Column("licence", Text, nullable=False, server_default="{}"),  # JSON
    Index(None, "parent_id"),
)

removed_models = Table(
    "removed_models",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", Text, nullable=False),
    Column("format", String, nullable=False),
    Column("size", Integer, nullable=False),
    Column("facts", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("parent_id", String),
    Column("lineage", Text, nullable=False),
    Column("licence", Text, nullable=False),
    Column("removed_at", Float, nullable=False),
)
"""Models whose file is gone, remembered while others descend from them: lineage and licence outlive bytes."""

active_models = Table(
    "active_models",
    metadata,
    Column("task", String, primary_key=True),  # answer | route | rewrite
    Column("model_id", String, ForeignKey("models.id"), nullable=False),
    Column("activated_at", Float, nullable=False),
)


def as_model(row: Row[Any]) -> Model:
    return Model(
        id=row.id,
        name=row.name,
        format=row.format,
        size=row.size,
        facts=json.loads(row.facts),
        created_at=row.created_at,
        kind=row.kind,
        parent_id=row.parent_id,
        lineage=json.loads(row.lineage),
        licence=json.loads(row.licence),
    )


def as_row(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.name,
        "format": model.format,
        "size": model.size,
        "facts": json.dumps(model.facts),
        "created_at": model.created_at,
        "kind": model.kind,
        "parent_id": model.parent_id,
        "lineage": json.dumps(model.lineage),
        "licence": json.dumps(model.licence),
    }


def by_id(connection: Connection, id: str, table: Table = models) -> Model | None:
    row = connection.execute(table.select().where(table.c.id == id)).one_or_none()
    return None if row is None else as_model(row)


def by_name(connection: Connection, name: str) -> Model | None:
    row = connection.execute(models.select().where(models.c.name == name)).one_or_none()
    return None if row is None else as_model(row)


def children(connection: Connection, id: str, table: Table = models) -> list[Model]:
    """What descends directly from this model, the oldest first."""
    found = table.select().where(table.c.parent_id == id).order_by(table.c.created_at, table.c.id)
    return [as_model(row) for row in connection.execute(found)]


def find(connection: Connection, ref: str) -> Model:
    """The model of this name, id, or unique beginning of an id (6 characters or more).

    Raises:
        NotFound: none is called so.
        InvalidInput: the ids of several begin so.
    """
    named = by_name(connection, ref)
    if named is not None:
        return named
    rows = []
    if ID_PREFIX.fullmatch(ref.lower()):
        found = connection.execute(models.select().where(models.c.id.startswith(ref.lower())).limit(2))
        rows = list(found)
    if len(rows) > 1:
        raise InvalidInput(f"Several models' ids begin with {ref}.", hint="Give more of it, or the name.")
    if not rows:
        raise NotFound(f"There is no model {ref[:100]}.", hint="freehold model list shows all.")
    return as_model(rows[0])
