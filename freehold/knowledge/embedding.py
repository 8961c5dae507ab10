"""Vectors for passages that lack one, made in the background by a process that yields to questions."""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, delete, func, insert, select

from freehold.errors import EngineCrashed, FreeholdError, Unavailable
from freehold.knowledge.dense import quantise
from freehold.knowledge.store import load_passages, passages, vectors
from freehold.knowledge.words import indexed_text
from freehold.store.database import Database
from freehold.types import Passage

log = logging.getLogger(__name__)

BATCH = 16
"""Texts embedded between two looks at whether questions are waiting."""

TRANSACTION = 64
"""Vectors written at a time."""

BUSY_SECONDS = 0.05
"""Pause between two looks while questions are in flight."""

RETRY_SECONDS = 60.0
"""Pause after the embedding process could not be used."""


class Backfill:
    """A thread that sees to it that every passage gets its vector.

    The process that embeds lives only while there is something to do. Passages are taken by id, so the
    oldest source is done first. A text at which the process dies twice is left without a vector until the
    next start.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        embedder_name: str,
        *,
        threads: int = 1,
        busy: Callable[[], bool] = lambda: False,
        written: Callable[[Sequence[int]], None] = lambda ids: None,
        command: Sequence[str] = (sys.executable, "-P", "-m", "freehold.knowledge.embedding_child"),
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        """`folder` holds the embedding model; `written` is told the passages whose vectors were written."""
        self._database = database
        self._name = embedder_name
        self._busy = busy
        self._written = written
        self._retry_seconds = retry_seconds
        self._child = EmbeddingProcess([*command, str(folder), str(threads)])
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._thread: threading.Thread | None = None
        self._hopeless: set[int] = set()
        self.problem: FreeholdError | None = None
        """Why no vectors are made at present."""

    def start(self) -> None:
        """Starts the thread; there may be work already."""
        self._woken.set()
        self._thread = threading.Thread(target=self._work, name="vectors", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There may be passages without vectors. Returns at once."""
        self._woken.set()

    def stop(self, timeout: float = 5.0) -> None:
        """Ends the process and the thread; vectors in the making are dropped."""
        self._stopping.set()
        self._woken.set()
        self._child.kill()
        if self._thread is not None:
            self._thread.join(timeout)

    def progress(self) -> tuple[int, int]:
        """Passages that have a vector of this embedder, and passages in all."""
        with self._database.read() as connection:
            done = connection.execute(
                select(func.count()).select_from(vectors).where(vectors.c.embedder == self._name)
            ).scalar_one()
            total = connection.execute(select(func.count()).select_from(passages)).scalar_one()
        return int(done), int(total)

    @property
    def given_up(self) -> int:
        """Passages that stay without a vector until the next start."""
        return len(self._hopeless)

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._woken.wait()
            self._woken.clear()
            try:
                self._fill()
                self.problem = None
            except FreeholdError as error:
                if self._stopping.is_set():
                    break
                if self.problem is None or self.problem.message != error.message:
                    log.error("No vectors are made at present: %s", error.message)
                self.problem = error
                self._stopping.wait(self._retry_seconds)
                self._woken.set()
            except Exception:
                log.exception("Making vectors failed unexpectedly")
                self._stopping.wait(self._retry_seconds)
                self._woken.set()
            finally:
                self._child.kill()

    def _fill(self) -> None:
        """One pass over the passages; new ones have higher ids, so they are met too."""
        after = 0
        while True:
            with self._database.read() as connection:
                ids = self._missing(connection, after)
                found = load_passages(connection, ids)
            if not ids:
                return
            after = ids[-1]
            wanted = [found[passage_id] for passage_id in ids if passage_id in found]
            made: dict[int, tuple[str, NDArray[np.float32]]] = {}
            for first in range(0, len(wanted), BATCH):
                while self._busy() and not self._stopping.is_set():
                    self._stopping.wait(BUSY_SECONDS)
                if self._stopping.is_set():
                    return
                made.update(self._embedded(wanted[first : first + BATCH]))
            self._write(made)

    def _missing(self, connection: Connection, after: int) -> list[int]:
        own = and_(vectors.c.passage_id == passages.c.id, vectors.c.embedder == self._name)
        query = (
            select(passages.c.id)
            .select_from(passages.outerjoin(vectors, own))
            .where(vectors.c.passage_id.is_(None), passages.c.id > after)
            .order_by(passages.c.id)
            .limit(TRANSACTION)
        )
        return list(connection.execute(query).scalars())

    def _embedded(self, batch: Sequence[Passage]) -> dict[int, tuple[str, NDArray[np.float32]]]:
        """Text and vector of each; a batch at which the process dies is tried again one by one."""
        hopeful = [passage for passage in batch if passage.id not in self._hopeless]
        texts = [embedded_text(passage) for passage in hopeful]
        if not hopeful:
            return {}
        try:
            rows = self._child.embed(texts)
        except EngineCrashed:
            if self._stopping.is_set():
                return {}
            if len(batch) > 1:
                log.warning("The embedding process died; its last %d passages are tried singly.", len(batch))
                singly = [self._embedded([passage]) for passage in hopeful]
                return {key: value for made in singly for key, value in made.items()}
            log.error("The embedding process died at passage %d; it stays without a vector.", hopeful[0].id)
            self._hopeless.add(hopeful[0].id)
            return {}
        return {hopeful[row].id: (texts[row], vector) for row, vector in enumerate(rows)}

    def _write(self, made: dict[int, tuple[str, NDArray[np.float32]]]) -> None:
        """Writes those whose passage still is what was embedded."""
        with self._database.write() as connection:
            now = load_passages(connection, made)
            rows: list[dict[str, Any]] = []
            for passage_id, (text, vector) in made.items():
                if passage_id not in now or embedded_text(now[passage_id]) != text:
                    continue
                packed, scale = quantise(vector)
                rows.append(
                    {"passage_id": passage_id, "embedder": self._name, "scale": scale, "vector": packed}
                )
            written = [int(row["passage_id"]) for row in rows]
            if rows:
                connection.execute(delete(vectors).where(vectors.c.passage_id.in_(written)))
                connection.execute(insert(vectors), rows)
        if written:
            self._written(written)


