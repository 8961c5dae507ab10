"""kill -9 at any moment of reading: the next start goes on, nothing is lost, doubled or half there."""

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from sqlalchemy import select

from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.store import documents, integrity, passages
from freehold.store.database import Database

PROCESS = Path(__file__).with_name("ingest_process.py")
DOCUMENTS = 210


class Reading:
    """The process on a home, until it is killed or has finished."""

    def __init__(self, home: Path, folder: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(PROCESS), str(home), folder], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self._said = self._process.stdout
        assert self._said.readline() == "ready\n"

    def kill_after(self, seconds: float) -> bool:
        """Whether it was still at work."""
        time.sleep(seconds)
        busy = self._process.poll() is None
        self._process.kill()
        self._process.wait()
        self._said.close()
        return busy

    def finish(self) -> None:
        assert self._said.readline() == "finished done\n"
        assert self._process.wait(30) == 0
        self._said.close()


def page(n: int, edition: int = 1) -> str:
    return "\n\n".join(
        [
            f"# Page {n}",
            f"Page{n}edition{edition} begins with these words of its own.",
            f"## Steps of {n}",
            f"1. Open thing{n}.\n2. Choose the second way.",
            f"## Always the same {n}",
            f"Constant{n} never changes, whatever happens above.",
        ]
    )


def stored(home: Path) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Passages' texts by document, and ids by text, of a store that must be sound at any moment."""
    database = Database(home / "freehold.db")
    with database.read() as connection:
        assert integrity(connection) == []
        rows = connection.execute(
            select(documents.c.location, passages.c.id, passages.c.text)
            .join(documents, documents.c.id == passages.c.document_id)
            .order_by(documents.c.location, passages.c.position)
        ).all()
    database.close()
    texts: dict[str, list[str]] = {}
    for row in rows:
        texts.setdefault(row.location, []).append(row.text)
    return texts, {row.text: row.id for row in rows}


def found(home: Path, word: str) -> int:
    """How many passages of the whole folder have this word, by the index alone."""
    database = Database(home / "freehold.db")
    lexical = LexicalIndex(home / "index", database)
    lexical.open()
    hits = lexical.search(word, sources=frozenset({1}), limit=1000)
    lexical.close()
    database.close()
    return len(hits)


def test_killed_at_random_moments_it_goes_on(tmp_path: Path) -> None:
    chance = random.Random(20260)
    home, folder = tmp_path / "home", tmp_path / "docs"
    home.mkdir()
    folder.mkdir()
    for n in range(DOCUMENTS):
        (folder / f"{n:03}.md").write_text(page(n))

    other = tmp_path / "other"
    other.mkdir()
    began = time.monotonic()
    Reading(other, str(folder)).finish()
    whole = time.monotonic() - began  # with the start of the process, which the moments below do not count

    busy, before = 0, 0
    for attempt in range(4):
        reading = Reading(home, str(folder) if attempt == 0 else "resume")
        busy += reading.kill_after(chance.uniform(0.02, 0.25) * whole)
        texts, _ = stored(home)
        assert all(len(parts) == 3 for parts in texts.values()), "a document is half there"
        assert len(texts) >= before, "what was there is gone"
        before = len(texts)
    assert busy, "no moment fell into the reading"
    Reading(home, "resume").finish()
    texts, ids = stored(home)
    assert Counter(len(parts) for parts in texts.values()) == {3: DOCUMENTS}
    assert found(home, "words") == DOCUMENTS

    for n in range(0, DOCUMENTS, 3):
        (folder / f"{n:03}.md").write_text(page(n, edition=2))
    for n in range(1, DOCUMENTS, 3):
        (folder / f"{n:03}.md").unlink()
    for attempt in range(2):
        Reading(home, str(folder) if attempt == 0 else "resume").kill_after(
            chance.uniform(0.02, 0.25) * whole
        )
        stored(home)
    Reading(home, "resume").finish()
    texts, ids_after = stored(home)
    assert Counter(len(parts) for parts in texts.values()) == {3: DOCUMENTS * 2 // 3}
    for n in range(DOCUMENTS):
        constant = f"Constant{n} never changes, whatever happens above."
        first = f"Page{n}edition{2 if n % 3 == 0 else 1} begins with these words of its own."
        assert (constant in ids_after) == (n % 3 != 1)
        assert (first in ids_after) == (n % 3 != 1)
        if n % 3 != 1:
            assert ids_after[constant] == ids[constant], "an unchanged passage lost its id"
    assert found(home, "words") == DOCUMENTS * 2 // 3
    assert found(home, "page0edition1") == 0
    assert found(home, "page0edition2") == 1
    assert found(home, "page1edition1") == 0
