"""What fails while a source is read: each failure named, nothing lost, nothing half there."""

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, failures, outcome

from freehold.errors import Conflict, NoRoom, NotFound, Unavailable
from freehold.knowledge.store import list_documents
from freehold.store.job_context import Interrupted


def test_a_folder_that_is_gone_or_empty_removes_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.write("a.md", "Words.")
    desk.sync()
    desk.root.rename(tmp_path / "away")
    with pytest.raises(NotFound, match="not there any more"):
        desk.sync()
    source = desk.sources.get(desk.source.id)
    assert source.state == "failed" and source.error is not None and "not there" in source.error
    desk.root.mkdir()
    with pytest.raises(Conflict, match="Nothing was removed"):
        desk.sync()
    assert desk.texts() == {"a.md": ["Words."]}
    desk.root.rmdir()
    (tmp_path / "away").rename(desk.root)
    assert outcome(desk.sync()) == (0, 0, 0, 1)
    source = desk.sources.get(desk.source.id)
    assert (source.state, source.error) == ("ready", None)


def denied(monkeypatch: pytest.MonkeyPatch, function: str, *paths: Path) -> None:
    """Makes the system refuse these paths, which it would not do to root."""
    whole = getattr(os, function)

    def refuse(path: Any, *rest: Any, **more: Any) -> Any:
        if Path(os.fsdecode(path)) in paths:
            raise PermissionError(13, "Permission denied")
        return whole(path, *rest, **more)

    monkeypatch.setattr(os, function, refuse)


def test_a_folder_that_may_not_be_looked_into_removes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write("a.md", "Words.")
    desk.write("sub/b.md", "Words below.")
    desk.write("subway/c.md", "Words beside.")
    desk.sync()
    with monkeypatch.context() as patch:
        denied(patch, "scandir", desk.root / "sub")
        (desk.root / "subway" / "c.md").unlink()
        report = desk.sync()
        assert failures(report) == {"sub/": "unavailable"}
        assert set(desk.texts()) == {"a.md", "sub/b.md"}
    with monkeypatch.context() as patch:
        denied(patch, "scandir", desk.root)
        with pytest.raises(Unavailable, match="Permission denied"):
            desk.sync()
    assert set(desk.texts()) == {"a.md", "sub/b.md"}


def test_a_file_that_may_not_be_read_is_named_and_keeps_what_was_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write("a.md", "Words.")
    desk.write("b.md", "Other words.")
    desk.sync()
    desk.write("a.md", "New words.", age=30)
    new = desk.write("c.md", "Third words.")
    with monkeypatch.context() as patch:
        denied(patch, "open", desk.root / "a.md", new)
        report = desk.sync()
    assert failures(report) == {"a.md": "unavailable", "c.md": "unavailable"}
    assert "Permission denied" in report.failed[0]["reason"]
    assert desk.texts() == {"a.md": ["Words."], "b.md": ["Other words."], "c.md": []}
    assert desk.sources.get(desk.source.id).failed == 2
    assert outcome(desk.sync()) == (0, 2, 0, 1)
    assert desk.texts() == {"a.md": ["New words."], "b.md": ["Other words."], "c.md": ["Third words."]}
    assert desk.sources.get(desk.source.id).failed == 0


def test_a_document_that_cannot_be_read_is_named_and_stops_nobody(desk: Desk) -> None:
    desk.write("a.md", "Words.")
    desk.write("empty.md", "")
    desk.write("broken.pdf", b"%PDF-1.7 and then nothing")
    desk.write("z.md", "Last words.")
    report = desk.sync()
    assert report.added == 2
    assert failures(report) == {"broken.pdf": "unreadable_document", "empty.md": "unreadable_document"}
    assert all(entry["reason"] for entry in report.failed)
    assert desk.sources.get(desk.source.id).failed == 2
    again = desk.sync()
    assert failures(again) == failures(report), "still said"
    assert desk.parser.names == [], "but not tried for nothing"
    desk.write("empty.md", "No more.", age=30)
    assert outcome(desk.sync()) == (0, 1, 0, 2)
    with desk.database.read() as connection:
        errors = {document.location: document.error_code for document in list_documents(connection)}
    assert errors == {"a.md": None, "broken.pdf": "unreadable_document", "empty.md": None, "z.md": None}


