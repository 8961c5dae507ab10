"""The index of words: tantivy on disk, made from the store and rebuilt from it whenever in doubt.

Follows the store by its table `index_changes`: `apply` brings the passages named there up to what the store
says now, commits, and only then deletes the rows. A crash at any point means that some are applied twice,
which changes nothing.

What it says is read through reading.py, a moment of it at a time. Knows nothing of vectors.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from freehold.errors import Unavailable
from freehold.knowledge.index_faults import Fault, faults, full_disk
from freehold.knowledge.reading import Reading
from freehold.knowledge.store import AT_ONCE, documents, index_changes, passages
from freehold.knowledge.words import analyzer, indexed_text, spaced, words
from freehold.store.database import Database

log = logging.getLogger(__name__)

SCHEMA = 1
"""Raised when fields or words change: an index of another schema is rebuilt at `open`."""

MARK = "freehold.json"
HEAP_BYTES = 32 * 2**20
CHANGES_AT_ONCE = 2_000
REBUILD_AT_ONCE = 10_000
Progress = Callable[[int, int], None]
"""Called with passages done and passages in all."""


class LexicalIndex:
    """One folder, one process. Searching and applying may go on at the same time in several threads."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self._database = database
        self._writing = threading.Lock()
        self._index: Any = None
        self._schema: Any = None
        self._reading: Reading | None = None

    def open(self, progress: Progress = lambda done, total: None) -> None:
        """Opens the index and brings it up to the store; rebuilds it when missing, foreign or damaged.

        Raises:
            NoRoom: the disk is full.
        """
        with self._writing:
            self._schema = _schema()
            shutil.rmtree(_beside(self.folder, "new"), ignore_errors=True)
            shutil.rmtree(_beside(self.folder, "old"), ignore_errors=True)
            why = self._try_open()
            if why is None:
                try:
                    self._apply()
                    if not self._agrees():
                        why = "it does not hold what the store holds"
                except (Fault, Unavailable) as error:
                    why = f"it cannot be used: {error}"
            if why is not None:
                log.info("Rebuilding the index of words: %s.", why)
                self._rebuild(progress)
                self._apply()

    def apply(self) -> int:
        """Brings the index up to the store's changes; gives how many there were. They are searchable then.

        Raises:
            NoRoom: the disk is full; the changes stay noted and are applied by a later call.
        """
        with self._writing:
            self.reading()
            return self._apply()

    def rebuild(self, progress: Progress = lambda done, total: None) -> None:
        """Makes the index anew from the store while the old one goes on answering."""
        with self._writing:
            self.reading()
            self._rebuild(progress)
            self._apply()

    def close(self) -> None:
        """Lets go of the files."""
        with self._writing:
            self._index = self._reading = None

    def search(
        self, text: str, *, sources: frozenset[int], limit: int, also: Sequence[tuple[str, float]] = ()
    ) -> list[tuple[int, float]]:
        """The passages nearest by words, best first, as (passage id, score); only of `sources`.

        `also` are further texts with weights beside `text`'s 1; a score is then the weighted mean.
        """
        reading = self.reading()
        if not sources or limit < 1:
            return []
        texts = [(reading.rarities(words(each)), weight) for each, weight in ((text, 1.0), *also)]
        ids, scores = reading.ask(texts).nearest(sources, limit)
        return list(zip(ids.tolist(), scores.tolist(), strict=True))

    def rarities(self, found: Iterable[str]) -> dict[str, float]:
        """The IDF of the distinct words among `found`; see reading.py."""
        return self.reading().rarities(found)

    def reading(self) -> Reading:
        """What the index says now; it stays that way, so a question asks one of them only.

        Raises:
            Unavailable: the index is not open.
        """
        reading = self._reading
        if reading is None:
            raise Unavailable("The index of words is not open.", retry_after=1)
        return reading

    def _try_open(self) -> str | None:
        """Opens what is there; gives the reason when it cannot be used."""
        from tantivy import Index

        try:
            mark = json.loads((self.folder / MARK).read_bytes())
        except FileNotFoundError:
            return "there is none"
        except (OSError, ValueError):
            return "its mark cannot be read"
        if mark != _mark():
            return "it was made by another version"
        try:
            with faults():
                index = Index(self._schema, path=str(self.folder), reuse=True)
                index.register_tokenizer("words", analyzer())
                index.reload()
                reading = Reading(self._schema, index.searcher())
        except Fault as error:
            return f"it cannot be read: {error}"
        self._index, self._reading = index, reading
        return None

    def _agrees(self) -> bool:
        """Whether index and store hold the same passages, by their number and the sum of their ids."""
        from tantivy import Query

        with faults():
            facts = self._index.searcher().aggregate(
                Query.all_query(), {"ids": {"stats": {"field": "passage_id"}}}
            )["ids"]
        with self._database.read() as connection:
            count, total = connection.execute(select(func.count(), func.sum(passages.c.id))).one()
            pending = connection.execute(select(func.count()).select_from(index_changes)).scalar_one()
        return bool(pending) or (int(facts["count"]), float(facts["sum"] or 0)) == (count, float(total or 0))

    def _apply(self) -> int:
        from tantivy import Query

        applied = 0
        with contextlib.ExitStack() as stack:
            writer = None
            while True:
                with self._database.read() as connection:
                    rows = connection.execute(
                        select(index_changes.c.id, index_changes.c.passage_id)
                        .order_by(index_changes.c.id)
                        .limit(CHANGES_AT_ONCE)
                    ).all()
                    if not rows:
                        break
                    ids = sorted({row.passage_id for row in rows})
                    texts = list(_texts(connection, ids))
                if writer is None:
                    writer = stack.enter_context(self._writer(self._index))
                # By query: deleting by term finds nothing in an unsigned field (tantivy-py 0.27).
                writer.delete_documents_by_query(Query.term_set_query(self._schema, "passage_id", ids))
                for entry in texts:
                    writer.add_document(_entry(*entry))
                writer.commit()
                self._index.reload()
                self._reading = Reading(self._schema, self._index.searcher())
                with self._database.write() as connection:
                    connection.execute(index_changes.delete().where(index_changes.c.id <= rows[-1].id))
                applied += len(rows)
        return applied

    def _rebuild(self, progress: Progress) -> None:
        from tantivy import Index

        fresh, old = _beside(self.folder, "new"), _beside(self.folder, "old")
        shutil.rmtree(fresh, ignore_errors=True)
        with full_disk():
            fresh.mkdir(parents=True)
        with self._database.read() as connection:
            # What changes from here on is noted with a higher number, and applied afterwards.
            known = connection.execute(select(func.max(index_changes.c.id))).scalar_one() or 0
            total = connection.execute(select(func.count()).select_from(passages)).scalar_one()
        with full_disk():
            index = Index(self._schema, path=str(fresh), reuse=False)
            index.register_tokenizer("words", analyzer())
        with self._writer(index) as writer:
            done = last = 0
            while True:
                with self._database.read() as connection:
                    ids = list(
                        connection.execute(
                            select(passages.c.id)
                            .where(passages.c.id > last)
                            .order_by(passages.c.id)
                            .limit(REBUILD_AT_ONCE)
                        ).scalars()
                    )
                    if not ids:
                        break
                    for entry in _texts(connection, ids):
                        writer.add_document(_entry(*entry))
                done, last = done + len(ids), ids[-1]
                progress(min(done, total), total)
            writer.commit()
        with full_disk():
            (fresh / MARK).write_text(json.dumps(_mark()), encoding="utf-8")
            shutil.rmtree(old, ignore_errors=True)
            if self.folder.exists():
                self.folder.rename(old)
            fresh.rename(self.folder)
        reopened = self._try_open()
        if reopened is not None:
            raise Unavailable(f"The index of words cannot be made: {reopened}.")
        shutil.rmtree(old, ignore_errors=True)
        with self._database.write() as connection:
            connection.execute(index_changes.delete().where(index_changes.c.id <= known))

    @contextlib.contextmanager
    def _writer(self, index: Any) -> Iterator[Any]:
        """A writer for as long as there is something to write: its memory goes back afterwards.

        Raises:
            NoRoom: the disk is full; nothing since the last commit is kept.
            Unavailable: the index cannot be written for another reason.
        """
        try:
            with faults(), full_disk():
                writer = index.writer(HEAP_BYTES, 1)
                try:
                    yield writer
                finally:
                    writer.wait_merging_threads()
        except Fault as error:
            raise Unavailable(
                f"The index of words cannot be written: {error}.",
                hint="Restart Freehold: it rebuilds a damaged index.",
            ) from error


