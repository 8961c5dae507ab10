"""Bodies and answers of what visitors' pages and widgets call."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from freehold.web.schemas import Answer, AssistantCard, Body, DocumentRefBody


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
