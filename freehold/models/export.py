"""Models on their way out: as GGUF, as Hugging Face's layout, or for Ollama; card and terms go along."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from freehold.disk import sync
from freehold.errors import Conflict, InvalidInput, NotFound
from freehold.models import licence, modelfile
from freehold.models.card import card
from freehold.models.conversion import converted
from freehold.models.files import copy, room
from freehold.models.formats.new_file import Progress
from freehold.models.lineage import Family
from freehold.models.model import Model
from freehold.models.registry import Registry
from freehold.store.job_context import Interrupted, JobContext
from freehold.store.jobs import Job, Jobs

KIND = "export"
FORMATS = ("gguf", "hf", "ollama")
EXACT = ("F32", "F16", "BF16")
"""What can go back to Hugging Face's layout, bit for bit."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A model to be exported."""

    model: str
    """Its id."""
    to: str
    """gguf, hf or ollama."""
    folder: str
    """Absolute; made by the export."""
    force: bool = False
    """Replace a folder that is there."""


class Exports:
    """Writes models into folders that are there whole or not at all."""

    def __init__(self, registry: Registry, jobs: Jobs, marks: Path) -> None:
        """`marks` holds a note of each folder under way, so that the next start settles what a crash left."""
        self._registry = registry
        self._jobs = jobs
        self._marks = marks
        for mark in marks.glob("*.export") if marks.is_dir() else ():
            _settle(mark)

    def add(self, wish: Wish) -> Job:
        """Queues the work; what can be seen to be wrong at once is said at once.

        Raises:
            NotFound: there is no such model.
            InvalidInput: it cannot be exported so, or not to there.
            Conflict: the folder is there.
            Unavailable: the folder cannot be looked at.
        """
        model = self._registry.get(wish.model)
        with room():
            _check(model, wish)
        return self._jobs.enqueue(KIND, asdict(wish) | {"model": model.id})

    def job(self, context: JobContext) -> Mapping[str, Any]:
        """The handler of the jobs that `add` queues: `{folder, files}`."""

        def told(done: int, total: int) -> None:
            if context.stopping:
                raise Interrupted
            context.progress(done, total, "writing")

        wish = Wish(**context.payload)
        return {"folder": wish.folder, "files": self.write(wish, progress=told)}

    def write(self, wish: Wish, *, progress: Progress | None = None) -> list[str]:
        """Writes the folder, and gives the names of its files.

        Raises:
            NotFound, InvalidInput, Conflict: as `add`.
            NoRoom: the disk is full; nothing is left of the attempt.
            Unavailable: the model's file is missing or changed.
            ModelRejected: its weights cannot be written so.
        """
        model = self._registry.get(wish.model)
        family = self._registry.family(model)
        with room():
            _check(model, wish)
        with room(), self._new_folder(Path(wish.folder), wish.force) as folder:
            if wish.to == "hf":
                made = folder / "checkpoint"
                converted(self._registry.path(model), made, to="hf", progress=progress)
                for path in made.iterdir():
                    path.rename(folder / path.name)
                made.rmdir()
            else:
                self._weights(model, family, folder, wish.to == "ollama", progress)
            texts = terms(model, family)
            for name, text in (texts | {"README.md": card(model, family)}).items():
                (folder / name).write_text(text, encoding="utf-8")
            if wish.to == "ollama":
                licences = [text for name, text in texts.items() if name != "NOTICE"]
                (folder / "Modelfile").write_text(self._modelfile(model, family, licences), encoding="utf-8")
            return sorted(path.name for path in folder.iterdir())

    def _weights(
        self, model: Model, family: Family, folder: Path, with_base: bool, progress: Progress | None
    ) -> None:
        for each in [model, family.ancestors[0].model] if with_base and model.kind == "adapter" else [model]:
            copy(self._registry.path(each), folder / f"{each.name}.gguf", each.size, progress)

    def _modelfile(self, model: Model, family: Family, licences: list[str]) -> str:
        base = family.ancestors[0].model if model.kind == "adapter" else model
        told = modelfile.asked(self._registry.path(base))
        adapter = f"{model.name}.gguf" if base is not model else ""
        return modelfile.modelfile(f"{base.name}.gguf", base.facts, told, licences, adapter)

    @contextmanager
    def _new_folder(self, target: Path, force: bool) -> Iterator[Path]:
        """A folder that takes the place of `target` when the block ends well, and is gone when not."""
        id = uuid.uuid4().hex
        part, old = target.with_name(f".{id}.part"), target.with_name(f".{id}.old")
        mark = self._marks / f"{id}.export"
        self._marks.mkdir(parents=True, exist_ok=True)
        mark.write_text(json.dumps({"part": str(part), "old": str(old), "target": str(target)}))
        sync(self._marks)
        try:
            part.mkdir()
            yield part
            for path in part.iterdir():
                sync(path)
            sync(part)
            if force and target.exists():
                target.rename(old)
            part.rename(target)
            sync(target.parent)
        finally:
            _settle(mark)


