"""Sources: what may be one, that one location is one source, and that removing leaves nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from freehold.assistant.assistants import assistants
from freehold.errors import InvalidInput, NotFound
from freehold.knowledge.sources import Sources, detect, normal_url
from freehold.knowledge.store import documents, index_changes, passages, vectors
from freehold.store.database import Database
from freehold.store.migrations import migrate


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "freehold.db")
    migrate(made)
    with made.write() as connection:
        connection.execute(
            insert(assistants),
            [
                {"id": name, "name": name, "public_token": f"pub_{name}", "created_at": 0.0}
                for name in ("default", "other")
            ],
        )
    yield made
    made.close()


@pytest.fixture
def sources(database: Database) -> Sources:
    return Sources(database, clock=lambda: 5.0)


def test_kinds_are_told_from_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a file.md").write_text("# A")
    assert detect(str(tmp_path)) == ("folder", str(tmp_path))
    assert detect(f"{tmp_path}/./") == ("folder", str(tmp_path))
    assert detect(f"{tmp_path}/x/../a file.md") == ("file", f"{tmp_path}/a file.md")
    assert detect("https://docs.test/guide") == ("page", "https://docs.test/guide")
    assert detect("https://docs.test/guide/sitemap.html")[0] == "page"
    for path in ("sitemap.xml", "sitemap_index.xml", "a/Sitemap-1.XML", "sitemap.xml.gz"):
        assert detect(f"https://docs.test/{path}")[0] == "sitemap"


def test_a_symlinked_folder_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "release-1").mkdir()
    (tmp_path / "current").symlink_to("release-1")
    assert detect(f"{tmp_path}/current") == ("folder", f"{tmp_path}/current")


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("HTTPS://Docs.Test", "https://docs.test/"),
        ("https://docs.test:443/a#part", "https://docs.test/a"),
        ("http://docs.test:80/a?b=C", "http://docs.test/a?b=C"),
        ("http://docs.test:8080/a", "http://docs.test:8080/a"),
        ("http://[::1]:8080/a", "http://[::1]:8080/a"),
        (" https://docs.test/ ", "https://docs.test/"),
    ],
)
def test_a_web_address_is_written_in_one_way(given: str, normal: str) -> None:
    assert normal_url(given) == normal
    assert normal_url(normal) == normal


@pytest.mark.parametrize(
    "location",
    ["", "  ", "a\0b", "relative/path", "~", "file:///etc/passwd", "ftp://docs.test/", "gopher://docs.test/",
     "javascript:alert(1)", "http://", "http:///a", "http://user@docs.test/", "http://docs.test:x/", "http://[::1/"],
)  # fmt: skip
def test_other_locations_are_refused(location: str) -> None:
    with pytest.raises(InvalidInput):
        detect(location)


def test_what_is_no_file_or_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        detect(str(tmp_path / "missing"))
    with pytest.raises(InvalidInput, match="neither"):
        detect("/dev/null")


def test_adding_again_gives_the_same_source(sources: Sources, tmp_path: Path) -> None:
    first = sources.add(str(tmp_path))
    assert (first.kind, first.title, first.state, first.created_at) == ("folder", tmp_path.name, "new", 5.0)
    assert sources.add(f"{tmp_path}/") == first
    assert sources.add(str(tmp_path), title="Guides").title == "Guides"
    assert sources.add(str(tmp_path)).title == "Guides"
    assert len(sources.list()) == 1


def test_each_assistant_has_its_own(sources: Sources, tmp_path: Path) -> None:
    ours, theirs = sources.add(str(tmp_path)), sources.add(str(tmp_path), "other")
    assert ours.id != theirs.id
    assert [source.id for source in sources.list("other")] == [theirs.id]
    with pytest.raises(NotFound, match="assistant"):
        sources.add(str(tmp_path), "nobody")


def test_titles_are_made_of_locations(sources: Sources, tmp_path: Path) -> None:
    assert sources.add("https://docs.test/guide").title == "docs.test/guide"
    assert sources.add("https://docs.test/sitemap.xml").title == "docs.test"
    assert sources.add(str(tmp_path), upload=True).kind == "upload"


def test_removing_leaves_every_index_and_no_row(database: Database, tmp_path: Path) -> None:
    told: list[int] = []

    def changed() -> None:
        with database.read() as connection:
            told.append(connection.execute(select(func.count()).select_from(index_changes)).scalar_one())

    sources = Sources(database, changed=changed)
    source = sources.add(str(tmp_path))
    with database.write() as connection:
        connection.execute(
            insert(documents).values(
                id=1, source_id=source.id, location="a", content_hash="", size=1, synced_at=0
            )
        )
        connection.execute(
            insert(passages),
            [
                {"id": n, "document_id": 1, "source_id": source.id, "position": n, "heading_path": "[]",
                 "start": 0, "end": 1, "text": "a", "text_hash": str(n)}
                for n in (1, 2, 3)
            ],
        )  # fmt: skip
        connection.execute(insert(vectors).values(passage_id=1, embedder="e", scale=1.0, vector=b"1"))
    counted = sources.get(source.id)
    assert (counted.documents, counted.passages, counted.failed) == (1, 3, 0)
    sources.remove(source.id)
    assert told == [3]
    with database.read() as connection:
        for table in (documents, passages, vectors):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0
        assert connection.execute(select(index_changes.c.passage_id, index_changes.c.removed)).all() == [
            (1, True), (2, True), (3, True)
        ]  # fmt: skip
    for call in (sources.get, sources.remove):
        with pytest.raises(NotFound):
            call(source.id)
