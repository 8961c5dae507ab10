"""Addresses: one way of writing each, what belongs to a site, what never ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.knowledge.address import (
    Scope,
    address_of,
    family,
    is_dated,
    is_document,
    is_endless,
    steps_after,
)


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("page", "https://h.test/docs/page"),
        ("../b/./c", "https://h.test/b/c"),
        ("?b=2&a=1", "https://h.test/docs/?a=1&b=2"),
        ("p?utm_source=x&utm_medium=y&gclid=1&id=3#part", "https://h.test/docs/p?id=3"),
        ("p;jsessionid=0A1B2C?x=1", "https://h.test/docs/p?x=1"),
        ("p?PHPSESSID=a1b2c3d4e5f6a7b8", "https://h.test/docs/p"),
        ("p?sid=12", "https://h.test/docs/p?sid=12"),
        ("HTTPS://H.TEST:443/x", "https://h.test/x"),
        ("/caf%c3%a9/%7Euser/ü x", "https://h.test/caf%C3%A9/~user/%C3%BC%20x"),
        ("/x?q=%e9t%e9&r=a+b", "https://h.test/x?q=%E9t%E9&r=a+b"),
        ("//other.test/x", "https://other.test/x"),
    ],
)
def test_one_way_of_writing(link: str, url: str) -> None:
    address = address_of(link, "https://h.test/docs/")
    assert address is not None and (address.url, address.found) == (url, None)


def test_an_index_file_is_left_out_and_remembered() -> None:
    address = address_of("https://h.test/docs/index.html?a=1")
    assert address is not None
    assert (address.url, address.found) == ("https://h.test/docs/?a=1", "https://h.test/docs/index.html?a=1")
    indexed = address_of("https://h.test/reindex.html")
    assert indexed is not None and indexed.url == "https://h.test/reindex.html"


@pytest.mark.parametrize(
    "link",
    ["mailto:a@b.test", "javascript:void(0)", "tel:1", "ftp://h.test/x", "http://u:p@h.test/", "http://["],
)
def test_what_is_no_address_of_a_page(link: str) -> None:
    assert address_of(link, "https://h.test/") is None


@given(st.text(max_size=60))
def test_writing_it_again_changes_nothing(link: str) -> None:
    address = address_of(link, "https://h.test/docs/")
    if address is not None:
        again = address_of(address.url)
        assert again is not None and again.url == address.url


def test_what_belongs_to_a_site() -> None:
    assert Scope.of("https://h.test/docs").holds("https://h.test/docs/a")
    assert Scope.of("https://h.test/docs").holds("https://h.test/docs")
    assert not Scope.of("https://h.test/docs").holds("https://h.test/docs-old/a")
    assert Scope.of("https://h.test/docs/start.html").holds("https://h.test/docs/other.html")
    assert Scope.of("https://h.test/").holds("http://h.test/a")
    assert not Scope.of("https://h.test/").holds("https://www.h.test/a")
    assert not Scope.of("https://h.test/").holds("https://h.test:8443/a")


def test_a_calendar_is_told_from_an_archive() -> None:
    one, next_one = "https://h.test/calendar/2026/12/", "https://h.test/calendar/2027/01/"
    assert is_dated(one) and family(one) == family(next_one)
    assert steps_after(3, one, next_one) == 4
    assert steps_after(3, one, "https://h.test/blog/2027/01/a-story") == 0
    assert is_dated("https://h.test/events?month=3&view=list")
    assert not is_dated("https://h.test/article/20251") and not is_dated("https://h.test/v2024")
    assert steps_after(3, "https://h.test/article-1", "https://h.test/article-2") == 0


def test_spaces_without_end() -> None:
    assert is_endless("https://h.test/a/b/a/b/a/b/a/b")
    assert is_endless("https://h.test/" + "x" * 2000)
    assert is_endless("https://h.test" + "".join(f"/{n}" for n in range(30)))
    assert not is_endless("https://h.test/help/help/returns")


def test_what_is_no_document_by_its_ending() -> None:
    assert (
        is_document("https://h.test/a.pdf")
        and is_document("https://h.test/v1.2")
        and is_document("https://h.test/")
    )
    assert not is_document("https://h.test/a.PNG?x=1") and not is_document("https://h.test/a.zip")
