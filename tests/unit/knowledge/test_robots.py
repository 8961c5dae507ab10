"""What sites let robots do."""

import pytest

from freehold.errors import Conflict, EgressDenied, FetchFailed, TooLarge
from freehold.knowledge.robots import Robots, directives, robots_text, words_of
from freehold.net import Fetched


def test_the_group_with_our_name_counts_and_the_longest_match_wins() -> None:
    rules = Robots(
        "User-agent: *\nDisallow: /\n\nUser-Agent: FREEHOLD\nDisallow: /private/\nAllow: /private/open\n"
        "Disallow: /*.cgi$\nDisallow: /search?q=\nCrawl-delay: 2\nSitemap: https://h.test/s.xml"
    )
    assert rules.allows("https://h.test/a") and rules.allows("https://h.test/private/open/x")
    assert not rules.allows("https://h.test/private/x") and not rules.allows("https://h.test/a.cgi")
    assert rules.allows("https://h.test/a.cgi?x") and not rules.allows("https://h.test/search?q=1")
    assert rules.delay_seconds == 2
    assert rules.sitemaps == ("https://h.test/s.xml",)


def test_without_our_name_everybodys_group_counts() -> None:
    rules = Robots("User-agent: otherbot\nDisallow: /\n\nUser-agent: *\nDisallow: /x\nCrawl-delay: 900")
    assert rules.allows("https://h.test/a") and not rules.allows("https://h.test/x")
    assert rules.delay_seconds == 30  # asks for more than we follow
    assert Robots("").allows("https://h.test/") and Robots("<html>Not here</html>").allows("https://h.test/")


def answered(*answers: tuple[int, dict[str, str], bytes] | Exception) -> tuple[list[str], object]:
    asked: list[str] = []
    waiting = list(answers)

    def get(url: str, _max_bytes: int) -> Fetched:
        asked.append(url)
        answer = waiting.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, headers, body = answer
        return Fetched(url, status, headers, "", None, body, None, False, "192.0.2.1")

    return asked, get


@pytest.mark.parametrize("status", [401, 403, 404, 410, 451])
def test_no_robots_txt_forbids_nothing(status: int) -> None:
    _, get = answered((status, {}, b"Disallow: /"))
    assert robots_text("https://h.test", get) == ""


@pytest.mark.parametrize("status", [429, 500, 503])
def test_one_that_cannot_be_had_forbids_everything(status: int) -> None:
    _, get = answered((status, {"retry-after": "7"}, b""))
    with pytest.raises(FetchFailed, match=str(status)) as caught:
        robots_text("https://h.test", get)
    assert caught.value.retry_after == 7


def test_redirects_are_followed_as_far_as_they_may() -> None:
    asked, get = answered((301, {"location": "/r.txt"}, b""), (200, {}, b"\xef\xbb\xbfUser-agent: *"))
    assert robots_text("https://h.test", get) == "User-agent: *"
    assert asked == ["https://h.test/robots.txt", "https://h.test/r.txt"]
    _, get = answered(
        (301, {"location": "https://o.test/robots.txt"}, b""), EgressDenied("no", hint="Allow it.")
    )
    with pytest.raises(Conflict, match=r"o\.test"):
        robots_text("https://h.test", get)
    _, get = answered((301, {"location": "https://[h.test/robots.txt"}, b""))
    with pytest.raises(Conflict, match="no address"):
        robots_text("https://h.test", get)
    _, get = answered(*[(301, {"location": "/robots.txt"}, b"")] * 9)
    assert robots_text("https://h.test", get) == ""
    _, get = answered(TooLarge("too much"))
    with pytest.raises(Conflict, match="larger"):
        robots_text("https://h.test", get)


def test_every_line_of_x_robots_tag_counts_that_speaks_to_us() -> None:
    lines = [
        ("x-robots-tag", "max-snippet: 20, NoFollow"),
        ("x-robots-tag", "otherbot: noindex"),
        ("x-robots-tag", "freehold: noarchive, nosnippet"),
        ("content-type", "noindex"),
    ]
    assert directives(lines) >= {"nofollow", "noarchive", "nosnippet"}
    assert "noindex" not in directives(lines)
    assert directives([("x-robots-tag", "none")]) >= {"noindex", "nofollow"}
    assert "noindex" in directives([("x-robots-tag", "unavailable_after: 25 Jun 2010 15:00:00 PST, noindex")])
    assert words_of(" NoIndex ,follow") == {"noindex", "follow"}
