"""Pages and sitemaps: their own host only, politely, and what cannot be fetched this time is kept."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from freehold.assistant.assistants import assistants
from freehold.egress import Egress
from freehold.errors import (
    Conflict,
    EgressDenied,
    FetchFailed,
    FreeholdError,
    InvalidInput,
    NotFound,
    TooLarge,
    Unavailable,
    UnreadableDocument,
)
from freehold.knowledge import crawl, ingest
from freehold.knowledge.crawl import Web
from freehold.knowledge.ingest import Ingest
from freehold.knowledge.origin import Item, Known, SyncReport
from freehold.knowledge.parse import parse
from freehold.knowledge.sitemap import MAX_SITEMAP_BYTES, read_sitemap
from freehold.knowledge.sources import Sources
from freehold.knowledge.store import documents
from freehold.net import Fetched
from freehold.store.database import Database
from freehold.store.job_context import Interrupted
from freehold.store.migrations import migrate

SITE = "https://docs.test/sitemap.xml"


class Site:
    """What `net.fetch` would give, and what it was asked."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[bytes, dict[str, str]] | FreeholdError] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.slept: list[float] = []

    def put(self, url: str, body: str | bytes, **headers: str) -> None:
        said = {
            "content-type": "text/html",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        self.pages[url] = (body.encode() if isinstance(body, str) else body, said)

    def get(self, url: str, *, egress: Egress, max_bytes: int, headers: dict[str, str], **_: Any) -> Fetched:
        self.asked.append((url, headers))
        page = self.pages.get(url, NotFound(f"{url} does not exist"))
        if isinstance(page, FreeholdError):
            raise page
        body, said = page
        etag = said.get("etag")
        same = headers.get("If-None-Match", "?") == etag or headers.get("If-Modified-Since", "?") == said.get(
            "last-modified"
        )
        return Fetched(
            url=url,
            status=304 if same else 200,
            headers=said,
            content_type=said["content-type"],
            charset=None,
            body=b"" if same else body,
            etag=etag,
            not_modified=same,
            address="192.0.2.1",
        )

    def web(self, location: str = SITE, kind: Any = "sitemap", egress: Egress | None = None) -> Web:
        return Web(
            location,
            kind,
            egress=egress or Egress(),
            max_bytes=10_000,
            get=self.get,
            sleep=self.slept.append,
        )

    def urls(self, **more: Any) -> list[str]:
        return [item.location for item in self.web(**more).listing(lambda: False).items]


def urlset(*urls: str) -> str:
    entries = "".join(f"<url><loc>{url}</loc><lastmod>2026-01-01</lastmod></url>" for url in urls)
    return (
        f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'
    )


def index(*urls: str) -> str:
    return f"<sitemapindex>{''.join(f'<sitemap><loc>{url}</loc></sitemap>' for url in urls)}</sitemapindex>"


@pytest.fixture
def site() -> Site:
    return Site()


def test_a_sitemap_names_the_pages_of_its_host_once_each(site: Site) -> None:
    site.put(
        SITE,
        urlset(
            "https://docs.test/a",
            " https://docs.test/b?x=1&amp;y=2\n",
            "HTTPS://DOCS.TEST/a#part",
            "https://elsewhere.test/c",
            "https://docs.test.evil.test/d",
            "http://127.0.0.1/e",
            "file:///etc/passwd",
            "https://docs.test:8443/f",
            "https://user@docs.test/g",
            "/relative",
            "",
            "http://[",
        ),
    )
    assert site.urls() == ["https://docs.test/a", "https://docs.test/b?x=1&y=2", "https://docs.test/relative"]


def test_a_sitemap_of_other_hosts_only_says_so(site: Site) -> None:
    site.put(SITE, urlset("https://www.docs.test/a", "https://www.docs.test/b", "https://cdn.test/c"))
    with pytest.raises(EgressDenied, match=r"3 addresses on other hosts, such as www\.docs\.test"):
        site.urls()
    site.put(SITE, urlset("https://www.docs.test/a", "https://docs.test/b"))
    assert site.web().listing(lambda: False).skipped == 1


def test_hosts_that_a_setting_allows_are_read_too(site: Site) -> None:
    site.put(SITE, urlset("https://docs.test/a", "https://more.test/b"))
    assert site.urls(egress=Egress(["more.test"])) == ["https://docs.test/a", "https://more.test/b"]


def test_an_index_is_followed_and_circles_end(site: Site) -> None:
    site.put(SITE, index("https://docs.test/one.xml.gz", "https://docs.test/two.xml", SITE))
    site.put("https://docs.test/one.xml.gz", gzip.compress(urlset("https://docs.test/a").encode()))
    site.put(
        "https://docs.test/two.xml", index(SITE, "https://docs.test/three.xml", "https://else.test/x.xml")
    )
    site.put("https://docs.test/three.xml", urlset("https://docs.test/b", "https://docs.test/a"))
    assert site.urls() == ["https://docs.test/a", "https://docs.test/b"]
    assert len(site.asked) == 4


def test_a_list_of_addresses_is_a_sitemap_too(site: Site) -> None:
    site.put(SITE, "https://docs.test/a\nhttps://docs.test/b\n")
    assert site.urls() == ["https://docs.test/a", "https://docs.test/b"]


BILLION_LAUGHS = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<urlset><url><loc>https://docs.test/&b;</loc></url></urlset>"""

OUTSIDE = """<!DOCTYPE urlset [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<urlset><url><loc>https://docs.test/&x;</loc></url></urlset>"""


@pytest.mark.parametrize(
    "body",
    [
        BILLION_LAUGHS,
        OUTSIDE,
        "<!DOCTYPE urlset><urlset></urlset>",
        "<html><body>Not found</body></html>",
        "<urlset><url><loc>https://docs.test/a",
        "<urlset>" + "<url>" * 100,
        "",
        "just words",
        "{}",
        '<?xml version="1.0" encoding="no-such"?><urlset/>',
        b"\x1f\x8bnot packed",
        pytest.param(gzip.compress(b"<urlset></urlset>")[:-9], id="gzip cut short"),
        b"\xff\xfe<\0u\0",
    ],
)
def test_what_is_no_sitemap_is_refused(body: str | bytes) -> None:
    with pytest.raises(UnreadableDocument):
        read_sitemap(body.encode() if isinstance(body, str) else body)


def test_a_sitemap_that_unpacks_without_end_is_refused() -> None:
    with pytest.raises(TooLarge):
        read_sitemap(gzip.compress(b"<urlset>" + b" " * (MAX_SITEMAP_BYTES + 1)))


def test_too_many_pages_are_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawl, "MAX_PAGES", 3)
    site.put(SITE, urlset(*(f"https://docs.test/{n}" for n in range(4))))
    with pytest.raises(InvalidInput, match="more than 3 pages"):
        site.urls()