def test_a_document_that_became_unreadable_is_not_answered_from(desk: Desk) -> None:
    desk.write("a.md", "Words.")
    desk.sync()
    desk.write("a.md", "", age=30)
    assert failures(desk.sync()) == {"a.md": "unreadable_document"}
    assert desk.texts() == {"a.md": []}


def test_a_sync_that_was_stopped_goes_on_where_it_was(desk: Desk) -> None:
    for n in range(250):
        desk.write(f"{n:03}.md", f"Words of {n}.")
    saved: list[int] = []

    def progress(done: int, total: int, current: str = "", *, saved: bool = False) -> None:
        if saved:
            seen.append(done)

    seen: list[int] = []
    with pytest.raises(Interrupted):
        desk.ingest.sync(desk.source.id, progress, lambda: bool(seen))
    desk.check()
    stored = len(desk.texts())
    assert 0 < stored < 250
    assert desk.sources.get(desk.source.id).state == "new"
    assert outcome(desk.sync()) == (250 - stored, 0, 0, stored)
    assert len(desk.parser.names) == 250 - stored
    assert saved == []


def test_stopping_does_not_wait_for_a_slow_document(desk: Desk) -> None:
    desk.write("slow.md", "Words.")
    started, let_go = threading.Event(), threading.Event()

    def hang(name: str) -> None:
        started.set()
        let_go.wait(10)

    desk.parser.before = hang
    before = time.monotonic()
    with pytest.raises(Interrupted):
        desk.ingest.sync(desk.source.id, stopping=started.is_set)
    assert time.monotonic() - before < 3
    let_go.set()


def test_a_source_removed_while_it_is_read_leaves_nothing(desk: Desk) -> None:
    for n in range(120):
        desk.write(f"{n:03}.md", f"Words of {n}.")

    def remove(name: str) -> None:
        if name.startswith("110"):
            desk.sources.remove(desk.source.id)

    desk.parser.before = remove
    with pytest.raises(NotFound, match="removed"):
        desk.sync()
    assert desk.texts() == {}
    desk.check()


def test_a_full_disk_is_said_and_nothing_is_half_there(desk: Desk) -> None:
    for n in range(150):
        desk.write(f"{n:03}.txt", "\n\n".join(f"Words {n} {k}. " + "much text " * 80 for k in range(4)))
    with desk.database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 180}")
    with pytest.raises(NoRoom):
        desk.sync()
    with desk.database.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    desk.words.apply()
    desk.check()
    stored = len(desk.texts())
    assert stored < 150
    assert outcome(desk.sync()) == (150 - stored, 0, 0, stored)


def test_a_failure_of_our_own_is_noted_and_the_next_sync_goes_on(desk: Desk) -> None:
    desk.write("a.md", "Words.")

    def break_down(name: str) -> None:
        raise ZeroDivisionError

    desk.parser.before = break_down
    with pytest.raises(ZeroDivisionError):
        desk.sync()
    source = desk.sources.get(desk.source.id)
    assert (source.state, source.error) == ("failed", "Something went wrong that we did not expect.")
    desk.parser.before = lambda name: None
    assert outcome(desk.sync()) == (1, 0, 0, 0)


def test_an_index_that_fails_catches_up_at_the_next_sync(desk: Desk) -> None:
    desk.write("a.md", "Words.")
    whole, fails = desk.words.apply, [True]

    def apply() -> None:
        if fails:
            raise NoRoom("full")
        whole()

    desk.words.apply = apply  # type: ignore[method-assign]  # a disk that fills up
    with pytest.raises(NoRoom):
        desk.sync()
    fails.clear()
    assert outcome(desk.sync()) == (0, 0, 0, 1)
    assert len(desk.words.held) == 1
