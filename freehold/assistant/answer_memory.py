"""Answers given before, kept to be given again to the same question.

A question is the same when its words are (`exact`), when only politeness or the order of its parts differs
(`words`), or when synonyms or slips do and the embedding model finds it close (`meaning`); wording.py says
what counts. An answer is reused only while the knowledge, the model, the settings and the instructions are
what they were, and only after its checks have run again on the passages as they are now. When in doubt there
is no answer here. Knows nothing of conversations: who asks sees to it that the question stands alone.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import (
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from freehold.assistant.grounding import Checker
from freehold.assistant.marks import without_ours
from freehold.assistant.trace import traces
from freehold.assistant.wording import Wording, agree, read
from freehold.engines.base import Embedder
from freehold.knowledge.store import knowledge_version, load_passages
from freehold.store.database import Database, metadata
from freehold.tasks.answer import bare
from freehold.types import Claim, Outcome, Passage

answer_memory = Table(
    "answer_memory",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("assistant_id", String, ForeignKey("assistants.id", ondelete="CASCADE"), nullable=False),
    Column("trace_id", String, ForeignKey("traces.id", ondelete="CASCADE"), nullable=False),  # goes with it
    Column("basis", String, nullable=False),  # hash of knowledge version, model, settings, instructions
    Column("question", Text, nullable=False),
    Column("exact", String, nullable=False),  # hashes of the question's wordings
    Column("frame", String, nullable=False),
    Column("meaning", String, nullable=False),
    Column("body", Text, nullable=False),  # JSON, see Kept
    Column("used_at", Float, nullable=False),
    Index(None, "assistant_id", "exact"),
    Index(None, "assistant_id", "frame"),
    Index(None, "assistant_id", "meaning"),
    Index(None, "trace_id"),
)  # fmt: skip

_USED_SECONDS = 3600.0
"""How old the note of an answer's last use may grow: writing waits for the disk."""

Tier = Literal["exact", "words", "meaning"]

NEAR_ENOUGH = 0.85
"""Cosine of two questions under which other words are not believed to mean the same. At 0.70 1% of half the
rewordings of benchmarks/answer_memory.py would be lost; in doubt the stricter one is kept."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it is kept: places in passages, and no passage's text."""

    outcome: Outcome
    claims: tuple[Claim, ...]
    cited: tuple[tuple[int, int, int, str], ...]
    """Passage, start, end and the quoted words, in the order of the citations' numbers."""
    nearby: tuple[int, ...]
    """Passages that a refusal pointed to."""
    passages: tuple[int, ...]
    """What search had found, best first."""
    mode: str
    model_id: str | None
    confidence: float | None
    threshold: float | None


@dataclass(frozen=True, slots=True)
class Reuse:
    """An answer found, its checks run again."""

    kept: Kept
    passages: Mapping[int, Passage]
    """Those it cites or points to, as they are now."""
    trace_id: str
    """The answer it comes from."""
    question: str
    tier: Tier
    similarity: float | None
    """Cosine of the two questions, where it was asked for."""