def test_a_sitemap_that_is_not_there_fails_as_a_whole(site: Site) -> None:
    with pytest.raises(Unavailable):
        site.urls()
    site.pages[SITE] = EgressDenied("no")
    with pytest.raises(EgressDenied):
        site.urls()


def test_a_part_that_is_missing_is_reported_and_nothing_is_given_up(site: Site) -> None:
    site.put(SITE, index("https://docs.test/one.xml", "https://docs.test/two.xml"))
    site.put("https://docs.test/two.xml", urlset("https://docs.test/b"))
    listing = site.web().listing(lambda: False)
    assert [item.location for item in listing.items] == ["https://docs.test/b"]
    assert [place for place, _ in listing.failures] == ["https://docs.test/one.xml"]
    assert "https://docs.test/anything".startswith(listing.unseen)


def test_requests_are_spaced_and_those_to_ones_own_machine_are_not(site: Site) -> None:
    for url in ("https://docs.test/a", "https://docs.test/b"):
        site.put(url, "<p>Words.</p>")
    for egress, pauses in ((Egress(), 1), (Egress([], ["docs.test"]), 0)):
        site.slept.clear()
        web = site.web(egress=egress)
        for url in ("https://docs.test/a", "https://docs.test/b"):
            web.read(Item(url), None)
        assert site.slept == [crawl.DELAY_SECONDS] * pauses


def test_a_host_that_asks_to_wait_is_waited_for_once(site: Site) -> None:
    url = "https://docs.test/a"
    site.pages[url] = FetchFailed("429", retry_after=3)
    with pytest.raises(FetchFailed):
        site.web().read(Item(url), None)
    assert sum(site.slept) == 3
    assert len(site.asked) == 2
    site.pages[url] = FetchFailed("503", retry_after=4000)
    with pytest.raises(FetchFailed):
        site.web().read(Item(url), None)
    assert sum(site.slept) == 3


def test_stopping_does_not_wait_for_a_pause(site: Site) -> None:
    url = "https://docs.test/a"
    site.pages[url] = FetchFailed("429", retry_after=50)
    web = site.web(url, "page")
    web.listing(lambda: len(site.slept) >= 2)
    with pytest.raises(Interrupted):
        web.read(Item(url), None)
    assert len(site.slept) == 2


def known(etag: str | None, error_code: str | None = None) -> Known:
    return Known(1, 1, None, "", etag, None if error_code is None else "why", error_code)


