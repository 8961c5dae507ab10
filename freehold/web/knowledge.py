"""Sources, uploads, documents, jobs and search."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query, Request

from freehold.assistant.assistants import DEFAULT
from freehold.knowledge.options import SiteOptions
from freehold.knowledge.schedule import interval
from freehold.knowledge.store import assistant_sources, get_document, list_documents
from freehold.types import Query as Question
from freehold.types import Turn
from freehold.web.answers import check_length
from freehold.web.dependencies import Admin, Chat, TheServices
from freehold.web.knowledge_schemas import (
    DocumentList,
    DocumentText,
    FoundPassage,
    NewSource,
    SearchBody,
    SearchWish,
    SiteWish,
    SourceBody,
    SourceChanges,
    SourceList,
    SourceStarted,
    StoredFile,
    SyncWish,
    UploadStarted,
)
from freehold.web.render import document_body, job_body, source_body
from freehold.web.schemas import After, DocumentRefBody, JobBody, JobList, JobStarted, Limit, RowId
from freehold.web.services import Services
from freehold.web.uploads import Stored, Upload, put_aside, receive

router = APIRouter(prefix="/api/v1")

_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        "assistant": {"type": "string", "default": DEFAULT},
                    },
                }
            }
        },
    }
}


@router.get("/sources", tags=["knowledge"], summary="What knowledge comes from")
def list_sources(services: TheServices, _admin: Admin, assistant: str | None = None) -> SourceList:
    """All sources, or one assistant's."""
    if assistant is not None:
        services.assistants.get(assistant)
    fresh = services.schedule.freshness()
    return SourceList(
        sources=[
            source_body(each, fresh[each.id]) for each in services.sources.list(assistant) if each.id in fresh
        ]
    )


@router.post(
    "/sources", status_code=202, tags=["knowledge"], summary="Add a folder, file, page, sitemap or site"
)
def add_source(services: TheServices, _admin: Admin, wish: NewSource) -> SourceStarted:
    """Adding what is there already reads it again."""
    services.assistants.get(wish.assistant)
    source_id, job = services.add_source(
        wish.location, wish.assistant, wish.title, options_of(wish.site), wish.every
    )
    return SourceStarted(source=shown(services, source_id), job=job_body(job))


@router.post(
    "/sources/upload", status_code=202, tags=["knowledge"], summary="Upload files", openapi_extra=_FORM
)
async def upload(request: Request, services: TheServices, _admin: Admin) -> UploadStarted:
    """They become one source of the assistant; a file of the same name takes the other's place."""
    taken = await receive(
        request.stream(),
        request.headers.get("content-type", ""),
        files=services.config.files,
        max_file_bytes=services.config.max_upload_bytes,
    )
    return await to_thread.run_sync(_keep, services, taken)


@router.get("/sources/{source_id}", tags=["knowledge"], summary="One source")
def get_source(services: TheServices, _admin: Admin, source_id: RowId) -> SourceBody:
    """How it stands."""
    return shown(services, source_id)


@router.patch("/sources/{source_id}", tags=["knowledge"], summary="Change a source")
def change_source(services: TheServices, _admin: Admin, source_id: RowId, wish: SourceChanges) -> SourceBody:
    """Its title, how often it is read by itself, and how far and fast a site is crawled."""
    every = None if wish.every is None else interval(wish.every)
    services.schedule.check(source_id, every)
    services.sources.change(source_id, title=wish.title, options=options_of(wish.site))
    if wish.every is not None:
        services.schedule.set(source_id, every)
    return shown(services, source_id)


@router.post("/sources/{source_id}/sync", status_code=202, tags=["knowledge"], summary="Read a source again")
def sync_source(services: TheServices, _admin: Admin, source_id: RowId) -> JobStarted:
    """Only what changed is read."""
    services.sources.get(source_id)
    return JobStarted(job=job_body(services.sync_source(source_id)))


@router.post("/sync", status_code=202, tags=["knowledge"], summary="Read all sources again")
def sync_all(services: TheServices, _admin: Admin, wish: SyncWish) -> JobList:
    """One job for each source."""
    if wish.assistant is not None:
        services.assistants.get(wish.assistant)
    found = services.sources.list(wish.assistant)
    return JobList(jobs=[job_body(services.sync_source(source.id)) for source in found])