class EmbeddingProcess:
    """The child that embeds; started when it is needed, again when it died."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._changing = threading.Lock()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors, shape (len(texts), dimensions). One caller at a time.

        Raises:
            EngineCrashed: it died at these texts.
            Unavailable: it cannot be started, or has no model.
        """
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            # one that has ended without reading these texts may have said why
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps(list(texts)).encode() + b"\n")
                process.stdin.flush()
            head = process.stdout.readline()
        except (OSError, ValueError) as error:  # ValueError: closed by `kill` in another thread
            self.kill()
            raise EngineCrashed("The embedding process died.") from error
        try:
            said = json.loads(head)
        except ValueError:
            self.kill()
            raise EngineCrashed("The embedding process died.") from None
        if "error" in said:
            self.kill()
            raise Unavailable(said["error"]["message"], hint=said["error"]["hint"])
        size = 4 * len(texts) * int(said["dimensions"])
        body = process.stdout.read(size)
        if len(body) != size:
            self.kill()
            raise EngineCrashed("The embedding process died.")
        return np.frombuffer(body, dtype="<f4").reshape(len(texts), -1)

    @property
    def pid(self) -> int | None:
        """Of the process, while it lives."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def kill(self) -> None:
        """Ends the process, if there is one; it has nothing to lose."""
        with self._changing:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):  # what it had not been told yet
                        pipe.close()

    def _running(self) -> subprocess.Popen[bytes]:
        with self._changing:
            if self._process is None or self._process.poll() is not None:
                try:
                    self._process = subprocess.Popen(
                        self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
                    )
                except OSError as error:
                    raise Unavailable(
                        f"The embedding process cannot be started: {error.strerror}."
                    ) from error
            return self._process


def embedded_text(passage: Passage) -> str:
    """What of a passage is turned into its vector."""
    return indexed_text(passage.document.title, passage.heading_path, passage.text)
