"""What a page says to a crawler."""

from freehold.knowledge.page_facts import MAX_LINKS, PageFacts, page_facts
from freehold.knowledge.parser_pool import ParserPool

URL = "https://h.test/docs/page.html"


def facts(html: str) -> PageFacts:
    return page_facts(html.encode(), URL, None)


def test_links_are_whole_and_each_stands_once() -> None:
    found = facts(
        '<a href="a">x</a> <a href=" a#part ">x</a> <area href="/b"> <iframe src="c"></iframe>'
        '<link rel="next" href="d"> <link rel="stylesheet" href="style.css">'
        '<a href="mailto:x@h.test">m</a><a href="javascript:go()">j</a><a href="data:x">d</a><a>n</a>'
        '<a rel="external NOFOLLOW" href="no">n</a> <a href="http://[">broken</a> <a href="e\n f">line</a>'
    )
    assert found.links == (
        "https://h.test/docs/a",
        "https://h.test/b",
        "https://h.test/docs/c",
        "https://h.test/docs/d",
        "https://h.test/docs/e f",
    )


def test_a_base_counts_for_every_link() -> None:
    assert facts('<base href="/other/"><a href="a">x</a>').links == ("https://h.test/other/a",)
    assert facts('<base href="javascript:1"><a href="a">x</a>').links == ("https://h.test/docs/a",)


def test_what_it_says_of_itself() -> None:
    found = facts(
        '<meta name="ROBOTS" content="noindex"><meta name="otherbot" content="nofollow">'
        '<meta name="freehold" content="nofollow"><link rel="canonical" href="/docs/real">'
        '<meta http-equiv="refresh" content="0; url=\'/moved\'">'
    )
    assert (found.canonical, found.robots) == ("https://h.test/docs/real", ("noindex", "nofollow"))
    assert found.refresh == "https://h.test/moved"
    assert facts('<meta http-equiv="refresh" content="600; url=/again">').refresh is None
    assert facts("").links == ()


def test_a_page_of_many_links_is_bounded() -> None:
    assert len(facts("".join(f'<a href="{n}">x</a>' for n in range(MAX_LINKS + 50))).links) == MAX_LINKS


def test_the_parsers_process_reads_them() -> None:
    pool = ParserPool(children=1)
    found = pool.facts(URL, b'<a href="a">x</a><link rel="canonical" href="b">', "text/html")
    assert found == PageFacts(("https://h.test/docs/a",), "https://h.test/docs/b")
    pool.close()
