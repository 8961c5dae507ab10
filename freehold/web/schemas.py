"""Bodies and answers of the HTTP interface, as OpenAPI describes them."""

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


class CitationBody(Answer):
    number: int
    passage_id: int
    document: DocumentRefBody
    heading_path: list[str]
    text: str
    """The whole passage, as it was."""
    quote: str
    """text[start:end], counted in Unicode code points."""
    start: int
    end: int


class ClaimBody(Answer):
    text: str
    """Markdown, untrusted; concatenated claims are the answer."""
    citations: list[int]


class MessageBody(Answer):
    id: str
    kind: Literal["incoming", "outgoing", "activity"]
    text: str
    claims: list[ClaimBody]
    citations: list[CitationBody]
    outcome: str | None
    """answered, refused or handoff; null when the answer broke off."""
    created_at: float
    feedback: Literal["up", "down"] | None
    choices: list[str]
    """What the answer asked back; untrusted. Sent as the next message, one of them is understood."""


class AssistantCard(Answer):
    id: str
    name: str
    greeting: str
    accent: str | None


class PublicAssistantBody(Answer):
    assistant: AssistantCard
    suggestions: list[str]
    ready: bool
    mode: Literal["extractive", "generative"]


class ConversationStarted(Answer):
    conversation_id: str
    visitor_token: str
    """Opens this visitor's conversations and nothing else; keep it."""


class ConversationBody(Answer):
    conversation_id: str
    status: str
    messages: list[MessageBody]


class NewMessage(Body):
    text: str


class NewFeedback(Body):
    rating: Literal["up", "down"]
    comment: str | None = Field(default=None, max_length=2000)


class SetupBody(Answer):
    needed: bool
    """No source has been added to the default assistant."""
    assistant_id: str
    public_token: str


class PageBody(Answer):
    token: str
    assistant: AssistantCard
    demo: bool
    setup: SetupBody


class AssistantBody(AssistantCard):
    instructions: str
    allowed_origins: list[str]
    public_token: str
    created_at: float


class NewAssistant(Body):
    id: AssistantId
    name: Short | None = None
    greeting: Long = ""
    instructions: Long = ""
    allowed_origins: list[Short] = Field(default=[], max_length=100)
    accent: str | None = None


class AssistantChanges(Body):
    name: Short | None = None
    greeting: Long | None = None
    instructions: Long | None = None
    allowed_origins: list[Short] | None = Field(default=None, max_length=100)
    accent: str | None = None


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


class NewKeyWish(Body):
    name: Short
    scope: Literal["admin", "chat"] = "chat"


class KeyBody(Answer):
    id: str
    name: str
    scope: Literal["admin", "chat"]
    created_at: float
    last_used_at: float | None


class KeyList(Answer):
    keys: list[KeyBody]


class NewKeyBody(Answer):
    id: str
    name: str
    scope: Literal["admin", "chat"]
    key: str
    """Shown this once."""


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


class AssistantList(Answer):
    assistants: list[AssistantBody]


class AssistantCounts(Answer):
    id: str
    name: str
    sources: int
    documents: int
    passages: int
    vectors: int


class Done(Answer):
    done: int
    total: int


class ActiveModel(Answer):
    id: str
    name: str


class StatusBody(Answer):
    version: str
    home: str
    address: str
    started_at: float
    assistants: list[AssistantCounts]
    passages: int
    vectors: Done
    search_mode: Literal["hybrid", "words"]
    jobs: list[JobBody]
    model: ActiveModel | None
    """null: answers are quoted."""
    memory_bytes: int


class TraceList(Answer):
    traces: list[dict[str, Any]]


class HealthBody(Answer):
    status: Literal["ok"]


class ReadyBody(Answer):
    status: Literal["ready"]
