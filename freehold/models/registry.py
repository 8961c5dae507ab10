"""The models this organisation has: immutable, named by content hash, kept in `models/`."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Float, ForeignKey, Integer, Row, String, Table, Text

from freehold.errors import Conflict, InvalidInput, NoRoom, NotFound, Unavailable
from freehold.models import gguf, memory
from freehold.store.database import Database, metadata

models = Table(
    "models",
    metadata,
    Column("id", String, primary_key=True),  # SHA-256 of the file
    Column("name", Text, nullable=False, unique=True),
    Column("format", String, nullable=False),  # gguf
    Column("size", Integer, nullable=False),  # bytes
    Column("facts", Text, nullable=False),  # JSON: architecture, parameters, context, quantisation, …
    Column("created_at", Float, nullable=False),
)

active_models = Table(
    "active_models",
    metadata,
    Column("task", String, primary_key=True),  # answer (others come with their issue)
    Column("model_id", String, ForeignKey("models.id"), nullable=False),
    Column("activated_at", Float, nullable=False),
)

TASKS = ("answer",)
PIECE_BYTES = 4 * 2**20
SPARE_BYTES = 64 * 2**20
"""Room left on the disk for the database when a model is added."""

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ID_PREFIX = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True, slots=True)
class Model:
    """A model in the registry."""

    id: str
    """SHA-256 of its file."""
    name: str
    format: str
    size: int
    facts: dict[str, Any]
    """What its header says: `GgufFacts.as_json`."""
    created_at: float


class Registry:
    """Adds, names and activates models. Thread-safe; one process at a time has the folder."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        *,
        context: int = 8192,
        slots: int = 4,
        clock: Callable[[], float] = time.time,
        memory_bytes: Callable[[], int] = memory.total_memory,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        """Opens the registry and removes what an interrupted addition or removal left behind.

        `context` and `slots` are what models will be served with; a model that this machine's memory could
        never hold with them is refused when it is added.
        """
        self._database = database
        self._folder = folder
        self._incoming = folder / "incoming"
        self._context = context
        self._slots = slots
        self._clock = clock
        self._memory_bytes = memory_bytes
        self._free_bytes = free_bytes
        self._lock = threading.RLock()
        """Held while files and rows change together; not while bytes are copied."""
        self._sweep()

    def add(self, path: Path, name: str | None = None, *, progress: Progress | None = None) -> Model:
        """Copies the file into the registry; the same bytes again give the model that is there.

        Raises:
            NotFound: no such file.
            ModelRejected: not a sound GGUF, or more than this machine's memory could hold.
            InvalidInput: a name that cannot be one.
            Conflict: the name belongs to another model, or these bytes are here under another name.
            NoRoom: the disk is full; nothing is left of the attempt.
        """
        if not path.exists():
            raise NotFound(f"There is no file {path}.")
        wanted = _checked_name(name) if name is not None else _name_of(path)
        facts = gguf.check_sound(path)
        memory.check_fits(facts, self._context, self._slots, available=self._memory_bytes())
        with self._database.read() as connection:
            holder = _by_name(connection, wanted)
        if holder is not None and holder.size != facts.file_size:
            raise _taken(wanted)
        with _room(), self._incoming_file(facts.file_size) as copy:
            id = _copy(path, copy, facts.file_size, progress or (lambda done, total: None))
            facts = gguf.check_sound(copy)  # what was checked before may have changed while it was copied
            with self._lock, self._pending(id):
                self._place(copy, id)
                return self._record(id, wanted, name is not None, facts)

    def list(self) -> list[Model]:
        """All models, the oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(models.select().order_by(models.c.created_at, models.c.id))
            return [_model(row) for row in rows]

    def get(self, ref: str) -> Model:
        """The model of this name, id, or unique beginning of an id (6 characters or more).

        Raises:
            NotFound: none is called so.
            InvalidInput: the ids of several begin so.
        """
        with self._database.read() as connection:
            return _find(connection, ref)

    def use(self, ref: str, task: str = "answer") -> Model:
        """Makes it the active model of a task, from the next start of its engine on.

        Raises:
            NotFound, InvalidInput: as `get`; or the task is unknown.
            Unavailable: its file is missing or changed.
        """
        _check_task(task)
        model = self.get(ref)
        self.path(model)
        with self._database.write() as connection:
            model = _find(connection, model.id)
            connection.execute(active_models.delete().where(active_models.c.task == task))
            connection.execute(
                active_models.insert().values(task=task, model_id=model.id, activated_at=self._clock())
            )
        return model

    def unuse(self, task: str = "answer") -> None:
        """Leaves the task without a model."""
        _check_task(task)
        with self._database.write() as connection:
            connection.execute(active_models.delete().where(active_models.c.task == task))

    def active(self, task: str = "answer") -> Model | None:
        """The task's active model."""
        with self._database.read() as connection:
            row = connection.execute(
                models.select().join(active_models).where(active_models.c.task == task)
            ).one_or_none()
        return None if row is None else _model(row)

    def remove(self, ref: str) -> Model:
        """Removes a model and its file.

        Raises:
            NotFound, InvalidInput: as `get`.
            Conflict: it is active.
        """
        with self._lock:
            model = self.get(ref)
            with self._pending(model.id), self._database.write() as connection:
                active = active_models.select().where(active_models.c.model_id == model.id)
                if row := connection.execute(active).first():
                    raise Conflict(
                        f"{model.name} is the active model of the task {row.task}.",
                        hint="Use another model, or none, first.",
                    )
                connection.execute(models.delete().where(models.c.id == model.id))
        return model

    def path(self, model: Model) -> Path:
        """Where its file is.

        Raises:
            Unavailable: the file is missing, or is not of the size that it had.
        """
        path = self._path(model.id)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise Unavailable(
                f"The file of the model {model.name} is missing.", hint="Add the same file again."
            ) from None
        if size != model.size:
            raise Unavailable(
                f"The file of the model {model.name} has changed: {size:,} bytes, not {model.size:,}.",
                hint="Remove the model and add its file again.",
            )
        return path

    def verify(self, ref: str, *, progress: Progress | None = None) -> Model:
        """Reads the whole file again and compares its hash.

        Raises:
            NotFound, InvalidInput: as `get`.
            Unavailable: the file is missing or is not what was added.
        """
        model = self.get(ref)
        with self.path(model).open("rb") as file:
            found = hashlib.sha256()
            done = 0
            while piece := file.read(PIECE_BYTES):
                found.update(piece)
                done += len(piece)
                if progress:
                    progress(done, model.size)
        if found.hexdigest() != model.id:
            raise Unavailable(
                f"The file of the model {model.name} has changed: its hash is no longer {model.id}.",
                hint="Remove the model and add its file again.",
            )
        return model

    def _path(self, id: str) -> Path:
        return self._folder / id[:2] / f"{id}.gguf"

    @contextlib.contextmanager
    def _incoming_file(self, size: int) -> Iterator[Path]:
        self._incoming.mkdir(parents=True, exist_ok=True)
        free = self._free_bytes(self._folder)
        if free < size + SPARE_BYTES:
            raise _full(f"it takes {size:,} bytes, {free:,} are free")
        copy = self._incoming / f"{uuid.uuid4().hex}.part"
        try:
            yield copy
        finally:
            copy.unlink(missing_ok=True)

    def _place(self, copy: Path, id: str) -> None:
        path = self._path(id)
        path.parent.mkdir(exist_ok=True)
        copy.chmod(0o444)
        copy.replace(path)
        for folder in (path.parent, self._folder):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _record(self, id: str, name: str, insisted: bool, facts: gguf.GgufFacts) -> Model:
        with self._database.write() as connection:
            row = connection.execute(models.select().where(models.c.id == id)).one_or_none()
            if row is not None:
                if insisted and row.name != name:
                    raise Conflict(
                        f"This model is here already, as {row.name}.", hint=f"Use it as {row.name}."
                    )
                return _model(row)
            if _by_name(connection, name) is not None:
                raise _taken(name)
            connection.execute(
                models.insert().values(
                    id=id,
                    name=name,
                    format="gguf",
                    size=facts.file_size,
                    facts=json.dumps(facts.as_json()),
                    created_at=self._clock(),
                )
            )
            return _find(connection, id)

    @contextlib.contextmanager
    def _pending(self, id: str) -> Iterator[None]:
        """Afterwards, or when next opened if this process dies, the file is there only if its row is."""
        mark = self._incoming / f"{id}.pending"
        self._incoming.mkdir(parents=True, exist_ok=True)
        mark.touch()
        try:
            yield
        finally:
            self._settle(mark)

    def _settle(self, mark: Path) -> None:
        with self._database.read() as connection:
            row = connection.execute(models.select().where(models.c.id == mark.stem)).one_or_none()
        if row is None:
            self._path(mark.stem).unlink(missing_ok=True)
        mark.unlink(missing_ok=True)

    def _sweep(self) -> None:
        for left in self._incoming.glob("*.part"):
            left.unlink(missing_ok=True)
        for mark in self._incoming.glob("*.pending"):
            self._settle(mark)


