"""What the web layer is given. The composition root builds it; here it is only used.

Knows nothing of how the parts are made, of processes, or of command lines.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from freehold.assistant.assistants import Assistants
from freehold.assistant.conversations import Conversations
from freehold.assistant.suggestions import Suggestions
from freehold.assistant.trace import Traces
from freehold.config import Config
from freehold.engines.base import Embedder
from freehold.engines.survey import EndpointWish, Survey
from freehold.evaluation.evaluations import Evaluations
from freehold.evaluation.rehearsals import Rehearsals
from freehold.knowledge.options import SiteOptions
from freehold.knowledge.schedule import Schedule
from freehold.knowledge.sources import Sources
from freehold.models.export import Wish as Export
from freehold.models.intake import Wish
from freehold.models.registry import Model, Registry
from freehold.store.database import Database
from freehold.store.jobs import Job, Jobs
from freehold.types import AnswerEvent, Query, SearchResult
from freehold.web.auth import Keys


class Answers(Protocol):
    """`assistant.answer.Answerer`, or a script in tests."""

    def answer(
        self, query: Query, assistant_id: str, *, instructions: str = ""
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Streams one answer and records its trace; closing the iterator stops it."""
        ...


class Searches(Protocol):
    """`knowledge.search.Search`, or a script in tests. Called in a thread."""

    def search(self, query: Query, *, sources: frozenset[int], limit: int) -> SearchResult:
        """The nearest passages of these sources, best first."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that handlers call. Sync callables are called in a thread unless said otherwise."""

    config: Config
    database: Database
    clock: Callable[[], float]
    """Seconds since the epoch."""
    started_at: float
    address: str
    """The URL under which the server was started."""
    start_token: str
    """The per-start key of server.json: an admin key that ends with this process."""

    keys: Keys
    assistants: Assistants
    conversations: Conversations
    suggestions: Suggestions
    traces: Traces
    answerer: Answers
    search: Searches
    embedder: Embedder | None
    jobs: Jobs
    sources: Sources
    schedule: Schedule
    registry: Registry

    add_source: Callable[[str, str, str | None, SiteOptions | None, str | None], tuple[int, Job]]
    """(absolute path or URL, assistant id, title, options of a site, interval): makes (or finds) the source
    and queues its reading."""
    add_upload: Callable[[Path, str], tuple[int, Job]]
    """(folder of stored files, assistant id): makes (or finds) the source of kind `upload`, queues it."""
    sync_source: Callable[[int], Job]
    """Queues the reading of a source; gives the job that already waits for it, if one does."""
    remove_source: Callable[[int], None]
    """Removes a source with its documents, passages and vectors, from every index."""
    add_model: Callable[[Wish], Job]
    """Queues the fetching, checking, converting and storing of a model."""
    export_model: Callable[[Export], Job]
    """Queues the writing of a model into a folder."""
    add_endpoint: Callable[[EndpointWish, str | None], Awaitable[tuple[Model, Survey]]]
    """Looks at an endpoint and registers it under a name. Awaited on the event loop."""
    use_model: Callable[[str | None, str], Awaitable[Model | None]]
    """Loads a model and gives it a task; None leaves the task without one. Awaited on the event loop."""
    note_metrics: Callable[[str, str, Mapping[str, Any]], Awaitable[Model]]
    """(name, task, figures): keeps what was measured of a model. Awaited on the event loop."""
    remove_model: Callable[[str], None]
    evaluations: Evaluations
    rehearsals: Rehearsals
    evaluated_model: Callable[[str | None], str | None]
    """(name, `none`, or None for the one in service): the id of the model to evaluate, None to quote."""

    vectors: Callable[[], tuple[int, int]]
    """How many passages have vectors, of how many."""
    unready: Callable[[], str | None]
    """Why questions cannot be answered yet, or None when they can. Cheap: called on the event loop."""
    stop: Callable[[], None]
    """Asks the process to end in good order. Returns at once; called on the event loop."""
    memory_bytes: Callable[[], int]
    """Resident memory of the server and its children. Called in a thread."""
