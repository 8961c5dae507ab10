"""Evaluations: started, worked off in the background, kept as files under `runs/` of the data folder.

An evaluation is a folder: `run.json` (what was wished, how it stands), `records.jsonl`, and once it is done
`scorecard.json` and `report.html`. Where questions are asked is opened by a callable from above.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from freehold.errors import Conflict, InvalidInput, NotFound
from freehold.evaluation.shelf import Kept, Shelf, replace_file
from freehold.store.job_context import JobContext
from freehold.store.jobs import Job, Jobs

log = logging.getLogger(__name__)

KIND = "evaluate"
"""Of the jobs."""
RULE = "none"
"""No model puts follow-ups in full."""
RUN, SCORECARD, PAGE = "run.json", "scorecard.json", "report.html"
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,120}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be evaluated."""

    suite: str
    """Absolute path of a suite."""
    assistant: str = "default"
    model: str | None = None
    """Id of a model; None quotes."""
    rewrite: str | None = None
    """Who puts follow-ups in full: the id of a model, or RULE; None, whoever does in service."""
    limit: int | None = None
    """Ask so many of the questions only."""
    leave_out: float | None = None
    """Share of the suite's gold passages to take away."""
    columns: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = False
    """Ask every question, though an equal evaluation was cut off."""


@dataclass(frozen=True, slots=True)
class Evaluation(Kept):
    """One evaluation as it stands."""

    id: str
    wish: Wish
    state: str
    """queued | running | done | failed | stopped (cancelled: another can go on from it)"""
    created_at: float
    finished_at: float | None = None
    suite: Mapping[str, Any] = field(default_factory=dict)
    """Name, version, licence, source, questions; empty until it was read."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the answers depend on; empty until the first question."""
    key: str = ""
    """Equal for evaluations that can go on from each other's records."""
    went_on_from: str | None = None
    error: Mapping[str, Any] | None = None