def _schema() -> Any:
    from tantivy import SchemaBuilder

    return (
        SchemaBuilder()
        .add_unsigned_field("passage_id", indexed=True, fast=True)
        .add_unsigned_field("source_id", indexed=True)
        .add_text_field("body", tokenizer_name="words", index_option="freq")
        .build()
    )


def _mark() -> dict[str, Any]:
    return {"schema": SCHEMA, "tantivy": version("tantivy")}


def _entry(passage_id: int, source_id: int, text: str) -> Any:
    from tantivy import Document

    document = Document()
    document.add_unsigned("passage_id", passage_id)
    document.add_unsigned("source_id", source_id)
    document.add_text("body", spaced(text))
    return document


def _texts(connection: Connection, ids: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    """Id, source and text of the passages that the store has now."""
    for first in range(0, len(ids), AT_ONCE):
        rows = connection.execute(
            select(
                passages.c.id,
                passages.c.source_id,
                passages.c.heading_path,
                passages.c.text,
                documents.c.title,
            )
            .join(documents, documents.c.id == passages.c.document_id)
            .where(passages.c.id.in_(ids[first : first + AT_ONCE]))
        )
        for row in rows:
            yield row.id, row.source_id, indexed_text(row.title, json.loads(row.heading_path), row.text)


def _beside(folder: Path, suffix: str) -> Path:
    return folder.with_name(f"{folder.name}.{suffix}")
