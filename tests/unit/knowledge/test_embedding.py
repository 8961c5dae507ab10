"""Vectors come by themselves, give way to questions, and outlast the process that makes them."""

import os
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, insert, select, update

from freehold.assistant.assistants import assistants
from freehold.errors import EngineCrashed, Unavailable
from freehold.knowledge import embedding
from freehold.knowledge.embedding import Backfill, embedded_text
from freehold.knowledge.store import documents, load_passages, passages, sources, vectors
from freehold.store.database import Database
from freehold.store.migrations import migrate

CHILD = textwrap.dedent(
    """
    import array, json, os, signal, sys, time
    folder, threads = sys.argv[1:]
    def note(word):
        with open(f"{folder}/log", "a") as log:
            log.write(f"{word} {os.getpid()}\\n")
    note("start")
    if os.path.exists(f"{folder}/no-model"):
        error = {"code": "unavailable", "message": "No model.", "hint": "Get it."}
        print(json.dumps({"error": error}), flush=True)
        sys.exit(1)
    for line in sys.stdin.buffer:
        texts = json.loads(line)
        note(f"batch-{len(texts)}")
        if any("poison" in text for text in texts):
            os.kill(os.getpid(), signal.SIGKILL)
        if os.path.exists(f"{folder}/die-once"):
            os.unlink(f"{folder}/die-once")
            os.kill(os.getpid(), signal.SIGKILL)
        while os.path.exists(f"{folder}/hang"):
            time.sleep(0.01)
        rows = array.array("f")
        for text in texts:
            rows.extend([len(text), -1.0, 0.5, 0.0])
        sys.stdout.buffer.write(b'{"dimensions": 4}\\n' + rows.tobytes())
        sys.stdout.buffer.flush()
    note("end")
    """
)


