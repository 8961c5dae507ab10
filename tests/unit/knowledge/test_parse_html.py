"""Web pages: the words stay, with their structure; the rest of the page does not."""

import contextlib
import time

import pytest

from freehold.errors import UnreadableDocument
from freehold.knowledge.parse import parse

PAGE = """<!doctype html><html><head><title>Return an order | Acme Help</title>
<style>.x{color:red}</style><script>var secret = "in head"</script></head><body>
<header><a href="/">Acme</a><nav><ul><li><a href="/a">Products</a></li><li><a href="/b">Pricing</a></li></ul>
</nav></header>
<main><article>
<h1>Return an order <a class="headerlink" href="#x">¶</a></h1>
<p>You can return an order within <b>30 days</b> of delivery, as long as it is unused &amp; complete.</p>
<h2>How to start a return</h2>
<ol><li>Open <em>Orders</em> and choose the order that you would like to send back to us.</li>
<li><p>Choose <strong>Return</strong>.</p><ul><li>all of it</li><li>some of it</li></ul></li></ol>
<table><caption>Return periods</caption><tr><th>Plan</th><th>Days</th></tr><tr><td>Basic</td><td>30</td></tr>
<tr><td>Pro</td><td>60</td></tr></table>
<pre><code class="language-sh">acme return 42
acme status</code></pre>
<p style="display: none">invisible words</p><p hidden>hidden words</p><div aria-hidden="true">aria words</div>
<template>template words</template><noscript>noscript words</noscript>
<button>Copy page</button><select><option>English</option></select>
<blockquote>No questions asked.</blockquote>
</article></main>
<footer><p>© Acme 2026, all rights reserved, and many more words of the footer</p></footer>
<script>alert("script words")</script></body></html>"""


def test_a_help_page() -> None:
    parsed = parse("https://example.com/returns", PAGE.encode(), "text/html")
    assert parsed.title == "Return an order"
    assert parsed.text == (
        "# Return an order\n\n"
        "You can return an order within **30 days** of delivery, as long as it is unused & complete.\n\n"
        "## How to start a return\n\n"
        "1. Open Orders and choose the order that you would like to send back to us.\n"
        "2. Choose **Return**.\n"
        "   - all of it\n"
        "   - some of it\n\n"
        "Return periods\n\n"
        "| Plan | Days |\n| --- | --- |\n| Basic | 30 |\n| Pro | 60 |\n\n"
        "```sh\nacme return 42\nacme status\n```\n\n"
        "No questions asked."
    )


def test_a_page_without_main_loses_its_menus() -> None:
    menu = "".join(f'<li><a href="/{n}">Menu entry number {n}</a></li>' for n in range(12))
    words = "".join(
        f"<h2>Part {n}</h2><p>Paragraph {n} tells at some length how part {n} of the product is used by"
        " people who have bought it, and what they should never do with it.</p>"
        for n in range(6)
    )
    page = (
        f"<html><body><div class=top><ul>{menu}</ul></div><div>{words}</div><div><ul>{menu}</ul></div></body>"
    )
    text = parse("a.html", page.encode()).text
    assert "Menu entry" not in text
    for n in range(6):
        assert f"## Part {n}\n\nParagraph {n} tells" in text


def test_headings_survive_in_a_short_page() -> None:
    page = b"<html><body><h1>Hours</h1><p>9 to 5.</p><h2>Sunday</h2><p>Closed.</p></body></html>"
    assert parse("hours.html", page).text == "# Hours\n\n9 to 5.\n\n## Sunday\n\nClosed."


def test_folds_in_a_row_are_questions() -> None:
    page = (
        b"<main><h1>FAQ</h1><details><summary>May I?</summary><p>You may.</p></details>"
        b"<details><summary>Must I?</summary>You must not.</details></main>"
    )
    parsed = parse("faq.html", page)
    assert parsed.text == "# FAQ\n\n## May I?\n\nYou may.\n\n## Must I?\n\nYou must not."


def test_a_heading_that_is_a_button_keeps_its_words() -> None:
    page = b"<h2><button>Question?</button></h2><p>Answer.</p><h2>Title<button>Copy</button></h2><p>b</p>"
    assert parse("a.html", page).text == "## Question?\n\nAnswer.\n\n## Title\n\nb"


def test_definitions_and_layout_tables() -> None:
    assert parse("a.html", b"<dl><dt>Term</dt><dd>What it is</dd></dl>").text == "- Term: What it is"
    layout = b"<table role=presentation><tr><td><p>left</p></td><td><h2>R</h2><p>right</p></td></tr></table>"
    assert parse("a.html", layout).text == "left\n\n## R\n\nright"


@pytest.mark.parametrize(
    "attack",
    [
        "<script>EVIL</script>",
        "<SCRIPT SRC=//x>EVIL</SCRIPT>",
        "<img src=x onerror=EVIL>",
        "<svg onload=EVIL><text>EVIL</text><script>EVIL</script></svg>",
        "<iframe srcdoc='<script>EVIL</script>'>EVIL</iframe>",
        "<style>@import 'EVIL'</style>",
        "<template><p>EVIL</p></template>",
        "<object data=EVIL>EVIL</object>",
        "<p style='DISPLAY : none'>EVIL</p>",
        "<textarea>EVIL</textarea>",
        "<math><annotation>EVIL</annotation></math>",
        "<!-- EVIL -->",
        "<!--[if IE]>EVIL<![endif]-->",
        "<?php EVIL ?>",
        "<noscript>EVIL</noscript>",
        "<meta http-equiv=refresh content='0;EVIL'>",
        "<a href='javascript:EVIL'>x</a>",
    ],
)
def test_active_and_hidden_parts_never_become_text(attack: str) -> None:
    parsed = parse("a.html", f"<title>T</title><body><p>before</p>{attack}<p>after</p></body>".encode())
    assert "EVIL" not in parsed.text + parsed.title
    assert "before" in parsed.text
    assert "after" in parsed.text


def test_a_page_that_scripts_would_write_is_unreadable() -> None:
    with pytest.raises(UnreadableDocument, match="no words"):
        parse("https://example.com/", b"<body><div id=root></div><script>x()</script></body>", "text/html")
    with pytest.raises(UnreadableDocument):
        parse("a.html", b"   ")


def test_deep_pages_keep_their_words() -> None:
    page = "<p>before</p>" + "<div>" * 10_000 + "deep" + "</div>" * 10_000 + "<p>after</p>"
    assert parse("a.html", page.encode()).text == "before\n\ndeep\n\nafter"
    page = (
        "<p>before</p>"
        + "<section>" * 1_500
        + "deep<script>no</script>er"
        + "</section>" * 1_500
        + "<p>after"
    )
    assert parse("a.html", page.encode()).text == "before\n\ndeeper\n\nafter"


@pytest.mark.parametrize(
    "page",
    [
        "<ul><li>" * 3_000,
        "<table><tr><td>" * 3_000,
        "<blockquote>" * 3_000,
        "<b>" * 30_000,
        "<a href=x>" * 20_000,
        "<!-- a -->b" * 30_000,
        "<details><summary>q</summary>a" * 1_000,
        "<h1><button>" * 2_000,
        "<p " + "a=b " * 50_000 + ">x",
        "<td>a" * 10_000,
        "<![CDATA[" * 20_000,
        "&amp" * 50_000,
    ],
    ids=range(12),
)
def test_hostile_pages_take_bounded_time(page: str) -> None:
    before = time.process_time()
    with contextlib.suppress(UnreadableDocument):
        parse("a.html", (page + "x").encode())
    assert time.process_time() - before < 5