class AnswerMemory:
    """The kept answers in the database. Blocks: call it in a thread."""

    def __init__(
        self,
        database: Database,
        *,
        size: int,
        fingerprint: str = "",
        embedder: Embedder | None = None,
        checker: Checker | None = None,
        vectors: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """At most `size` answers of each assistant are kept, 0 switches it off.

        `fingerprint` stands for all settings an answer depends on; `vectors` tells which vectors search sees,
        since answers become better as they come. Without an embedder nothing is reused by `meaning`.
        `checker` is the one that answers are made with.
        """
        self._database = database
        self._size = size
        self._fingerprint = fingerprint
        self._embedder = embedder
        self._checker = checker or Checker()
        self._vectors = vectors
        self._clock = clock

    def basis(self, assistant_id: str, model_id: str | None, instructions: str) -> str | None:
        """What an answer given now rests on besides the question; changes whenever any of it does.

        None while nothing may be reused or kept: the memory is off, or the index is behind the store.
        """
        if not self._size:
            return None
        with self._database.read() as connection:
            version = knowledge_version(connection, assistant_id)
        if version is None:
            return None
        parts = [version, str(self._vectors()), model_id or "", self._fingerprint]
        return _hash("\n".join([*parts, instructions if model_id else ""]))

    def find(
        self,
        question: str,
        assistant_id: str,
        basis: str,
        *,
        passages: Sequence[int] | None = None,
        amid: bool = False,
    ) -> Reuse | None:
        """The answer to the same question, or None.

        Without `passages` only the same words will do. With them (what search finds for this question) other
        wordings too, if search finds first what it found first then, and all that the answer cites; `amid` a
        conversation, which search heeds, it must find all that it found then, in the same order.
        """
        asked = read(question)
        if not asked.exact:
            return None
        with self._database.read() as connection:
            found = self._candidates(connection, asked, assistant_id, basis)
        for row in found:
            kept = _kept(row.body)
            alike = same_question(asked, read(row.question), self._embedder)
            if alike is None or not _same_passages(kept, passages, amid):
                continue
            tier, similarity = alike
            if passages is None and tier != "exact":
                continue
            if (reuse := self._checked(row, kept, tier, similarity)) is not None:
                return reuse
        return None

    def keep(self, question: str, assistant_id: str, basis: str, trace_id: str, kept: Kept) -> None:
        """Keeps an answer whose trace is recorded; the oldest make room, those of another basis go."""
        asked = read(question)
        if not asked.exact:
            return
        of_assistant = answer_memory.c.assistant_id == assistant_id
        with self._database.write() as connection:
            same = answer_memory.c.exact == _hash(asked.exact)
            connection.execute(
                delete(answer_memory).where(of_assistant, (answer_memory.c.basis != basis) | same)
            )
            connection.execute(
                insert(answer_memory).values(
                    assistant_id=assistant_id,
                    trace_id=trace_id,
                    basis=basis,
                    question=question,
                    exact=_hash(asked.exact),
                    frame=_hash(asked.frame),
                    meaning=_hash(asked.meaning),
                    body=json.dumps(asdict(kept), ensure_ascii=False),
                    used_at=self._clock(),
                )
            )
            count = connection.execute(
                select(func.count()).select_from(answer_memory).where(of_assistant)
            ).scalar_one()
            if count > self._size:
                oldest = (
                    select(answer_memory.c.id)
                    .where(of_assistant)
                    .order_by(answer_memory.c.used_at, answer_memory.c.id)
                    .limit(count - self._size)
                )
                connection.execute(delete(answer_memory).where(answer_memory.c.id.in_(oldest)))

    def _candidates(
        self, connection: Connection, asked: Wording, assistant_id: str, basis: str
    ) -> Sequence[Any]:
        wordings = or_(
            answer_memory.c.exact == _hash(asked.exact),
            answer_memory.c.frame == _hash(asked.frame),
            answer_memory.c.meaning == _hash(asked.meaning),
        )
        query = select(answer_memory).where(
            answer_memory.c.assistant_id == assistant_id, answer_memory.c.basis == basis, wordings
        )
        nearest = (answer_memory.c.exact != _hash(asked.exact), answer_memory.c.frame != _hash(asked.frame))
        return connection.execute(query.order_by(*nearest, answer_memory.c.id)).all()

    def _checked(self, row: Any, kept: Kept, tier: Tier, similarity: float | None) -> Reuse | None:
        """The answer with its checks run again; one that fails them is dropped."""
        with self._database.read() as connection:
            passages = load_passages(connection, {*(place[0] for place in kept.cited), *kept.nearby})
        if not passages.keys() >= set(kept.nearby) or not _supported(kept, passages, self._checker):
            with self._database.write() as connection:
                connection.execute(delete(answer_memory).where(answer_memory.c.id == row.id))
            return None
        if (now := self._clock()) - row.used_at > _USED_SECONDS:
            with self._database.write() as connection:
                connection.execute(
                    update(answer_memory).where(answer_memory.c.id == row.id).values(used_at=now)
                )
        return Reuse(kept, passages, row.trace_id, row.question, tier, similarity)


def same_question(
    asked: Wording, before: Wording, embedder: Embedder | None
) -> tuple[Tier, float | None] | None:
    """In which way the two are one question, with their cosine where it was needed; None when in doubt."""
    if asked.exact == before.exact:
        return "exact", None
    if not agree(asked, before):
        return None
    if asked.frame == before.frame:
        return "words", None
    if embedder is None or asked.meaning != before.meaning:
        return None
    one, other = embedder.embed([asked.text, before.text])
    similarity = round(float(one @ other), 4)
    return ("meaning", similarity) if similarity >= NEAR_ENOUGH else None


def forget(connection: Connection, trace_id: str) -> None:
    """Drops what came of an answer that somebody found wrong: the answer kept, also if it was reused from it.

    Belongs into the transaction that records the judgement.
    """
    body = connection.execute(select(traces.c.body).where(traces.c.id == trace_id)).scalar()
    came_from = [each["trace_id"] for each in json.loads(body).get("reused", [])] if body else []
    connection.execute(delete(answer_memory).where(answer_memory.c.trace_id.in_([trace_id, *came_from])))


def _same_passages(kept: Kept, passages: Sequence[int] | None, amid: bool) -> bool:
    if passages is None:
        return True
    if amid or not kept.cited:
        return tuple(passages) == kept.passages
    return tuple(passages[:1]) == kept.passages[:1] and {place[0] for place in kept.cited} <= set(passages)


def _supported(kept: Kept, passages: Mapping[int, Passage], checker: Checker) -> bool:
    """Whether the quoted words still stand where they stood, and carry each sentence as they did."""
    for passage_id, start, end, quote in kept.cited:
        if passage_id not in passages or passages[passage_id].text[start:end] != quote:
            return False
    for claim in kept.claims:
        places = [kept.cited[number - 1] for number in claim.citations]
        text = claim.text.strip()
        if kept.model_id is None:
            if any(without_ours(text.removesuffix(quote)).strip() for *_, quote in places):
                return False
        elif places:
            cited = [passages[place[0]] for place in places]
            if not checker.check(bare(text), cited).supported:
                return False
    return True


def _kept(body: str) -> Kept:
    values = json.loads(body)
    return Kept(
        **{
            **values,
            "claims": tuple(Claim(each["text"], tuple(each["citations"])) for each in values["claims"]),
            "cited": tuple(tuple(place) for place in values["cited"]),
            "nearby": tuple(values["nearby"]),
            "passages": tuple(values["passages"]),
        }
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
