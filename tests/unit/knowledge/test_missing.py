"""Pages that say that there is nothing: recognised, and not mistaken."""

import pytest

from freehold.knowledge.missing import Missing, says_missing


@pytest.mark.parametrize(
    "title",
    [
        "404",
        "404 Not Found",
        "Page not found",
        "Error 404",
        "404 - Page not found",
        "Oops! Page not found",
        "This page could not be found",
        "Page Not Found | Acme Docs",
        "The page you requested was not found",
        "Page not found (404)",
        "Sorry, this page doesn't exist",
    ],
)
def test_titles_that_say_so(title: str) -> None:
    assert says_missing(title, "Try the search.")
    assert not says_missing(title, "This explains at length what the status means. " * 40)


@pytest.mark.parametrize(
    "title",
    [
        "Found",
        "Lost and found",
        "Missing",
        "Missing parcels",
        "How to fix page not found errors",
        "What to do when a parcel is missing",
        "404 errors explained",
        "Error",
        "Room 404 of the hotel",
        "",
    ],
)
def test_titles_that_say_something(title: str) -> None:
    assert not says_missing(title, "A few words.")


def test_a_page_like_the_one_for_nothing() -> None:
    missing = Missing.seen(
        "Help: no-such-page-1f",
        "We looked for no-such-page-1f and found none. Ask us.",
        "https://h.test/no-such-page-1f",
    )
    assert missing.is_like(
        "Help: old-name", "We looked for old-name and found none. Ask us.", "https://h.test/old-name"
    )
    assert not missing.is_like("Help: refunds", "A refund takes five days. Ask us.", "https://h.test/refunds")
    assert not missing.is_like(
        "Refunds", "We looked for refunds and found none. Ask us.", "https://h.test/refunds"
    )
