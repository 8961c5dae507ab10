"""Bodies and answers about sources, documents and search."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from freehold.web.schemas import Answer, AssistantId, Body, DocumentRefBody, JobStarted, Long, Short


class SiteBody(Answer):
    pages: int | None
    """Most pages asked for in one crawl; null: by default."""
    depth: int | None
    """Most links from the start page."""
    delay: float | None
    """Seconds between two requests."""


class ChangesBody(Answer):
    """What a reading did, in documents."""

    added: int
    changed: int
    removed: int
    unchanged: int
    skipped: int
    failed: int


class FreshnessBody(Answer):
    """Times are seconds since the epoch."""

    every: str
    """How often it is read by itself, such as `6h`; `off`, or `default`: as the setting sync_every has it."""
    every_seconds: int
    """The same in seconds, the setting applied; 0 never."""
    read_at: float | None
    """When it was last read with success."""
    tried_at: float | None
    due_at: float | None
    """When it is read next by itself."""
    stale: bool
    """Its last success is too long ago for its interval."""
    failures: int
    """Readings in a row that failed."""
    changes: ChangesBody | None
    """What the last reading with success did."""


class SourceBody(Answer):
    id: int
    assistant: str
    kind: str
    location: str
    title: str
    state: str
    error: str | None
    documents: int
    passages: int
    failed: int
    created_at: float
    synced_at: float | None
    site: SiteBody | None
    """Of a site: its limits."""
    freshness: FreshnessBody


class SourceList(Answer):
    sources: list[SourceBody]


Every = Annotated[str, Field(min_length=1, max_length=20, examples=["6h", "1d", "off", "default"])]


class SiteWish(Body):
    pages: int | None = None
    """Most pages asked for in one crawl, 1 to 100,000; 10,000 if nothing is said."""
    depth: int | None = None
    """Most links from the start page, 0 to 100; 20 if nothing is said."""
    delay: float | None = Field(default=None, allow_inf_nan=False)
    """Seconds between two requests, up to 60; half a second if nothing is said."""


class NewSource(Body):
    location: Annotated[str, Field(min_length=1, max_length=4096)]
    """An absolute path on the server's machine, or an http(s) URL."""
    assistant: AssistantId = "default"
    title: Short | None = None
    site: SiteWish | None = None
    """Follow the links of a web address, and read the whole site below it."""
    every: Every | None = None


class SourceChanges(Body):
    """What is left out stays."""

    title: Short | None = None
    site: SiteWish | None = None
    every: Every | None = None


class SyncWish(Body):
    assistant: AssistantId | None = None
    """Only this assistant's sources."""


class SourceStarted(JobStarted):
    source: SourceBody


class StoredFile(Answer):
    name: str
    """As it was sent."""
    stored: str
    """As it is kept."""
    size: int


class UploadStarted(SourceStarted):
    files: list[StoredFile]


class DocumentBody(Answer):
    id: int
    source: int
    location: str
    title: str
    size: int
    passages: int
    error: str | None
    error_code: str | None
    synced_at: float


class DocumentText(DocumentBody):
    text: str


class DocumentList(Answer):
    documents: list[DocumentBody]


class TurnBody(Body):
    role: Literal["user", "assistant"]
    text: Long


class SearchWish(Body):
    query: Annotated[str, Field(min_length=1)]
    history: list[TurnBody] = Field(default=[], max_length=100)
    assistant: AssistantId = "default"
    limit: Annotated[int, Field(ge=1, le=100)] = 5


class FoundPassage(Answer):
    passage_id: int
    score: float
    lexical: float
    dense: float | None
    heading_path: list[str]
    text: str
    document: DocumentRefBody


class SearchBody(Answer):
    mode: Literal["hybrid", "words"]
    """words: no embedding model is there."""
    passages: list[FoundPassage]
