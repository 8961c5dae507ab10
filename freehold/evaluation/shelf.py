"""Runs kept as folders under `runs/` of the data folder: looked up, worked off by a job, deleted.

Knows nothing of what is run; evaluations.py and rehearsals.py do.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from freehold.disk import FULL, replacing
from freehold.errors import Conflict, FreeholdError, NoRoom, NotFound
from freehold.store.job_context import Interrupted, JobContext
from freehold.store.jobs import Jobs

log = logging.getLogger(__name__)

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,120}")


@dataclass(frozen=True, slots=True)
class Kept:
    """What every run is told by."""

    id: str
    wish: Any
    state: str
    created_at: float


R = TypeVar("R", bound=Kept)


class Shelf(ABC, Generic[R]):
    """The runs of one kind in one data folder; a subclass says what they are and how they are worked off."""

    NAME: ClassVar[str]
    """As people and the jobs' payloads call one."""
    COMMAND: ClassVar[str]
    """The command that lists them."""
    RESULT: ClassVar[str]
    """What a finished one has."""
    RUN: ClassVar[str]
    """The file that says how one stands."""

    def __init__(self, folder: Path, jobs: Jobs) -> None:
        self._folder = folder
        self._jobs = jobs

    @abstractmethod
    def _read(self, path: Path) -> R:
        """What a run's file says.

        Raises:
            Conflict: it is damaged.
        """

    @abstractmethod
    def _work(self, run: R, context: JobContext) -> R:
        """Works a run off, or goes on with it; gives it as it is then, done.

        Raises:
            Interrupted: the process stops or the job was cancelled.
            FreeholdError: it cannot be worked off.
        """

    def get(self, run_id: str) -> R:
        """
        Raises:
            NotFound: there is none with this id.
        """
        path = self._folder / run_id / self.RUN
        if not _ID.fullmatch(run_id) or not path.is_file():
            raise NotFound(
                f"There is no {self.NAME} {run_id!r}.", hint=f"`{self.COMMAND} --list` lists them."
            )
        return self._as_it_stands(self._read(path))

    def list(self) -> list[R]:
        """Newest first. Damaged ones are left out, and told in the log."""
        found = []
        paths = self._folder.glob(f"*/{self.RUN}")
        for path in sorted(paths, key=lambda path: path.parent.name, reverse=True):
            try:
                found.append(self._as_it_stands(self._read(path)))
            except Conflict as error:
                log.warning("One %s is passed over: %s", self.NAME, error.message)
        return found

    def file(self, run_id: str, name: str) -> Path:
        """A file of a finished run.

        Raises:
            NotFound: there is no such run.
            Conflict: it is not finished.
        """
        found = self.get(run_id)
        path = self._folder / found.id / name
        if found.state != "done" or not path.is_file():
            raise Conflict(
                f"The {self.NAME} {found.id} is {found.state}: it has no {self.RESULT} yet.",
                hint="Look again when its job is done.",
            )
        return path

    def remove(self, run_id: str) -> None:
        """Deletes a run with all that it holds.

        Raises:
            NotFound: there is no such run.
            Conflict: it is still being worked on.
        """
        found = self.get(run_id)
        if found.state in ("queued", "running"):
            raise Conflict(f"The {self.NAME} {found.id} is {found.state}.", hint="Cancel its job first.")
        shutil.rmtree(self._folder / found.id)

    def job(self, context: JobContext) -> dict[str, Any]:
        """The handler of jobs whose payload names a run under NAME."""
        found = self.get(str(context.payload[self.NAME]))
        if found.state == "done":  # the process ended between the last write and the job's end
            return {self.NAME: found.id}
        try:
            done = self._work(found, context)
        except Interrupted:  # it goes on at the next start, or was cancelled: that is its job's to say
            raise
        except FreeholdError as error:
            self._change(found, state="failed", error=error.as_json()["error"])
            raise
        except Exception:  # the job's runner logs it and says so; here it is only noted that it failed
            self._change(
                found, state="failed", error={"code": "internal", "message": "It failed.", "hint": None}
            )
            raise
        return {self.NAME: done.id}

    def _as_it_stands(self, read: R) -> R:
        """Nobody works on it any more when its job was cancelled, or is gone."""
        if read.state not in ("queued", "running"):
            return read
        at_work = any(job.payload.get(self.NAME) == read.id for job in self._jobs.active())
        return read if at_work else replace(read, state="stopped")

    def _change(self, run: R, **values: Any) -> R:
        changed = replace(run, **values)
        self._write(changed)
        return changed

    def _write(self, run: R) -> None:
        folder = self._folder / run.id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(folder / self.RUN, json.dumps(asdict(run), ensure_ascii=False, indent=1))


def replace_file(path: Path, text: str) -> None:
    """Writes a file whole or not at all.

    Raises:
        NoRoom: the disk is full.
    """
    try:
        with replacing(path) as fresh:
            fresh.write_text(text, encoding="utf-8")
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise NoRoom(
            f"{path} cannot be written: the disk is full.", hint="Free space on the data folder's disk."
        ) from error
