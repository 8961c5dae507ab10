"""Reading a source: nothing doubled, and what did not change stays."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, failures, outcome
from sqlalchemy import select

from freehold.errors import NotFound
from freehold.knowledge import folder as folder_module
from freehold.knowledge.store import assistant_sources, counts, documents, get_document, load_passages
from freehold.store.job_runner import JobRunner
from freehold.store.jobs import Jobs


def test_a_folder_is_read_and_adding_again_changes_nothing(desk: Desk) -> None:
    desk.write("a.md", "# Alpha\n\nThe first words.")
    desk.write("sub/b.txt", "Second words.")
    desk.write("sub/picture.png", b"\x89PNG")
    report = desk.sync()
    assert (outcome(report), report.skipped, report.failed) == ((2, 0, 0, 0), 1, [])
    assert desk.texts() == {"a.md": ["The first words."], "sub/b.txt": ["Second words."]}
    source = desk.sources.get(desk.source.id)
    assert (source.state, source.documents, source.passages, source.error) == ("ready", 2, 2, None)
    assert source.synced_at is not None
    with desk.database.read() as connection:
        rows = connection.execute(select(documents)).all()
    before, changes = desk.ids(), desk.changes
    assert outcome(desk.sync()) == (0, 0, 0, 2)
    assert (desk.parser.names, desk.ids(), desk.changes) == ([], before, changes)
    with desk.database.read() as connection:
        assert connection.execute(select(documents)).all() == rows


def test_hidden_and_foreign_files_are_left_alone(desk: Desk) -> None:
    for name in (".hidden.md", ".git/a.md", "node_modules/b.md", "__pycache__/c.md", "sub/.x/d.md"):
        desk.write(name, "Not for readers.")
    desk.write("e.md", "For readers.")
    assert list(desk.texts()) == []
    desk.sync()
    assert list(desk.texts()) == ["e.md"]


def test_links_never_lead_outside_and_circles_end(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("Secret words.")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "f.md").write_text("Secret too.")
    desk.write("real.md", "Real words.")
    (desk.root / "out.md").symlink_to(tmp_path / "secret.md")
    (desk.root / "up").symlink_to(tmp_path)
    (desk.root / "elsewhere").symlink_to("../elsewhere")
    (desk.root / "self").symlink_to(".")
    (desk.root / "nowhere.md").symlink_to("gone.md")
    (desk.root / "circle.md").symlink_to("circle.md")
    (desk.root / "alias.md").symlink_to("real.md")
    desk.sync()
    assert desk.texts() == {"alias.md": ["Real words."], "real.md": ["Real words."]}


def test_what_is_no_file_is_not_opened(desk: Desk) -> None:
    os.mkfifo(desk.root / "pipe.md")
    desk.write("a.md", "Words.")
    assert outcome(desk.sync()) == (1, 0, 0, 0)


def test_names_in_any_bytes_are_read(desk: Desk) -> None:
    for name in (b"caf\xe9.md", "日本 語.md".encode(), b"a\nb.md", b"<script>.md"):
        with open(os.fsencode(desk.root) + b"/" + name, "wb") as file:  # noqa: PTH123
            file.write(b"Words.")
    assert outcome(desk.sync()) == (4, 0, 0, 0)
    assert set(desk.texts()) == {"caf\\xe9.md", "日本 語.md", "a\nb.md", "<script>.md"}
    assert outcome(desk.sync()) == (0, 0, 0, 4)
    desk.write("caf\\xe9.md", "Other words, named as the first is written.")
    report = desk.sync()
    assert (outcome(report), failures(report)) == ((0, 1, 0, 3), {"caf\\xe9.md": "unreadable_document"})


def test_the_same_bytes_at_two_places_are_two_documents(desk: Desk) -> None:
    desk.write("a.md", "The same.")
    desk.write("b.md", "The same.")
    desk.sync()
    assert desk.texts() == {"a.md": ["The same."], "b.md": ["The same."]}


def test_an_edit_replaces_what_changed_and_keeps_the_rest(desk: Desk) -> None:
    def page(*sections: str) -> str:
        return "# Page\n\n" + "\n\n".join(
            f"## Part {n}\n\n{text}" for n, text in enumerate(sections) if text is not None
        )

    desk.write("a.md", page("Zero stays.", "One goes.", "Two stays."))
    desk.sync()
    desk.vectorise()
    before = desk.ids()
    desk.write("a.md", page("Zero stays.", "One came.", "Two stays."), age=30)
    assert outcome(desk.sync()) == (0, 1, 0, 0)
    after = desk.ids()
    assert set(after) == {"Zero stays.", "One came.", "Two stays."}
    assert {after[text] for text in ("Zero stays.", "Two stays.")} == {
        before[text] for text in ("Zero stays.", "Two stays.")
    }
    assert after["One came."] not in before.values()
    assert desk.vectored() == {after["Zero stays."], after["Two stays."]}


def test_a_passage_that_moved_keeps_its_id_and_gets_its_new_place(desk: Desk) -> None:
    desk.write("a.md", "# P\n\n## Two\n\nTwo words.")
    desk.sync()
    before = desk.ids()["Two words."]
    desk.write("a.md", "# P\n\n## One\n\nOne word.\n\n## Two\n\nTwo words.", age=30)
    desk.sync()
    assert desk.ids()["Two words."] == before
    with desk.database.read() as connection:
        passage = load_passages(connection, [before])[before]
        _, text = get_document(connection, passage.document.id)
    assert text[passage.start : passage.end] == passage.text == "Two words."


def test_equal_passages_of_one_document_stay_apart(desk: Desk) -> None:
    same = "# P\n\n## A\n\nSame words.\n\n## A\n\nSame words.\n\n## A\n\nSame words."
    desk.write("a.md", same)
    desk.sync()
    assert desk.texts() == {"a.md": ["Same words."] * 3}
    held = set(desk.words.held)
    desk.write("a.md", same + "\n\n## B\n\nOther words.", age=30)
    desk.sync()
    assert held < set(desk.words.held)
    desk.write("a.md", "# P\n\n## A\n\nSame words.", age=20)
    desk.sync()
    assert desk.texts() == {"a.md": ["Same words."]}


def test_a_new_title_reaches_the_indexes_and_keeps_ids(desk: Desk) -> None:
    desk.write("a.md", "---\ntitle: Old name\n---\n\nThe words.")
    desk.sync()
    desk.vectorise()
    before = desk.ids()
    desk.write("a.md", "---\ntitle: New name\n---\n\nThe words.", age=30)
    assert outcome(desk.sync()) == (0, 1, 0, 0)
    assert desk.ids() == before
    assert [held.partition("|")[0] for held in desk.words.held.values()] == ["New name"]
    assert desk.vectored() == set()


def test_touching_a_file_changes_nothing(desk: Desk) -> None:
    desk.write("a.md", "Words.")
    desk.sync()
    desk.write("a.md", "Words.", age=10)
    assert outcome(desk.sync()) == (0, 0, 0, 1)
    assert desk.parser.names == []


def test_an_edit_within_the_stamps_grain_is_noticed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp = time.time_ns()
    path = desk.write("a.md", "Words 1.")
    os.utime(path, ns=(stamp, stamp))
    desk.sync()
    path.write_bytes(b"Words 2.")
    os.utime(path, ns=(stamp, stamp))  # the same size, the same stamp
    assert outcome(desk.sync()) == (0, 1, 0, 0)
    monkeypatch.setattr(folder_module, "SETTLED_NS", -(10**18))
    desk.sync()
    path.write_bytes(b"Words 3.")
    os.utime(path, ns=(stamp, stamp))
    assert outcome(desk.sync()) == (0, 0, 0, 1), "only the grain made it noticed"
    assert outcome(desk.sync(again=True)) == (0, 1, 0, 0)


def test_deleted_documents_leave_every_index(desk: Desk) -> None:
    for name in ("a.md", "b.md", "sub/c.md"):
        desk.write(name, f"Words of {name}.")
    desk.sync()
    desk.vectorise()
    (desk.root / "b.md").unlink()
    (desk.root / "sub" / "c.md").rename(desk.root / "sub" / "d.md")
    assert outcome(desk.sync()) == (1, 0, 2, 1)
    assert set(desk.texts()) == {"a.md", "sub/d.md"}
    assert len(desk.vectored()) == 1


def test_an_empty_folder_that_always_was_is_fine(desk: Desk) -> None:
    assert outcome(desk.sync()) == (0, 0, 0, 0)


def test_a_file_of_two_gigabytes_is_refused_without_being_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (desk.root / "huge.txt").open("wb") as file:
        file.truncate(2 * 2**30)
    desk.write("a.md", "Words.")
    whole = os.fdopen

    def fdopen(*given: Any) -> Any:
        opened = whole(*given)
        assert os.fstat(opened.fileno()).st_size < 2**30 or opened.tell() == 0
        return opened

    monkeypatch.setattr(os, "fdopen", fdopen)
    before = time.monotonic()
    report = desk.sync()
    assert time.monotonic() - before < 5
    assert failures(report) == {"huge.txt": "too_large"}
    assert "2,147,483,648 bytes" in report.failed[0]["reason"]
    assert desk.parser.names == ["a.md"]
    desk.write("huge.txt", "Small now.", age=30)
    assert outcome(desk.sync()) == (0, 1, 0, 1)


def test_a_higher_limit_is_noticed(desk: Desk) -> None:
    desk.max_bytes = 1024
    desk.write("a.txt", "word " * 500)
    assert failures(desk.sync()) == {"a.txt": "too_large"}
    assert failures(desk.sync()) == {"a.txt": "too_large"}
    desk.max_bytes = 10_000
    assert outcome(desk.sync()) == (0, 1, 0, 0)


def test_a_single_file_is_a_source(desk: Desk) -> None:
    path = desk.write("faq.jsonl", '{"question": "How much?", "answer": "Three coins."}\n')
    source = desk.sources.add(str(path))
    assert outcome(desk.sync(source)) == (1, 0, 0, 0)
    assert list(desk.texts()) == ["faq.jsonl"]
    desk.write("faq.jsonl", '{"question": "How much?", "answer": "Four coins."}\n', age=30)
    assert outcome(desk.sync(source)) == (0, 1, 0, 0)
    assert "Four coins." in str(desk.texts())
    path.unlink()
    assert outcome(desk.sync(source)) == (0, 0, 1, 0)
    assert desk.texts() == {}
    desk.root.rmdir()
    with pytest.raises(NotFound, match="not there any more"):
        desk.sync(source)


def test_a_single_file_of_no_known_kind_says_so(desk: Desk) -> None:
    source = desk.sources.add(str(desk.write("program.exe", b"MZ")))
    report = desk.sync(source)
    assert failures(report) == {"program.exe": "unreadable_document"}


def test_two_sources_do_not_touch_each_other(desk: Desk, tmp_path: Path) -> None:
    desk.write("a.md", "Words.")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "a.md").write_text("Other words.")
    other = desk.sources.add(str(tmp_path / "two"))
    desk.sync()
    desk.sync(other)
    (desk.root / "b.md").write_text("More.")
    (desk.root / "a.md").unlink()
    assert outcome(desk.sync()) == (1, 0, 1, 0)
    with desk.database.read() as connection:
        assert assistant_sources(connection, "default") == {desk.source.id, other.id}
        assert counts(connection, source_id=other.id).documents == 1
        assert counts(connection).documents == 2
    desk.sources.remove(other.id)
    desk.check()


def test_words_changed_in_an_included_fragment_reach_the_documents(desk: Desk) -> None:
    desk.write("includes/name.md", "Old Product")
    desk.write("a.md", "# A\n\nStart [!INCLUDE [name](includes/name.md)] now.")
    desk.write("b.md", "# B\n\nNothing is included.")
    desk.sync()
    assert desk.texts()["a.md"] == ["Start Old Product now."]
    kept = desk.ids()["Nothing is included."]
    desk.write("includes/name.md", "New Product", age=30)
    report = desk.sync()
    assert desk.texts()["a.md"] == ["Start New Product now."]
    assert "b.md" not in desk.parser.names
    assert desk.ids()["Nothing is included."] == kept
    assert (report.changed, report.unchanged) == (2, 1)
    assert outcome(desk.sync())[:3] == (0, 0, 0)


def test_as_a_job_it_reports_and_shows_how_far_it_is(desk: Desk) -> None:
    desk.write("a.md", "Words.")
    desk.write("b.md", "")
    jobs = Jobs(desk.database)
    job = jobs.enqueue("sync", {"source_id": desk.source.id})
    lost = jobs.enqueue("sync", {"source_id": 999})
    runner = JobRunner(jobs, {"sync": desk.ingest.job})
    runner.start()
    deadline = time.monotonic() + 10
    while jobs.active() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert runner.stop()
    done = jobs.get(job.id)
    assert done.result is not None
    assert {key: done.result[key] for key in ("added", "changed", "removed", "unchanged")} == {
        "added": 1,
        "changed": 0,
        "removed": 0,
        "unchanged": 0,
    }
    assert [entry["document"] for entry in done.result["failed"]] == ["b.md"]
    assert done.progress == {"done": 2, "total": 2, "current": ""}
    assert (jobs.get(lost.id).error or {})["code"] == "not_found"