def test_a_page_is_asked_for_only_if_it_changed(site: Site) -> None:
    url = "https://docs.test/a"
    site.put(url, "<p>Words.</p>", etag='W/"1: x"')
    content = site.web(url, "page").read(Item(url), None)
    assert content is not None
    assert (content.data, content.name, content.media_type) == (b"<p>Words.</p>", url, "text/html")
    assert site.web(url, "page").read(Item(url), known(content.etag)) is None
    assert site.web(url, "page").read(Item(url), known(content.etag, "fetch_failed")) is not None
    site.put(url, "<p>Words.</p>", last_modified="Mon, 23 Nov 2026 09:00:00 GMT")
    content = site.web(url, "page").read(Item(url), None)
    assert content is not None
    assert site.web(url, "page").read(Item(url), known(content.etag)) is None


def test_a_sitemap_given_as_a_page_says_so(site: Site) -> None:
    site.put("https://docs.test/map", urlset("https://docs.test/a"))
    with pytest.raises(UnreadableDocument, match="sitemap"):
        site.web("https://docs.test/map", "page").read(Item("https://docs.test/map"), None)


@pytest.fixture
def sync(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], tuple[SyncReport, dict[str, str]]]]:
    database = Database(tmp_path / "freehold.db")
    migrate(database)
    with database.write() as connection:
        connection.execute(
            insert(assistants).values(id="default", name="d", public_token="pub_d", created_at=0.0)
        )

    class InProcess:
        def parse(self, name: str, data: bytes, media_type: str | None = None, **_: Any) -> Any:
            return parse(name, data, media_type)

    class NoWords:
        def apply(self) -> None: ...

    def web(location: str, kind: Any, **_: Any) -> Web:
        return site.web(location, kind)

    monkeypatch.setattr(ingest, "Web", web)
    reader = Ingest(database, NoWords(), InProcess(), Egress(), max_document_bytes=10_000)

    def run(location: str) -> tuple[SyncReport, dict[str, str]]:
        report = reader.sync(Sources(database).add(location).id)
        with database.read() as connection:
            rows = connection.execute(select(documents.c.location, documents.c.text)).all()
        return report, {row.location: row.text for row in rows}

    yield run
    database.close()


def test_a_site_is_read_and_followed(
    site: Site, sync: Callable[[str], tuple[SyncReport, dict[str, str]]]
) -> None:
    a, b, c = (f"https://docs.test/{name}" for name in "abc")
    site.put(SITE, urlset(a, b, c))
    site.put(a, "<main><h1>A</h1><p>The words of a.</p></main>", etag='"a1"')
    site.put(b, "The words of b.", content_type="text/plain; charset=utf-8")
    report, texts = sync(SITE)
    assert (report.added, [entry["document"] for entry in report.failed]) == (2, [c])
    assert "The words of a." in texts[a] and texts[b] == "The words of b."

    site.put(c, "<main><p>The words of c, at last.</p></main>")
    site.pages[b] = FetchFailed("status 500")
    report, texts = sync(SITE)
    assert (report.added, report.unchanged, report.removed) == (1, 1, 0)
    assert [entry["code"] for entry in report.failed] == ["fetch_failed"]
    assert texts[b] == "The words of b.", "what was read is kept while the host is down"

    site.pages[b] = NotFound("gone")
    site.put(a, "<main><h1>A</h1><p>The new words of a.</p></main>", etag='"a2"')
    report, texts = sync(SITE)
    assert (report.changed, report.removed, report.unchanged) == (1, 1, 1)
    assert set(texts) == {a, c} and "new words" in texts[a]

    site.put(SITE, urlset(a))
    report, texts = sync(SITE)
    assert (report.removed, set(texts)) == (1, {a})

    site.put(SITE, urlset())
    with pytest.raises(Conflict, match="Nothing was removed"):
        sync(SITE)
    site.pages[SITE] = FetchFailed("down")
    with pytest.raises(FetchFailed):
        sync(SITE)


def test_a_page_that_is_gone_leaves(
    tmp_path: Path, site: Site, sync: Callable[[str], tuple[SyncReport, dict[str, str]]]
) -> None:
    url = "https://docs.test/guide"
    for error in (NotFound("nothing there"), EgressDenied("private"), FetchFailed("down")):
        site.pages[url] = error
        with pytest.raises(type(error)):
            sync(url)
        database = Database(tmp_path / "freehold.db")
        source = Sources(database).list()[0]
        assert (source.state, source.error, source.documents) == ("failed", error.message, 0)
        database.close()
    site.put(url, "<title>The guide</title><main><p>The words of the guide.</p></main>")
    assert sync(url)[0].added == 1
    database = Database(tmp_path / "freehold.db")
    assert Sources(database).list()[0].title == "The guide"
    database.close()
    site.pages[url] = FetchFailed("down")
    report, texts = sync(url)
    assert (len(report.failed), list(texts)) == (1, [url])
    site.pages[url] = NotFound("gone")
    report, texts = sync(url)
    assert (report.removed, texts) == (1, {})
