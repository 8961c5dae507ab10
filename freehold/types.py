"""Frozen values that cross layers. They hold data and know nothing of where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["answered", "refused", "handoff"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, oldest first where several stand together."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, given the turns before it."""

    text: str
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentRef:
    """A document as shown to people."""

    id: int
    title: str
    location: str
    """Path within its source, or a URL. Untrusted: comes from the document's owner."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrievable piece of a document."""

    id: int
    source_id: int
    document: DocumentRef
    heading_path: tuple[str, ...]
    text: str
    """Exactly `document_text[start:end]`."""
    start: int
    end: int

    @property
    def above(self) -> tuple[str, ...]:
        """The title and the headings that it stands under, each once."""
        return tuple(dict.fromkeys(part for part in (self.document.title, *self.heading_path) if part))


@dataclass(frozen=True, slots=True)
class ScoredPassage:
    """A passage with what search thought of it."""

    passage: Passage
    score: float
    """The fused score that ordered it; comparable across queries, higher is nearer."""
    lexical: float
    """Mean of BM25 and of the IDF of the terms found, over the IDF of all the query's; 0 when none is."""
    dense: float | None
    """Cosine to the query, or None when this passage (or this search) has no vector."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Passages, best first, and how they were found."""

    passages: tuple[ScoredPassage, ...]
    mode: Literal["hybrid", "words"]
    """`words` when no embedding model is there; callers say so."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A claim's link to a passage, with a snapshot that outlives the document."""

    number: int
    passage_id: int
    document: DocumentRef
    heading_path: tuple[str, ...]
    text: str
    """The whole passage, as it was."""
    quote: str
    """Exactly `text[start:end]`: the words the claim stands on."""
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence (or one whole list, table or code block) of an answer."""

    text: str
    """Markdown, with the white space that separates it from the claim before."""
    citations: tuple[int, ...]
    """Numbers of the citations it stands on; empty only for words of our own (a refusal's)."""


@dataclass(frozen=True, slots=True)
class Nearby:
    """A place that a refusal points to: near the question, though it does not answer it."""

    document: DocumentRef
    heading_path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cpu_seconds: float = 0.0
    """Processor time of all processes that worked on it, engine included."""
    wall_seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cpu_seconds + other.cpu_seconds,
            self.wall_seconds + other.wall_seconds,
        )


@dataclass(frozen=True, slots=True)
class MessageStart:
    """The answer has begun; sent before anything is searched."""

    trace_id: str


@dataclass(frozen=True, slots=True)
class CitationFound:
    """A citation, sent before the first claim that uses its number."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class MessageDelta:
    """One more checked claim."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class MessageEnd:
    """The answer is complete and recorded."""

    outcome: Outcome
    usage: Usage
    trace_id: str
    timings: dict[str, float] = field(default_factory=dict)
    """Milliseconds by step: route, rewrite, search, extract, generate, first (first shown claim), total."""
    nearby: tuple[Nearby, ...] = ()
    """With a refusal: what the documents do cover nearby."""
    choices: tuple[str, ...] = ()
    """With a question back: what the visitor can choose from; sent back as it stands, it is understood."""


AnswerEvent = MessageStart | CitationFound | MessageDelta | MessageEnd
