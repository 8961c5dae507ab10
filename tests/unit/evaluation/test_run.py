"""Runs over suites: what is recorded, what a crash leaves, when a run ends early."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from freehold.assistant.trace import Checked, Trace
from freehold.errors import Conflict, EngineCrashed, FreeholdError, NoRoom
from freehold.evaluation.gold import Known
from freehold.evaluation.questions import Question
from freehold.evaluation.records import Records, records_in
from freehold.evaluation.run import FAILURES, Overheard, Place, run
from freehold.store.job_context import Interrupted
from freehold.testing import FakeEngine
from freehold.types import (
    AnswerEvent,
    Citation,
    Claim,
    DocumentRef,
    MessageEnd,
    MessageStart,
    Passage,
    Query,
    ScoredPassage,
    SearchResult,
    Turn,
    Usage,
)

DOCUMENT = DocumentRef(3, "Refunds", "help/refunds.md")
TEXT = "Refunds take five days."
PASSAGE = Passage(7, 1, DOCUMENT, ("Money",), TEXT, 0, len(TEXT))


@dataclass
class Script:
    """Answers every question the same, except those that it is told to fail."""

    traces: Overheard = field(default_factory=Overheard)
    failing: frozenset[str] = frozenset()
    seconds: float = 0.0
    parts: int = 1
    """Questions that every message is taken for."""
    asked: list[Query] = field(default_factory=list)
    searched: list[Query] = field(default_factory=list)
    running: int = 0
    most: int = 0

    async def answer(
        self, query: Query, assistant_id: str, *, instructions: str = ""
    ) -> AsyncGenerator[AnswerEvent, None]:
        self.asked.append(query)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            trace = Trace(f"trc_{len(self.asked)}", assistant_id, query.text, query.history, 0.0)
            trace.questions.extend(f"{query.text} In full?" for _ in range(self.parts))
            yield MessageStart(trace.id)
            await asyncio.sleep(self.seconds)
            if query.text in self.failing:
                trace.outcome = "failed"
                self.traces.record(trace)
                raise EngineCrashed("It died.")
            trace.outcome, trace.confidence, trace.threshold = "answered", 0.7, 0.1
            trace.claims.append(Claim(TEXT, (1,)))
            trace.citations.append(Citation(1, 7, DOCUMENT, ("Money",), TEXT, TEXT, 0, len(TEXT)))
            trace.checks.append(Checked(TEXT, (1,), True, ()))
            self.traces.record(trace)
            yield MessageEnd("answered", Usage(), trace.id)
        finally:
            self.running -= 1

    def place(self, **more: Any) -> Place:
        def search(query: Query, limit: int) -> SearchResult:
            self.searched.append(query)
            return SearchResult((ScoredPassage(PASSAGE, 0.91234, 0.8, None),), "words")

        return Place(self, self.traces, search, "default", **more)


def questions(count: int, start: int = 0) -> Iterator[Question]:
    return (
        Question(f"q{n}", f"Question {n}?", documents=("refunds.md",)) for n in range(start, start + count)
    )


async def test_what_is_recorded(tmp_path: Path) -> None:
    script, seen = Script(), []
    question = Question(
        "q", "How long?", (Turn("user", "Hi"),), documents=("refunds.md",), answers=("five days",)
    )
    known = Known([("help/refunds.md", "Refunds")])
    await run(
        iter([question, Question("r", "Else?", documents=("gone.md",))]),
        script.place(known=known),
        Records(tmp_path),
        progress=lambda done, current: seen.append((done, current)),
    )
    first, second = records_in(tmp_path)
    assert script.asked[0] == question.query
    assert first["found"] == [
        {"passage_id": 7, "location": "help/refunds.md", "title": "Refunds", "heading_path": ["Money"],
         "score": 0.9123, "lexical": 0.8, "dense": None, "gold": 0}
    ]  # fmt: skip
    assert first["citations"][0]["gold"] == 0
    assert first["claims"] == [{"text": TEXT, "citations": [1]}]
    assert first["checks"] == [{"text": TEXT, "cited": [1], "supported": True, "reasons": [], "score": 0.0}]
    assert (first["outcome"], first["confidence"], first["history"]) == ("answered", 0.7, [["user", "Hi"]])
    assert (first["gold_unknown"], second["gold_unknown"]) == (False, True)
    assert second["found"][0]["gold"] is None
    assert seen == [(0, ""), (1, "How long?"), (2, "Else?")]


@pytest.mark.parametrize(("parts", "searched"), [(0, "And?"), (1, "And? In full?"), (2, "And?")])
async def test_a_follow_up_is_searched_for_as_it_was_put_in_full(
    tmp_path: Path, parts: int, searched: str
) -> None:
    script, rewriting = Script(parts=parts), FakeEngine()
    before = (Turn("user", "How long?"),)
    asked = [Question("q", "And?", before, documents=("a",)), Question("r", "Who?", documents=("a",))]
    await run(iter(asked), script.place(rewriting=rewriting), Records(tmp_path))
    assert script.searched == [Query(searched, before), Query("Who?")]
    assert rewriting.closed
    assert next(iter(records_in(tmp_path)))["questions"] == ["And? In full?"] * parts


async def test_a_second_run_asks_what_is_left(tmp_path: Path) -> None:
    first, second = Script(failing=frozenset({"Question 1?"})), Script()
    await run(questions(3), first.place(), Records(tmp_path))
    assert [record["outcome"] for record in records_in(tmp_path)] == ["answered", "failed", "answered"]
    await run(questions(4), second.place(), Records(tmp_path))
    assert [query.text for query in second.asked] == ["Question 1?", "Question 3?"]
    latest = list(Records(tmp_path).latest())
    assert sorted(record["id"] for record in latest) == ["q0", "q1", "q2", "q3"]
    assert {record["outcome"] for record in latest} == {"answered"}


async def test_a_record_cut_in_half_is_made_again(tmp_path: Path) -> None:
    await run(questions(3), Script().place(), Records(tmp_path))
    path = tmp_path / "records.jsonl"
    data = path.read_bytes()
    path.write_bytes(data[:-40])
    script = Script()
    await run(questions(3), script.place(), Records(tmp_path))
    assert [query.text for query in script.asked] == ["Question 2?"]
    assert [record["id"] for record in records_in(tmp_path)] == ["q0", "q1", "q2"]
    path.write_bytes(data.replace(b'"id":"q1"', b'"id:"q1"'))
    with pytest.raises(Conflict, match="line 2: the record is damaged"):
        await run(questions(3), Script().place(), Records(tmp_path))
    path.write_bytes(b'{"id": ')
    records = Records(tmp_path)
    assert records.open() == set()
    records.close()
    assert path.read_bytes() == b""


async def test_a_run_ends_after_some_failures_in_a_row(tmp_path: Path) -> None:
    script = Script(failing=frozenset(f"Question {n}?" for n in range(4, 40)))
    with pytest.raises(EngineCrashed):
        await run(questions(40), script.place(), Records(tmp_path))
    assert len(script.asked) == 4 + FAILURES
    assert [record["error"] for record in records_in(tmp_path)][-1]["code"] == "engine_crashed"


async def test_several_at_once_where_there_are_places(tmp_path: Path) -> None:
    script, engine = Script(seconds=0.02), FakeEngine("x")
    await run(questions(12), script.place(at_once=4, engine=engine), Records(tmp_path))
    assert script.most == 4
    assert len({record["id"] for record in records_in(tmp_path)}) == 12
    assert engine.closed


async def test_customers_come_first(tmp_path: Path) -> None:
    script, busy = Script(), True
    task = asyncio.create_task(run(questions(2), script.place(busy=lambda: busy), Records(tmp_path)))
    await asyncio.sleep(0.3)
    assert script.asked == []
    busy = False
    await task
    assert len(script.asked) == 2


async def test_stopping(tmp_path: Path) -> None:
    script, stop = Script(seconds=30), threading.Event()
    task = asyncio.create_task(run(questions(2), script.place(), Records(tmp_path), stopping=stop.is_set))
    await asyncio.sleep(0.1)
    stop.set()
    with pytest.raises(Interrupted):
        await asyncio.wait_for(task, 5)
    assert script.running == 0
    assert list(records_in(tmp_path)) == []


async def test_a_full_disk_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(NoRoom, match="cannot be written"):
        await run(questions(2), Script().place(), Records(Path("/dev/full")))
    with pytest.raises(FreeholdError):
        records_in(tmp_path / "nowhere")


KILLED = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_run import Records, Script, questions, run
asyncio.run(run(questions(10_000), Script(seconds=0.002).place(at_once=3), Records(Path(sys.argv[1]))))
"""


def test_after_kill_9_nothing_is_lost_and_nothing_asked_twice(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(Path(__file__).parent)]
    path = tmp_path / "records.jsonl"
    with subprocess.Popen(command) as process:
        deadline = time.monotonic() + 60
        while not path.exists() or path.stat().st_size < 20_000:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    kept = [json.loads(line)["id"] for line in path.read_bytes().split(b"\n")[:-1]]
    script = Script()
    asyncio.run(run(questions(len(kept) + 5), script.place(), Records(tmp_path)))
    assert len(script.asked) == 5
    assert len({record["id"] for record in records_in(tmp_path)}) == len(kept) + 5
