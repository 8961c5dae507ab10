"""Bodies and answers about assistants, keys, traces and the server itself."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from freehold.web.schemas import Answer, AssistantCard, AssistantId, Body, JobBody, Long, Short


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
