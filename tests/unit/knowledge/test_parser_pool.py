"""The parsers' children: limits hold, one document's end is no other's, nothing is left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from made_files import make_docx, make_pdf, paragraph

from freehold.errors import Unavailable, UnreadableDocument
from freehold.knowledge.parser_pool import ParserPool

GOOD = b"# Title\n\nWords."
MakePool = Callable[..., ParserPool]


@pytest.fixture
def make_pool() -> Iterator[MakePool]:
    pools: list[ParserPool] = []
    while children():  # of tests before this one, on their way out
        time.sleep(0.01)

    def make(**options: Any) -> ParserPool:
        pools.append(ParserPool(**{"children": 1, **options}))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def children() -> list[psutil.Process]:
    """The parsers of this process that live."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended, or waits to be fetched
            if "parser_worker" in " ".join(child.cmdline()):
                found.append(child)
    return found


def test_documents_of_every_kind_come_back_as_parsed_here(make_pool: MakePool, tmp_path: Path) -> None:
    pool = make_pool()
    (tmp_path / "a.md").write_bytes(GOOD)
    assert pool.parse("a.md", GOOD).text == "# Title\n\nWords."
    assert pool.parse("a.md", tmp_path / "a.md") == pool.parse("a.md", GOOD)
    assert pool.parse("a.html", b"<p>w\xf6rds</p>", "text/html; charset=latin-1").text == "wörds"
    assert pool.parse("a.pdf", make_pdf([[(700, 11, "Words of a page.")]])).text == "Words of a page."
    assert pool.parse("a.docx", make_docx(paragraph("Words"))).text == "Words"
    assert pool.parse("a.txt", "größe\n".encode() * 100_000).text.startswith("größe\ngröße")
    assert len(children()) == 1


def test_includes_are_found_from_the_source(make_pool: MakePool, tmp_path: Path) -> None:
    (tmp_path / "name.md").write_text("Acme")
    assert (
        make_pool().parse("a.md", b"At [!INCLUDE[x](name.md)] now", include_root=tmp_path).text
        == "At Acme now"
    )


def test_a_document_that_cannot_be_read_does_not_stop_the_others(make_pool: MakePool) -> None:
    pool = make_pool(children=1)
    for name, data in (("b.pdf", b"%PDF-"), ("c.csv", b"x")):
        with pytest.raises(UnreadableDocument):
            pool.parse(name, data)
        assert pool.parse("d.md", GOOD).title == "Title"


def test_processor_time_is_limited_for_each_document(make_pool: MakePool) -> None:
    pool = make_pool(seconds=1, wall_seconds=120)
    with pytest.raises(UnreadableDocument, match="longer than 1 s of processor time"):
        pool.parse("a.md", b"[" * 1_000_000)
    assert pool.parse("a.md", GOOD).title == "Title"
    (child,) = children()
    while sum(child.cpu_times()[:2]) < 2:  # the limit is for one document, not for all
        assert len(pool.parse("a.txt", b"word " * 250_000).blocks) == 1
    assert children() == [child]


def test_memory_is_limited(make_pool: MakePool) -> None:
    pool = make_pool(memory_bytes=150 * 2**20)
    for name, data in (("a.html", b"<p>a" * 4_000_000), ("a.txt", b"\xff\xfe" + b"a\x00" * 40_000_000)):
        with pytest.raises(UnreadableDocument, match="more than 150 MB"):
            pool.parse(name, data)
        assert pool.parse("a.md", GOOD).title == "Title"


def test_wall_time_is_limited(make_pool: MakePool) -> None:
    pool = make_pool(wall_seconds=1.0)
    pool.parse("a.md", GOOD)
    started = time.monotonic()
    with pytest.raises(UnreadableDocument, match="not read within 1 s"):
        pool.parse("a.md", b"[" * 1_000_000)
    assert time.monotonic() - started < 8


def test_a_crash_is_that_documents_error(make_pool: MakePool) -> None:
    pool = make_pool()
    pool.parse("a.md", GOOD)
    child = children()[0]
    threading.Timer(0.3, os.kill, (child.pid, signal.SIGSEGV)).start()
    with pytest.raises(UnreadableDocument, match=r"crashed on it \(SIGSEGV\)"):
        pool.parse("a.md", b"[" * 1_000_000)
    assert pool.parse("a.md", GOOD).title == "Title"


def test_a_child_lasts_however_much_memory_its_parent_has(make_pool: MakePool) -> None:
    ballast = bytearray(b"x") * (450 * 2**20)
    pool = make_pool()
    pool.parse("a.md", GOOD)
    before = [child.pid for child in children()]
    pool.parse("a.md", GOOD)
    assert [child.pid for child in children()] == before
    assert len(before) == 1
    assert ballast


def test_closing_does_not_wait_for_a_document(make_pool: MakePool) -> None:
    pool = make_pool()
    pool.parse("a.md", GOOD)
    threading.Timer(0.3, pool.close).start()
    started = time.monotonic()
    with pytest.raises(Unavailable, match="stopping"):
        pool.parse("a.md", b"[" * 1_000_000)
    assert time.monotonic() - started < 5


def test_a_child_that_died_at_rest_is_replaced_unseen(make_pool: MakePool) -> None:
    pool = make_pool()
    pool.parse("a.md", GOOD)
    child = children()[0]
    child.kill()
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert pool.parse("a.md", GOOD).title == "Title"


def test_an_idle_child_leaves_and_is_replaced(make_pool: MakePool) -> None:
    pool = make_pool(idle_seconds=1)
    pool.parse("a.md", GOOD)
    child = children()[0]
    deadline = time.monotonic() + 10
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert pool.parse("a.md", GOOD).title == "Title"


def test_many_threads_share_the_children(make_pool: MakePool) -> None:
    pool = make_pool(children=2)
    titles: list[str] = []

    def read(n: int) -> None:
        titles.append(pool.parse("a.md", b"# Title %d\n\nx" % n).title)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(titles) == sorted(f"Title {n}" for n in range(20))
    assert len(children()) == 2


def test_close_ends_the_children_and_refuses_more(make_pool: MakePool) -> None:
    pool = make_pool()
    pool.parse("a.md", GOOD)
    pool.close()
    assert children() == []
    with pytest.raises(Unavailable):
        pool.parse("a.md", GOOD)
    pool.close()


def test_a_child_is_polite_and_sees_no_secrets(make_pool: MakePool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEHOLD_ADMIN_KEY", "a secret of the server")
    make_pool().parse("a.md", GOOD)
    child = children()[0]
    assert child.nice() >= psutil.Process().nice() + 5 or child.nice() == 19
    assert not any(name.startswith("FREEHOLD") for name in child.environ())


def test_children_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = (
        "from freehold.knowledge.parser_pool import ParserPool\n"
        "pool = ParserPool(children=1)\npool.parse('a.md', b'x')\n"
        "print(pool._places.queue[0]._process.pid, flush=True)\npool.parse('a.md', b'[' * 10_000_000)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    time.sleep(0.3)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 20
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)