def terms(model: Model, family: Family) -> dict[str, str]:
    """What goes along: licences of the model and of what it was made from, and the lines they ask for."""
    texts: dict[str, str] = {}
    notices: list[str] = []
    for each in licence.binding([model, *(relative.model for relative in family.ancestors)]):
        for text in each.licence.get("texts", ()):
            name = text["name"] if text["name"] not in texts else f"{each.name}.{text['name']}"
            texts[name] = text["text"]
        if notice := each.licence.get("notice"):
            notices.append(notice)
    there = "\n".join(texts.values())
    missing = [notice for notice in notices if notice not in there]
    if missing:
        before = [texts["NOTICE"].rstrip()] if "NOTICE" in texts else []
        texts["NOTICE"] = "\n\n".join([*before, *missing]) + "\n"
    return texts


def _check(model: Model, wish: Wish) -> None:
    if wish.to not in FORMATS:
        raise InvalidInput(f"There is no format {wish.to[:40]!r}.", hint=f"Formats: {', '.join(FORMATS)}.")
    if model.kind == "endpoint":
        raise InvalidInput(f"{model.name} is an endpoint: its weights are elsewhere.")
    quantisation = model.facts.get("quantisation")
    if wish.to == "hf" and model.kind == "model" and quantisation not in EXACT:
        raise InvalidInput(
            f"{model.name} is quantised to {quantisation}, and what was rounded off is gone.",
            hint="Export the model that it was made from, or use --to gguf.",
        )
    if wish.to == "hf" and model.kind == "adapter":
        raise InvalidInput("An adapter is exported as a GGUF adapter.", hint="Use --to gguf or --to ollama.")
    target = Path(wish.folder)
    if not target.is_absolute() or not target.parent.is_dir():
        raise NotFound(f"There is no folder {target.parent} to write into.", hint="Make it first.")
    if target.exists() and not wish.force:
        raise Conflict(f"{target} is there already.", hint="Name another folder, or replace it: --force.")
    if target.exists() and not _is_export(target):
        raise Conflict(f"{target} holds no exported model, and is not replaced.", hint="Name another folder.")


def _is_export(target: Path) -> bool:
    """Whether nothing is lost that is not ours when this is replaced."""
    readme = target / "README.md"
    return (
        readme.is_file()
        and "\ntags: [freehold]\n" in readme.read_text(encoding="utf-8", errors="replace")
        and all(path.is_file() for path in target.iterdir())
    )


def _settle(mark: Path) -> None:
    """Leaves the target whole, new or old, and nothing else."""
    try:
        said = json.loads(mark.read_text())
        part, old, target = Path(said["part"]), Path(said["old"]), Path(said["target"])
    except (ValueError, KeyError):  # it was being written when the process ended: nothing else was yet
        mark.unlink()
        return
    shutil.rmtree(part, ignore_errors=True)
    if old.exists() and not target.exists():
        old.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    mark.unlink(missing_ok=True)
