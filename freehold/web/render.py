"""From what the services give to what the HTTP interface shows."""

from __future__ import annotations

from dataclasses import asdict

from freehold.assistant.assistants import Assistant
from freehold.knowledge.schedule import Freshness, spoken
from freehold.knowledge.sources import Source
from freehold.knowledge.store import Document
from freehold.models.registry import Model
from freehold.store.jobs import Job
from freehold.web.knowledge_schemas import ChangesBody, DocumentBody, FreshnessBody, SiteBody, SourceBody
from freehold.web.management_schemas import AssistantBody
from freehold.web.schemas import AssistantCard, JobBody, ModelBody, ProgressBody


def assistant_card(assistant: Assistant) -> AssistantCard:
    """What visitors see of an assistant."""
    return AssistantCard(
        id=assistant.id, name=assistant.name, greeting=assistant.greeting, accent=assistant.accent
    )


def assistant_body(assistant: Assistant) -> AssistantBody:
    return AssistantBody(**asdict(assistant))


def source_body(source: Source, freshness: Freshness) -> SourceBody:
    values = asdict(source)
    options = values.pop("options")
    return SourceBody(
        assistant=values.pop("assistant_id"),
        site=SiteBody(**options) if source.kind == "site" else None,
        freshness=FreshnessBody(
            every=spoken(freshness.every_seconds),
            every_seconds=freshness.effective_seconds,
            read_at=freshness.read_at,
            tried_at=freshness.tried_at,
            due_at=freshness.due_at,
            stale=freshness.stale,
            failures=freshness.failures,
            changes=None if freshness.changes is None else ChangesBody(**freshness.changes),
        ),
        **values,
    )


def job_body(job: Job) -> JobBody:
    return JobBody(
        id=job.id,
        kind=job.kind,
        state=job.state,
        progress=ProgressBody(**job.progress),
        result=job.result,
        error=job.error,
        created_at=job.created_at,
        updated_at=job.updated_at,
    )


def document_body(document: Document) -> DocumentBody:
    values = asdict(document)
    return DocumentBody(source=values.pop("source_id"), **values)


def model_body(model: Model, active: Model | None) -> ModelBody:
    return ModelBody(
        id=model.id,
        name=model.name,
        kind=model.kind,
        format=model.format,
        size=model.size,
        facts=dict(model.facts),
        created_at=model.created_at,
        parent_id=model.parent_id,
        active=active is not None and active.id == model.id,
    )