class Evaluations(Shelf[Evaluation]):
    """The evaluations of one data folder."""

    NAME, COMMAND, RESULT, RUN = "evaluation", "freehold evaluate", "scorecard", RUN

    def __init__(
        self,
        folder: Path,
        jobs: Jobs,
        *,
        place: Callable[[Wish, Any, JobContext], AbstractContextManager[Any]],
        mark: Callable[[], str] = lambda: secrets.token_hex(2),
    ) -> None:
        """`place` opens where a suite's questions are asked: (wish, `Suite`, context) to a `run.Place`."""
        super().__init__(folder, jobs)
        self._place = place
        self._mark = mark

    def start(self, wish: Wish) -> tuple[Evaluation, Job]:
        """Makes an evaluation and queues its work; an equal one that is at work is returned instead.

        Raises:
            NotFound: there is nothing at the suite's path.
            InvalidInput: the wish cannot be fulfilled as it stands.
        """
        path = Path(wish.suite)
        if not path.is_absolute():
            raise InvalidInput(f"{wish.suite} is not an absolute path.", hint="Write it from the root: /…")
        try:
            there = path.exists()
        except (OSError, ValueError):
            there = False
        if not there:
            raise NotFound(f"There is no suite {wish.suite}.")
        if not wish.fresh and (going := self._going(wish)) is not None:
            return going
        now = time.time()
        name = re.sub(r"[^a-z0-9]+", "-", path.stem.partition(".")[0].lower()).strip("-")[:40] or "suite"
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S")
        made = Evaluation(f"{stamp}-{name}-{self._mark()}", wish, "queued", now)
        self._write(made)
        return made, self._jobs.enqueue(KIND, {"evaluation": made.id})

    def _going(self, wish: Wish) -> tuple[Evaluation, Job] | None:
        """An equal evaluation that is at work: it may have been taken up again after a crash."""
        for job in self._jobs.active():
            if job.kind == KIND and (found := self.get(job.payload["evaluation"])).wish == wish:
                return found, job
        return None

    def _read(self, path: Path) -> Evaluation:
        return read_evaluation(path)

    def _work(self, run: Evaluation, context: JobContext) -> Evaluation:
        # here, not above: an idle server holds none of it in memory
        from freehold.evaluation import public_sets
        from freehold.evaluation.records import Records
        from freehold.evaluation.run import run as ask_all

        evaluation, wish = run, run.wish
        context.progress(0, 0, "reading the suite")
        suite = public_sets.suite(Path(wish.suite), wish.columns, context.raise_if_cancelled)
        if wish.leave_out is not None:
            suite = suite.leaving_out(wish.leave_out)
        about = {
            "name": suite.name,
            "version": suite.version,
            "licence": suite.licence,
            "source": suite.source,
            "description": suite.description,
            "questions": suite.count,
        }
        evaluation = self._change(evaluation, state="running", suite=about)
        context.raise_if_cancelled()
        total = suite.count if wish.limit is None else min(wish.limit, suite.count)
        folder = self._folder / evaluation.id
        with self._place(wish, suite, context) as place:
            records = Records(folder)
            key = _key(suite.version, wish, place.facts)
            if evaluation.key != key:  # what was answered under other circumstances does not count
                records.path.unlink(missing_ok=True)
            evaluation = self._change(evaluation, facts=place.facts, key=key)
            if not wish.fresh:
                evaluation = self._go_on(evaluation)
            asyncio.run(
                ask_all(
                    suite.chosen(wish.limit),
                    place,
                    records,
                    progress=lambda done, current: context.progress(
                        done, total, current, saved=bool(current)
                    ),
                    stopping=lambda: context.stopping,
                )
            )
        return self._finish(evaluation)

    def _go_on(self, evaluation: Evaluation) -> Evaluation:
        """Takes over the records of the newest equal evaluation that was cut off."""
        folder = self._folder / evaluation.id
        for other in self.list():
            if other.key != evaluation.key or other.state not in ("failed", "stopped"):
                continue
            left = self._folder / other.id / "records.jsonl"
            if left.is_file() and not (folder / left.name).exists():
                left.rename(folder / left.name)
                shutil.rmtree(self._folder / other.id)
                return self._change(evaluation, went_on_from=other.id)
        return evaluation

    def _finish(self, evaluation: Evaluation) -> Evaluation:
        from freehold.evaluation.compare import compare
        from freehold.evaluation.records import Records
        from freehold.evaluation.report import report
        from freehold.evaluation.scorecard import scorecard

        folder = self._folder / evaluation.id
        finished = time.time()
        card = scorecard(header(evaluation) | {"finished_at": finished}, Records(folder).latest())
        before = self._before(evaluation)
        change = None
        if before is not None:
            change = compare(Records(self._folder / before.id).latest(), Records(folder).latest())
        replace_file(folder / SCORECARD, json.dumps(card, ensure_ascii=False, indent=1))
        replace_file(folder / PAGE, report(card, None if before is None else header(before), change))
        return self._change(evaluation, state="done", finished_at=finished)

    def _before(self, evaluation: Evaluation) -> Evaluation | None:
        """The finished evaluation before this one that asked the same questions of the same assistant."""
        asked = (evaluation.suite.get("version"), evaluation.wish.assistant, evaluation.wish.limit)
        for other in self.list():
            same = (other.suite.get("version"), other.wish.assistant, other.wish.limit) == asked
            if same and other.state == "done" and other.id != evaluation.id:
                return other
        return None


def read_evaluation(path: Path) -> Evaluation:
    """What a `run.json` says.

    Raises:
        Conflict: it is none.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Evaluation(**(values | {"wish": Wish(**values["wish"])}))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise Conflict(f"{path} is damaged: {error}.", hint="Remove its folder.") from None


def header(evaluation: Evaluation) -> dict[str, Any]:
    """What a scorecard says of the run that it is of."""
    return {
        "evaluation": evaluation.id,
        "suite": dict(evaluation.suite),
        "facts": dict(evaluation.facts),
        "assistant": evaluation.wish.assistant,
        "limit": evaluation.wish.limit,
        "created_at": evaluation.created_at,
        "finished_at": evaluation.finished_at,
    }


def _key(version: str, wish: Wish, facts: Mapping[str, Any]) -> str:
    parts = [version, wish.assistant, wish.model, wish.limit, wish.leave_out, dict(facts)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