class Desk:
    """A store with passages, and a backfill whose process is a script."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "child.py").write_text(CHILD)
        self.database = Database(home / "freehold.db")
        migrate(self.database)
        with self.database.write() as connection:
            connection.execute(
                insert(assistants).values(id="default", name="d", public_token="pub_d", created_at=0.0)
            )
            connection.execute(
                insert(sources).values(
                    id=1,
                    assistant_id="default",
                    kind="folder",
                    location="/d",
                    title="d",
                    state="ready",
                    created_at=0.0,
                )
            )
            connection.execute(
                insert(documents).values(
                    id=1, source_id=1, location="a.md", title="Title", content_hash="", size=1, synced_at=0.0
                )
            )
        self.told: list[int] = []
        self.busy = False
        self.running: list[Backfill] = []

    def add(self, *texts: str) -> None:
        with self.database.write() as connection:
            connection.execute(
                insert(passages),
                [
                    {"document_id": 1, "source_id": 1, "position": n, "heading_path": '["Title", "Part"]',
                     "start": 0, "end": len(text), "text": text, "text_hash": text}
                    for n, text in enumerate(texts)
                ],
            )  # fmt: skip

    def start(self, name: str = "fake") -> Backfill:
        backfill = Backfill(
            self.database,
            self.home,
            name,
            busy=lambda: self.busy,
            written=self.told.extend,
            command=(sys.executable, "-S", str(self.home / "child.py")),
            retry_seconds=0.05,
        )
        self.running.append(backfill)
        backfill.start()
        return backfill

    def stored(self) -> dict[int, tuple[str, float, bytes]]:
        with self.database.read() as connection:
            return {
                row.passage_id: (row.embedder, row.scale, row.vector)
                for row in connection.execute(select(vectors))
            }

    def log(self, word: str) -> list[int]:
        """The processes that noted this word."""
        path = self.home / "log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [int(line.split()[1]) for line in lines if line.startswith(word)]

    def close(self) -> None:
        for backfill in self.running:
            backfill.stop()
        self.database.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_passage_gets_its_vector_and_the_index_is_told(desk: Desk) -> None:
    desk.add(*(f"Words {n}" for n in range(150)))
    backfill = desk.start()
    until(lambda: backfill.progress() == (150, 150))
    stored = desk.stored()
    assert sorted(desk.told) == sorted(stored) == list(range(1, 151))
    assert [len(desk.log(word)) for word in ("batch-16 ", "batch-6 ", "batch", "start")] == [9, 1, 10, 1]


def test_a_vector_is_what_the_model_said_of_title_headings_and_text(desk: Desk) -> None:
    desk.add("Words")
    desk.start()
    until(lambda: len(desk.stored()) == 1)
    text = "Title\nPart\nWords"
    with desk.database.read() as connection:
        assert embedded_text(load_passages(connection, [1])[1]) == text
    embedder, scale, vector = desk.stored()[1]
    assert embedder == "fake"
    expected = np.array([len(text), -1.0, 0.5, 0.0])
    assert np.abs(np.frombuffer(vector, np.int8) * scale - expected).max() <= scale / 2 + 1e-6


def test_the_process_is_there_only_while_there_is_work(desk: Desk) -> None:
    desk.add("Words")
    backfill = desk.start()
    until(lambda: len(desk.stored()) == 1)
    until(lambda: not any(map(alive, desk.log("start"))))
    desk.add("More words")
    backfill.wake()
    until(lambda: len(desk.stored()) == 2)
    assert len(desk.log("start")) == 2


def test_nothing_to_do_starts_no_process(desk: Desk) -> None:
    backfill = desk.start()
    backfill.wake()
    time.sleep(0.2)
    assert desk.log("start") == []
    assert backfill.progress() == (0, 0)


def test_questions_go_first(desk: Desk) -> None:
    desk.busy = True
    desk.add("Words")
    desk.start()
    time.sleep(0.3)
    assert (desk.stored(), desk.log("batch")) == ({}, [])
    desk.busy = False
    until(lambda: len(desk.stored()) == 1)


def test_a_process_that_dies_is_started_again(desk: Desk) -> None:
    (desk.home / "die-once").touch()
    desk.add(*(f"Words {n}" for n in range(20)))
    desk.start()
    until(lambda: len(desk.stored()) == 20)
    assert len(desk.log("start")) == 2


def test_one_text_that_kills_it_costs_only_its_own_vector(desk: Desk) -> None:
    desk.add(*(f"Words {n}" for n in range(20)), "poison", "More")
    backfill = desk.start()
    until(lambda: len(desk.stored()) == 21)
    assert 21 not in desk.stored()
    desk.add("Later")
    backfill.wake()
    until(lambda: len(desk.stored()) == 22)
    assert len(desk.log("start")) <= 6


def test_another_model_embeds_everything_anew(desk: Desk) -> None:
    desk.add("One", "Two")
    first = desk.start("old")
    until(lambda: first.progress() == (2, 2))
    first.stop()
    second = desk.start("new")
    until(lambda: second.progress() == (2, 2))
    assert {embedder for embedder, _, _ in desk.stored().values()} == {"new"}


def test_what_changed_while_it_was_embedded_is_embedded_again(desk: Desk) -> None:
    (desk.home / "hang").touch()
    desk.add("One", "Two", "Three")
    backfill = desk.start()
    until(lambda: len(desk.log("batch-3")) == 1)
    with desk.database.write() as connection:
        connection.execute(delete(passages).where(passages.c.id == 1))
        connection.execute(update(passages).where(passages.c.id == 2).values(text="Two, but longer"))
    backfill.wake()
    (desk.home / "hang").unlink()
    until(lambda: len(desk.stored()) == 2)
    stored = desk.stored()
    assert set(stored) == {2, 3}
    _, scale, vector = stored[2]
    assert round(np.frombuffer(vector, np.int8)[0] * scale) == len("Title\nPart\nTwo, but longer")


def test_stopping_does_not_wait_for_a_batch(desk: Desk) -> None:
    (desk.home / "hang").touch()
    desk.add("Words")
    backfill = desk.start()
    until(lambda: len(desk.log("batch")) == 1)
    before = time.monotonic()
    backfill.stop()
    assert time.monotonic() - before < 2
    assert not any(map(alive, desk.log("start")))
    assert not any(thread.name == "vectors" for thread in threading.enumerate())


def test_no_model_is_a_problem_that_is_said_and_passes(desk: Desk) -> None:
    (desk.home / "no-model").touch()
    desk.add("Words")
    backfill = desk.start()
    until(lambda: backfill.problem is not None)
    assert backfill.problem is not None and backfill.problem.message == "No model."
    (desk.home / "no-model").unlink()
    until(lambda: len(desk.stored()) == 1)
    until(lambda: backfill.problem is None)


def test_what_a_process_says_before_it_reads_anything_is_heard(desk: Desk) -> None:
    (desk.home / "no-model").touch()
    process = embedding.EmbeddingProcess(
        [sys.executable, "-S", str(desk.home / "child.py"), str(desk.home), "1"]
    )
    more_than_a_pipe_holds = "x" * 2**21
    with pytest.raises(Unavailable, match="No model"):
        process.embed([more_than_a_pipe_holds])
    assert process.pid is None


def test_a_process_that_says_nothing_before_it_ends_has_died(desk: Desk) -> None:
    process = embedding.EmbeddingProcess([sys.executable, "-S", "-c", "pass"])
    with pytest.raises(EngineCrashed):
        process.embed(["x" * 2**21])
    assert process.pid is None


def test_a_program_that_is_missing_is_a_problem_too(desk: Desk) -> None:
    desk.add("Words")
    backfill = Backfill(desk.database, desk.home, "fake", command=("/no/such/program",), retry_seconds=0.05)
    desk.running.append(backfill)
    backfill.start()
    until(lambda: backfill.problem is not None)
    assert backfill.problem is not None and "cannot be started" in backfill.problem.message


def test_the_real_process_says_what_is_missing(tmp_path: Path) -> None:
    process = embedding.EmbeddingProcess(
        [sys.executable, "-m", "freehold.knowledge.embedding_child", str(tmp_path / "none"), "1"]
    )
    with pytest.raises(Unavailable):
        process.embed(["words"])
    assert process.pid is None
