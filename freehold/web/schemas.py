"""Bodies and answers of the HTTP interface, as OpenAPI describes them: what several of its parts share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

_LARGEST = 2**63 - 1

RowId = Annotated[int, Path(ge=1, le=_LARGEST)]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
After = Annotated[int, Query(ge=0, le=_LARGEST, description="Only ids above this one.")]
Short = Annotated[str, Field(min_length=1, max_length=200)]
Long = Annotated[str, Field(max_length=20_000)]
AssistantId = Annotated[str, Field(min_length=1, max_length=63)]


class Body(BaseModel):
    """What is sent to us: a field that we do not know is a mistake, and said so."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Answer(BaseModel):
    """What we send."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class ErrorDetail(Answer):
    code: str
    """Stable; docs/reference/errors.md lists them."""
    message: str
    hint: str | None


class ErrorBody(Answer):
    """The one shape of errors."""

    error: ErrorDetail


class DocumentRefBody(Answer):
    id: int
    title: str
    location: str
    """Path within its source, or a URL."""


class AssistantCard(Answer):
    id: str
    name: str
    greeting: str
    accent: str | None


class ProgressBody(Answer):
    done: int = 0
    total: int = 0
    current: str | None = None


class JobBody(Answer):
    id: str
    kind: str
    state: str
    progress: ProgressBody
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    created_at: float
    updated_at: float


class JobList(Answer):
    jobs: list[JobBody]


class JobStarted(Answer):
    job: JobBody


class ModelBody(Answer):
    id: str
    name: str
    kind: Literal["model", "adapter", "endpoint"]
    format: str
    size: int
    facts: dict[str, Any]
    created_at: float
    parent_id: str | None
    """What it was made from; of an adapter, the base that it is put on. It may have been removed."""
    active: bool
    """Whether it answers."""
