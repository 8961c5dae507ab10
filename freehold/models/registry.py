"""The models this organisation has: immutable, named by content hash, kept in `models/`."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from freehold.errors import Conflict, InvalidInput, NotFound
from freehold.models import lineage as descent
from freehold.models import memory, store
from freehold.models.bases import base_of, base_of_folder
from freehold.models.conversion import converted
from freehold.models.endpoint import Endpoint
from freehold.models.files import ModelFiles, room
from freehold.models.formats import gguf, gguf_adapter
from freehold.models.formats.adapter import CONFIG as ADAPTER
from freehold.models.formats.new_file import Progress
from freehold.models.licence import of_folder, of_header, of_teaching
from freehold.models.lineage import Family
from freehold.models.model import Model, check_task, checked_name, name_from, stem_of
from freehold.models.store import active_models, models
from freehold.store.database import Database

__all__ = ["Model", "Progress", "Registry"]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was said of a file that is being added."""

    name: str
    insisted: bool
    """Someone chose the name; else the file's will do, or the one that its bytes have here already."""
    parent: str | None
    lineage: dict[str, Any]
    licence: dict[str, Any]


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
        self._files = ModelFiles(folder, free_bytes)
        self._context = context
        self._slots = slots
        self._clock = clock
        self._memory_bytes = memory_bytes
        self._lock = threading.RLock()
        """Held while files and rows change together; not while bytes are copied."""
        self._files.sweep(self._known)

    def add(
        self,
        path: Path,
        name: str | None = None,
        *,
        suggested: str = "",
        parent: str | None = None,
        lineage: Mapping[str, Any] | None = None,
        licence: Mapping[str, Any] | None = None,
        quantise: str | None = None,
        move: bool = False,
        progress: Progress | None = None,
    ) -> Model:
        """Copies a GGUF, model or adapter, into the registry; the same bytes again give what is there.

        Without a name it is called by `suggested`, or like its file. A folder in Hugging Face's layout is
        made a GGUF first by a process of its own, in the precision that its weights have, or as `quantise`
        says: q8_0 or q4_k_m, also of a GGUF in floats. `parent` is what it was made from. An adapter needs
        one, its base: unnamed, it is the one model here that the adapter fits. With `move` the file is taken
        instead of copied where both lie on one disk.

        Raises:
            NotFound: no such file or parent.
            ModelRejected: not a sound GGUF, a checkpoint that cannot be converted, an adapter that its base
                does not fit, or more than this machine's memory could hold.
            InvalidInput: a name that cannot be one; or an adapter that several models here fit.
            Conflict: the name belongs to another model, or these bytes are here under another name.
            NoRoom: the disk is full; nothing is left of the attempt.
        """
        if not path.exists():
            raise NotFound(f"There is no file {path}.")
        wanted = _Wanted(
            name=checked_name(name) if name is not None else name_from(suggested or stem_of(path)),
            insisted=name is not None,
            parent=parent,
            lineage=descent.checked(lineage, "lineage"),
            licence=descent.checked(licence, "licence"),
        )
        if not path.is_dir() and quantise is None:
            return self._add_file(path, wanted, move=move, progress=progress)
        with self._files.part() as made:
            base = self._base_of_folder(path, wanted)
            there = None if base is None else self._there(base)
            result = converted(path, made, base=there, quantise=quantise, progress=progress)
            wanted = replace(
                wanted,
                parent=wanted.parent if base is None else base.id,
                lineage={"source": _source(path, result["files"]), "made": result["made"]} | wanted.lineage,
                licence=wanted.licence
                or (of_folder(path) if path.is_dir() else {})
                or of_teaching(wanted.lineage),
            )
            return self._add_file(made, wanted, move=True, progress=progress)

    def _add_file(self, path: Path, wanted: _Wanted, *, move: bool, progress: Progress | None) -> Model:
        draft = self._draft(path, wanted)
        with self._database.read() as connection:
            holder = store.by_name(connection, wanted.name)
        if holder is not None and holder.size != draft.size:
            raise _taken(wanted.name)
        with room(), self._files.taken(path, draft.size, move=move, progress=progress) as (part, id):
            # what was looked at before may have changed while it was copied
            draft = replace(self._draft(part, replace(wanted, parent=draft.parent_id)), id=id)
            with self._lock, self._files.pending(id, self._known):
                self._files.place(part, id)
                model = self._record(draft, insisted=wanted.insisted)
        if move:
            path.unlink(missing_ok=True)
        return model

    def add_endpoint(self, endpoint: Endpoint, name: str | None = None) -> Model:
        """Writes an endpoint down; the same again gives what is there. Connects to nothing.

        Raises:
            InvalidInput: a name that cannot be one.
            Conflict: as `add`.
        """
        wanted = checked_name(name) if name is not None else name_from(endpoint.model)
        draft = Model(
            id=endpoint.id,
            name=wanted,
            format="openai",
            size=0,
            facts=endpoint.as_json(),
            created_at=self._clock(),
            kind="endpoint",
        )
        return self._record(draft, insisted=name is not None)

    def list(self) -> list[Model]:
        """All models, the oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(models.select().order_by(models.c.created_at, models.c.id))
            return [store.as_model(row) for row in rows]

    def get(self, ref: str) -> Model:
        """The model of this name, id, or unique beginning of an id (6 characters or more).

        Raises:
            NotFound: none is called so.
            InvalidInput: the ids of several begin so.
        """
        with self._database.read() as connection:
            return store.find(connection, ref)

    def family(self, model: Model) -> Family:
        """What it was made from and what was made from it, removed ones included."""
        with self._database.read() as connection:
            return descent.family(connection, model)

    def use(self, ref: str, task: str = "answer") -> Model:
        """Makes it the active model of a task, from the next start of its engine on.

        Raises:
            NotFound, InvalidInput: as `get`; or the task is unknown.
            Unavailable: its file is missing or changed.
        """
        check_task(task)
        model = self.get(ref)
        if model.kind != "endpoint":
            self.path(model)
        with self._database.write() as connection:
            model = store.find(connection, model.id)
            connection.execute(active_models.delete().where(active_models.c.task == task))
            connection.execute(
                active_models.insert().values(task=task, model_id=model.id, activated_at=self._clock())
            )
        return model

    def unuse(self, task: str = "answer") -> None:
        """Leaves the task without a model."""
        check_task(task)
        with self._database.write() as connection:
            connection.execute(active_models.delete().where(active_models.c.task == task))

    def active(self, task: str = "answer") -> Model | None:
        """The task's active model."""
        return self.in_use().get(task)

    def in_use(self) -> dict[str, Model]:
        """The active model of each task that has one."""
        with self._database.read() as connection:
            rows = connection.execute(models.join(active_models).select().order_by(active_models.c.task))
            return {row.task: store.as_model(row) for row in rows}

    def note(self, ref: str, task: str, metrics: Mapping[str, Any]) -> Model:
        """Keeps what was measured of a model at a task, in place of what was known of it there.

        Raises:
            NotFound, InvalidInput: as `get`; or the task is unknown, or the figures cannot be kept.
        """
        check_task(task)
        with self._database.write() as connection:
            model = store.find(connection, ref)
            kept = descent.measured(model.lineage, task, metrics)
            row = models.update().where(models.c.id == model.id).values(lineage=json.dumps(kept))
            connection.execute(row)
            return replace(model, lineage=kept)

    def remove(self, ref: str) -> Model:
        """Removes a model and its file; its lineage is remembered while other models descend from it.

        Raises:
            NotFound, InvalidInput: as `get`.
            Conflict: it is active, or adapters are put on it.
        """
        with self._lock:
            model = self.get(ref)
            with self._files.pending(model.id, self._known), self._database.write() as connection:
                active = active_models.select().where(active_models.c.model_id == model.id)
                if row := connection.execute(active).first():
                    raise Conflict(
                        f"{model.name} is the active model of the task {row.task}.",
                        hint="Use another model, or none, first.",
                    )
                descent.erase(connection, model, self._clock())
        return model

    def path(self, model: Model, *, progress: Progress | None = None) -> Path:
        """Where its file is, intact: read in full once by each process, again whenever the file has changed.

        Raises:
            InvalidInput: it is an endpoint.
            Unavailable: the file is missing or is not what was added.
        """
        self._check_has_file(model)
        return self._files.intact(model.id, model.size, model.name, progress=progress)

    def verify(self, ref: str, *, progress: Progress | None = None) -> Model:
        """Reads the whole file again and compares its hash.

        Raises:
            NotFound, InvalidInput: as `get`, or it is an endpoint.
            Unavailable: the file is missing or is not what was added.
        """
        model = self.get(ref)
        self._check_has_file(model)
        self._files.reread(model.id, model.size, model.name, progress=progress)
        return model

    def check_room(self, size: int) -> None:
        """
        Raises:
            NoRoom: there is no room for a file of so many bytes.
        """
        self._files.check_room(size)

    def _there(self, model: Model) -> Path:
        return self._files.there(model.id, model.size, model.name)

    def _check_has_file(self, model: Model) -> None:
        if model.kind == "endpoint":
            raise InvalidInput(f"{model.name} is an endpoint: its file is elsewhere.")

    def _known(self, id: str) -> bool:
        with self._database.read() as connection:
            return store.by_id(connection, id) is not None

    def _base_of_folder(self, path: Path, wanted: _Wanted) -> Model | None:
        """What the adapter in a folder is put on; None where it holds none.

        Raises:
            InvalidInput, ModelRejected, NotFound: as `add`.
        """
        if not (path / ADAPTER).exists():
            return None
        if wanted.parent is not None:
            return self.get(wanted.parent)
        return base_of_folder(path, self.list())

    def _draft(self, path: Path, wanted: _Wanted) -> Model:
        """The model that this file will be, but for its id.

        Raises:
            NotFound, InvalidInput, ModelRejected: as `add`.
        """
        with gguf.header(path) as header:
            kind = header.kind
            licence = wanted.licence or of_header(header.values)
        draft = Model(
            id="",
            name=wanted.name,
            format="gguf",
            size=0,
            facts={},
            created_at=self._clock(),
            lineage=wanted.lineage,
            licence=licence,
        )
        made_from = None if wanted.parent is None else self.get(wanted.parent)
        if kind == "adapter":
            adapter = gguf_adapter.read_adapter(path)
            base = base_of(adapter, made_from, self.list(), self._there)
            facts = _named(adapter.as_json(), path, wanted)
            return replace(draft, size=adapter.file_size, facts=facts, kind="adapter", parent_id=base.id)
        found = gguf.check_sound(path)
        memory.check_fits(found, self._context, self._slots, available=self._memory_bytes())
        parent_id = None if made_from is None else made_from.id
        facts = _named(found.as_json(), path, wanted)
        return replace(draft, size=found.file_size, facts=facts, parent_id=parent_id)

    def _record(self, draft: Model, *, insisted: bool) -> Model:
        with self._database.write() as connection:
            here = store.by_id(connection, draft.id)
            if here is not None:
                if insisted and here.name != draft.name:
                    raise Conflict(
                        f"This model is here already, as {here.name}.", hint=f"Use it as {here.name}."
                    )
                return here
            if store.by_name(connection, draft.name) is not None:
                raise _taken(draft.name)
            return descent.record(connection, draft)


def _source(path: Path, files: object) -> dict[str, Any]:
    """What a model was made of, where nobody said more."""
    if path.is_dir():
        return {"kind": "folder", "name": path.name, "files": files}
    return {"kind": "file", "name": path.name}


def _named(facts: dict[str, Any], path: Path, wanted: _Wanted) -> dict[str, Any]:
    """Facts of a header without a name take the model's, not that of a file under way."""
    return facts | {"name": wanted.name} if facts["name"] == path.stem else facts


def _taken(name: str) -> Conflict:
    return Conflict(
        f"Another model is called {name}.", hint="Give this one another name, or remove the other first."
    )