def _copy(source: Path, target: Path, size: int, progress: Progress) -> str:
    """Copies, flushes to the disk and hashes in one pass."""
    found = hashlib.sha256()
    done = 0
    with source.open("rb") as reader, target.open("xb") as writer:
        while piece := reader.read(PIECE_BYTES):
            found.update(piece)
            writer.write(piece)
            done += len(piece)
            progress(done, size)
        writer.flush()
        os.fsync(writer.fileno())
    return found.hexdigest()


@contextlib.contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise _full(error.strerror or "no space left") from error
        raise Unavailable(
            f"The model cannot be copied: {error.strerror or error}.",
            hint="Look at the permissions of the file and of the data folder.",
        ) from error


def _full(why: str) -> NoRoom:
    return NoRoom(f"There is no room for this model: {why}.", hint="Free space on the data folder's disk.")


def _taken(name: str) -> Conflict:
    return Conflict(
        f"Another model is called {name}.", hint="Give this one another name, or remove the other first."
    )


def _model(row: Row[Any]) -> Model:
    return Model(row.id, row.name, row.format, row.size, json.loads(row.facts), row.created_at)


def _by_name(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(models.select().where(models.c.name == name)).one_or_none()


def _find(connection: Connection, ref: str) -> Model:
    row = _by_name(connection, ref)
    if row is not None:
        return _model(row)
    rows = []
    if _ID_PREFIX.fullmatch(ref.lower()):
        found = connection.execute(models.select().where(models.c.id.startswith(ref.lower())).limit(2))
        rows = list(found)
    if len(rows) > 1:
        raise InvalidInput(f"Several models' ids begin with {ref}.", hint="Give more of it, or the name.")
    if not rows:
        raise NotFound(f"There is no model {ref[:100]}.", hint="freehold model list shows all.")
    return _model(rows[0])


def _check_task(task: str) -> None:
    if task not in TASKS:
        raise InvalidInput(f"There is no task {task[:100]}.", hint=f"Tasks: {', '.join(TASKS)}.")


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name) or _ID_PREFIX.fullmatch(name) or name == "none":
        raise InvalidInput(
            f"{name[:100]!r} cannot be a model's name.",
            hint="Letters, digits, dots, dashes and underscores, up to 100; not `none`, nothing like an id.",
        )
    return name


def _name_of(path: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")[:100].rstrip("-._")
    return _checked_name(
        name if name and not _ID_PREFIX.fullmatch(name) and name != "none" else f"model-{name}"[:100]
    )
