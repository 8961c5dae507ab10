"""A site with every trap, read by following its links; the site's own log says what was asked for."""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from made_site import MadeSite
from sqlalchemy import select

from freehold.assistant.assistants import Assistants
from freehold.egress import Egress
from freehold.errors import Conflict, FetchFailed
from freehold.knowledge import site as crawling
from freehold.knowledge.asking import AT_ONCE
from freehold.knowledge.ingest import Ingest
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.options import SiteOptions
from freehold.knowledge.origin import SyncReport
from freehold.knowledge.parser_pool import ParserPool
from freehold.knowledge.sources import Sources
from freehold.knowledge.store import documents, integrity
from freehold.store.database import Database
from freehold.store.migrations import migrate

PROCESS = Path(__file__).with_name("ingest_process.py")
PAGES = 60
BOUNDED = ("/calendar/", "/nested/")
"""Spaces without end, of which a few pages may be read."""


class Home:
    """A data folder and what reads into it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.database = Database(folder / "freehold.db")
        migrate(self.database)
        Assistants(self.database, demo=False).ensure()
        self.lexical = LexicalIndex(folder / "index", self.database)
        self.lexical.open()
        self.parsers = ParserPool(children=2)
        self.sources = Sources(self.database)
        egress = Egress(allowed_private=["localhost"])
        self.ingest = Ingest(self.database, self.lexical, self.parsers, egress, max_document_bytes=10**6)

    def close(self) -> None:
        self.parsers.close()
        self.lexical.close()
        self.database.close()

    def sync(self, source: int, **more: Any) -> SyncReport:
        report = self.ingest.sync(source, **more)
        with self.database.read() as connection:
            assert integrity(connection) == []
        return report

    def found(self, words: str, source: int) -> int:
        return len(self.lexical.search(words, sources=frozenset({source}), limit=100))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    yield home
    home.close()


def stored(database: Database, base: str) -> dict[str, str]:
    """Texts by path."""
    with database.read() as connection:
        rows = connection.execute(select(documents.c.location, documents.c.text)).all()
    return {row.location.removeprefix(base): row.text for row in rows}


def bounded(texts: dict[str, str]) -> list[str]:
    return [path for path in texts if path.startswith(BOUNDED)]


def test_a_site_is_read_whole_and_kept_up_with(home: Home) -> None:
    with MadeSite(PAGES, slow_seconds=0.3) as site:
        source = home.sources.add(f"{site.base}/", site=SiteOptions()).id
        report = home.sync(source)
        texts = stored(home.database, site.base)
        assert set(texts) - set(bounded(texts)) == site.expected()
        assert len(bounded(texts)) == 10  # seven months of the calendar, three nested pages
        assert [path for path, count in site.asked().items() if count > 1] == []
        assert site.forbidden() == []
        assert (report.added, report.failed) == (len(texts), [])
        left_out = {reason: entry["count"] for reason, entry in report.left_out.items()}
        assert left_out.pop("links") > PAGES
        assert left_out.pop("robots") == PAGES + 4
        assert left_out == {
            "noindex": 2,
            "duplicate": 5,
            "redirect": 39,
            "redirects": 2,
            "off_site": 2,
            "kind": 2,
            "canonical": 10,
            "soft_404": 10,
            "endless": 2,
        }
        assert home.found("blue", source) == 1
        assert all("Home" not in text.split() for text in texts.values())

        site.log.clear()
        report = home.sync(source)
        assert (report.added, report.changed, report.removed) == (0, 5, 0)
        assert report.unchanged == len(texts) - 5
        assert sum(status == 304 for _, status in site.log) >= len(texts) - 6  # a double has no stamp
        assert [path for path, count in site.asked().items() if count > 1] == []

        site.edition = 2
        site.log.clear()
        report = home.sync(source)
        assert [path for path, count in site.asked().items() if count > 1] == []
        assert site.forbidden() == []
        after = stored(home.database, site.base)
        assert set(after) - set(bounded(after)) == site.expected()
        assert (report.removed, report.changed) == (PAGES * 3 // 10, PAGES // 10 + 5)
        assert home.found("article 13 edition 1", source) > 0
        assert texts["/section/0/article-1.html"] != after["/section/0/article-1.html"]


def test_a_site_that_is_away_loses_nothing(home: Home) -> None:
    with MadeSite(20) as site:
        source = home.sources.add(f"{site.base}/", site=SiteOptions()).id
        home.sync(source)
        before = stored(home.database, site.base)
        site.down = True
        with pytest.raises(FetchFailed, match="status 503"):
            home.sync(source)
        assert stored(home.database, site.base) == before
        site.down = False
        site._answer_of = lambda target: site._html("Back soon", "<p>We are working on it, please wait.</p>")
        with pytest.raises(Conflict, match="every address with the same page"):
            home.sync(source)
        assert stored(home.database, site.base) == before
        del site._answer_of
        report = home.sync(source)
        assert (report.added, report.removed) == (0, 0)
        assert set(stored(home.database, site.base)) == set(before)


def test_a_host_that_stops_answering_is_left_alone_and_gone_on_with(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crawling, "FAILURES_IN_A_ROW", 4)
    with MadeSite(40) as site:
        source = home.sources.add(f"{site.base}/", site=SiteOptions()).id

        def fall(done: int, _total: int, _current: str = "", *, saved: bool = False) -> None:
            site.down = site.down or done > 60

        with pytest.raises(FetchFailed, match="stopped answering"):
            home.sync(source, progress=fall)
        assert len(site.log) < 80
        good = {path for path, status in site.log if status != 503 and path != "/robots.txt"}
        site.down = False
        site.log.clear()
        report = home.sync(source)
        assert good.isdisjoint(site.asked())
        texts = stored(home.database, site.base)
        assert set(texts) - set(bounded(texts)) == site.expected()
        assert report.failed == []


def test_limits_hold_and_what_lies_beyond_them_stays(home: Home) -> None:
    with MadeSite(PAGES) as site:
        source = home.sources.add(f"{site.base}/", site=SiteOptions(pages=30)).id
        report = home.sync(source)
        assert sum(site.asked().values()) == 30 + 2  # the sitemap, and an address that cannot exist
        assert report.left_out["pages"]["count"] > 20
        with home.database.read() as connection:
            count = len(connection.execute(select(documents.c.id)).all())
        home.sources.add(f"{site.base}/", site=SiteOptions(pages=10))
        report = home.sync(source)
        assert report.removed == 0
        with home.database.read() as connection:
            assert len(connection.execute(select(documents.c.id)).all()) >= count
        other = home.sources.add(f"{site.base}/section/1/", site=SiteOptions(depth=1)).id
        site.log.clear()
        home.sync(other)
        assert all(path.startswith(("/section/1/", "/robots.txt", "/sitemap.xml")) for path, _ in site.log), (
            "it left its part of the site"
        )


class Crawl:
    """The crawling process, killed when the site has been asked so often."""

    def __init__(self, home: Path, location: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(PROCESS), str(home), location], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self._said = self._process.stdout
        assert self._said.readline() == "ready\n"

    def kill_when(self, reached: Callable[[], bool]) -> bool:
        """Whether it was still at work."""
        while not reached() and self._process.poll() is None:
            time.sleep(0.002)
        busy = self._process.poll() is None
        self._process.kill()
        self._process.wait()
        self._said.close()
        return busy

    def finish(self) -> None:
        assert self._said.readline() == "finished done\n"
        assert self._process.wait(60) == 0
        self._said.close()


def test_killed_at_random_moments_it_goes_on(tmp_path: Path) -> None:
    chance = random.Random(20263)
    with MadeSite(PAGES, slow_seconds=0.3) as site:
        moments = sorted(chance.sample(range(10, PAGES + 40), 2))
        for number, moment in enumerate(moments):
            crawl = Crawl(tmp_path, f"{site.base}/" if number == 0 else "resume")
            assert crawl.kill_when(lambda moment=moment: len(site.log) >= moment)
        Crawl(tmp_path, "resume").finish()
        twice = {path: count for path, count in site.asked().items() if count > 1}
        assert sum(twice.values()) - len(twice) <= AT_ONCE * len(moments), twice
        assert site.forbidden() == []
        database = Database(tmp_path / "freehold.db")
        with database.read() as connection:
            assert integrity(connection) == []
        texts = stored(database, site.base)
        assert set(texts) - set(bounded(texts)) == site.expected()
        assert len(bounded(texts)) == 10
        database.close()