@router.delete("/sources/{source_id}", status_code=204, tags=["knowledge"], summary="Remove a source")
def remove_source(services: TheServices, _admin: Admin, source_id: RowId) -> None:
    """With its documents, from every index, and with its uploaded files; other files on disk stay."""
    forget(services, source_id)


@router.get("/documents", tags=["knowledge"], summary="Documents")
def documents(
    services: TheServices,
    _admin: Admin,
    source: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    limit: Limit = 100,
    after: After = 0,
) -> DocumentList:
    """By id; the next page comes after the last id of this one."""
    with services.database.read() as connection:
        found = list_documents(connection, source_id=source, limit=limit, after=after)
    return DocumentList(documents=[document_body(each) for each in found])


@router.get("/documents/{document_id}", tags=["knowledge"], summary="One document with its text")
def document(services: TheServices, _admin: Admin, document_id: RowId) -> DocumentText:
    """The text is what citations' passages stand in."""
    with services.database.read() as connection:
        found, text = get_document(connection, document_id)
    return DocumentText(**document_body(found).model_dump(), text=text)


@router.post("/search", tags=["knowledge"], summary="Search an assistant's documents")
def search(services: TheServices, _chat: Chat, wish: SearchWish) -> SearchBody:
    """The nearest passages, given the conversation before."""
    check_length(services, wish.query)
    services.assistants.get(wish.assistant)
    with services.database.read() as connection:
        scope = assistant_sources(connection, wish.assistant)
    query = Question(wish.query, tuple(Turn(turn.role, turn.text) for turn in wish.history))
    found = services.search.search(query, sources=scope, limit=wish.limit)
    return SearchBody(
        mode=found.mode,
        passages=[
            FoundPassage(
                passage_id=each.passage.id,
                score=each.score,
                lexical=each.lexical,
                dense=each.dense,
                heading_path=list(each.passage.heading_path),
                text=each.passage.text,
                document=DocumentRefBody(**asdict(each.passage.document)),
            )
            for each in found.passages
        ],
    )


@router.get("/jobs", tags=["jobs"], summary="Background work")
def jobs(services: TheServices, _admin: Admin, limit: Limit = 50) -> JobList:
    """The newest first."""
    return JobList(jobs=[job_body(each) for each in services.jobs.list(limit)])


@router.get("/jobs/{job_id}", tags=["jobs"], summary="One job")
def job(services: TheServices, _admin: Admin, job_id: str) -> JobBody:
    """How far it is, or what came of it."""
    return job_body(services.jobs.get(job_id))


@router.post("/jobs/{job_id}/cancel", tags=["jobs"], summary="Cancel a job")
def cancel(services: TheServices, _admin: Admin, job_id: str) -> JobBody:
    """What it has done stays; the rest is left."""
    return job_body(services.jobs.cancel(job_id))


def shown(services: Services, source_id: int) -> SourceBody:
    """A source as it stands.

    Raises:
        NotFound: no such source.
    """
    fresh = services.schedule.freshness()
    source = services.sources.get(source_id)
    return source_body(source, fresh[source_id])


def options_of(wish: SiteWish | None) -> SiteOptions | None:
    """
    Raises:
        InvalidInput: a value that cannot be.
    """
    return None if wish is None else SiteOptions(wish.pages, wish.depth, wish.delay)


def forget(services: Services, source_id: int) -> None:
    """Removes a source; uploaded files go with it, or the next upload would bring them back."""
    source = services.sources.get(source_id)
    aside = None
    if source.kind == "upload":
        aside = put_aside(services.config.files, Path(source.location))
    services.remove_source(source_id)
    if aside is not None:
        shutil.rmtree(aside, ignore_errors=True)


def _keep(services: Services, taken: Upload) -> UploadStarted:
    try:
        assistant = services.assistants.get(taken.fields.get("assistant", DEFAULT))
        folder = services.config.files / assistant.id
        kept: tuple[Stored, ...] = taken.keep(folder)
    finally:
        taken.discard()
    source_id, job = services.add_upload(folder, assistant.id)
    return UploadStarted(
        source=shown(services, source_id),
        job=job_body(job),
        files=[StoredFile(name=file.name, stored=file.path.name, size=file.size) for file in kept],
    )
