"""The index of words: tantivy on disk, made from the store and rebuilt from it whenever in doubt.

Follows the store by its table `index_changes`: `apply` brings the passages named there up to what the store
says now, commits, and only then deletes the rows. A crash at any point means that some are applied twice,
which changes nothing.

What it says is read through reading.py, a moment of it at a time. Of a small index the words of all passages
are held in memory too (`hold`), which follow the same changes. Knows nothing of vectors.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from itertools import chain, takewhile
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from freehold.errors import FreeholdError, Unavailable
from freehold.knowledge.index_faults import Fault, faults, full_disk
from freehold.knowledge.reading import Reading
from freehold.knowledge.store import AT_ONCE, documents, index_changes, passages
from freehold.knowledge.wordings import Entry, Vocabulary, Wordings, read
from freehold.knowledge.words import analyzer, indexed_text, spaced, words
from freehold.memory import give_back
from freehold.store.database import Database

log = logging.getLogger(__name__)

SCHEMA = 1
"""Raised when fields or words change: an index of another schema is rebuilt at `open`."""

MARK = "freehold.json"
HEAP_BYTES = 32 * 2**20
CHANGES_AT_ONCE = 2_000
READ_AT_ONCE = 2_000
SMALL = 40_000
"""Passages up to which their words are held in memory (of 125 words each: some 80 MB)."""
MOST_GROWN = 2
"""Times what it was at first that the vocabulary held may come to before all is read anew: it keeps the words
of what is gone."""
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
        self._holds = False
        self._wordings: Wordings | None = None
        self._first_known = 0
        self._closing = threading.Event()

    def open(self, progress: Progress = lambda done, total: None) -> None:
        """Opens the index and brings it up to the store; rebuilds it when missing, foreign or damaged.

        Raises:
            NoRoom: the disk is full.
        """
        with self._writing:
            self._closing.clear()
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
            applied = self._apply()
            if applied:
                self._hold()
            return applied

    def rebuild(self, progress: Progress = lambda done, total: None) -> None:
        """Makes the index anew from the store while the old one goes on answering."""
        with self._writing:
            self.reading()
            self._rebuild(progress)
            self._apply()
            self._hold()

    def hold(self) -> None:
        """From now on the words of all passages are held in memory while they are few: searching is faster
        then. Reading SMALL of them takes some five seconds; meanwhile the index on disk is asked."""
        with self._writing:
            self._holds = True
            self._hold()

    def hold_soon(self) -> None:
        """The same in a thread of its own."""

        def hold() -> None:
            try:
                self.hold()
                give_back()  # reading so many texts leaves much behind
            except FreeholdError as error:
                log.warning("Words are not held in memory, so searches are slower: %s", error.message)

        threading.Thread(target=hold, name="words", daemon=True).start()

    def close(self) -> None:
        """Lets go of the files."""
        self._closing.set()
        with self._writing:
            self._index = self._reading = self._wordings = None

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
        self._index, self._reading, self._wordings = index, reading, None
        return None

    def _hold(self) -> None:
        """Takes the words of all passages into memory, if that is wanted and they are few and not there."""
        if not self._holds or self._index is None or self._closing.is_set():
            return
        held = self._wordings
        if held is None or held.known > MOST_GROWN * self._first_known:
            with self._database.read() as connection:
                if connection.execute(select(func.count()).select_from(passages)).scalar_one() > SMALL:
                    return
            parts = takewhile(lambda _: not self._closing.is_set(), self._stored())
            held = read(chain.from_iterable(parts), Vocabulary())
            if self._closing.is_set():
                return
            self._wordings, self._first_known = held, held.known
        self._reading = Reading(self._schema, self._index.searcher(), held)
        self._reading.postings  # noqa: B018  # made now, not by who asks first

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
                    entries = list(_entries(connection, ids))
                if writer is None:
                    writer = stack.enter_context(self._writer(self._index))
                # By query: deleting by term finds nothing in an unsigned field (tantivy-py 0.27).
                writer.delete_documents_by_query(Query.term_set_query(self._schema, "passage_id", ids))
                for entry in entries:
                    writer.add_document(_document(entry))
                if self._wordings is not None:
                    fresh = read(entries, self._wordings.numbers)
                    changed = self._wordings.changed(np.array(ids, dtype=np.int64), fresh)
                    self._wordings = changed if len(changed) <= SMALL else None
                writer.commit()
                self._index.reload()
                self._reading = Reading(self._schema, self._index.searcher(), self._wordings)
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
            done = 0
            for entries in self._stored():
                for entry in entries:
                    writer.add_document(_document(entry))
                done += len(entries)
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

    def _stored(self) -> Iterator[list[Entry]]:
        """All passages of the store by ascending id, some at a time."""
        last = 0
        while True:
            with self._database.read() as connection:
                query = select(passages.c.id).where(passages.c.id > last).order_by(passages.c.id)
                ids = list(connection.execute(query.limit(READ_AT_ONCE)).scalars())
                entries = list(_entries(connection, ids))
            if not ids:
                return
            last = ids[-1]
            yield entries

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


def _document(entry: Entry) -> Any:
    from tantivy import Document

    document = Document()
    document.add_unsigned("passage_id", entry.id)
    document.add_unsigned("source_id", entry.source)
    document.add_text("body", spaced(indexed_text(entry.title, entry.headings, entry.text)))
    return document


def _entries(connection: Connection, ids: Sequence[int]) -> Iterator[Entry]:
    """The passages of these ids, ascending, that the store has now."""
    for first in range(0, len(ids), AT_ONCE):
        rows = connection.execute(
            select(
                passages.c.id,
                passages.c.source_id,
                documents.c.title,
                passages.c.heading_path,
                passages.c.text,
            )
            .join(documents, documents.c.id == passages.c.document_id)
            .where(passages.c.id.in_(ids[first : first + AT_ONCE]))
            .order_by(passages.c.id)
        )
        for passage_id, source, title, path, text in rows:
            yield Entry(passage_id, source, title, tuple(json.loads(path)), text)


def _beside(folder: Path, suffix: str) -> Path:
    return folder.with_name(f"{folder.name}.{suffix}")
