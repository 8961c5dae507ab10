"""Markdown as help centres write it."""

import contextlib
import time
from pathlib import Path

import pytest

from freehold.errors import UnreadableDocument
from freehold.knowledge.parse import parse


def text_of(source: str, name: str = "docs/page.md", root: Path | None = None) -> str:
    return parse(name, source.encode(), include_root=root).text


def test_structure_and_inline_marks() -> None:
    source = """# Return *an* order {#returns}

Choose **Returns**, then `Start`. See [the policy](policy.md) or <https://example.com>.
Second line of the same
paragraph.

1. Open the ![gear](gear.png "Gear") menu.
   It is at the top.
   - left
   - right

   ```sh
   ls

   cd
   ```
1. Done.

| Plan | Days |
|:-----|-----:|
| Basic<br>plan | 30 |
| Pro \\| Plus | **60** |

---

![only a picture](x.png)

[ref]: https://example.com "never shown"
Last[^1].
"""
    parsed = parse("a.md", source.encode())
    assert parsed.title == "Return an order"
    assert parsed.text == (
        "# Return an order\n\n"
        "Choose **Returns**, then `Start`. See the policy or https://example.com. Second line of the same"
        " paragraph.\n\n"
        "1. Open the gear menu. It is at the top.\n"
        "   - left\n"
        "   - right\n"
        "   ```sh\n"
        "   ls\n"
        "   cd\n"
        "   ```\n"
        "2. Done.\n\n"
        "| Plan | Days |\n| --- | --- |\n| Basic plan | 30 |\n| Pro \\| Plus | **60** |\n\n"
        "Last[^1]."
    )


@pytest.mark.parametrize(
    ("front", "title"),
    [
        ("title: Return orders | Example Docs\nauthor: x", "Return orders"),
        ("title: 'It''s \"fine\"'", 'It\'s "fine"'),
        ('title: "a: b" # comment', "a: b"),
        ("title: >-\n  two\n  lines\nother: 1", "two lines"),
        ("other: 1", "Heading"),
    ],
)
def test_front_matter(front: str, title: str) -> None:
    parsed = parse("a.md", f"---\n{front}\n---\n\n# Heading\n\nBody.".encode())
    assert parsed.title == title
    assert parsed.text == "# Heading\n\nBody."


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    assert text_of("---\n\nJust text here\n\n---\n\nmore") == "Just text here\n\nmore"


def test_html_in_markdown_leaves_its_words() -> None:
    source = """Press <kbd>Ctrl</kbd>+<kbd>C</kbd>, or go to `<host>`/<your tenant> now.<br/>Next.
<!-- a secret
comment --> tail

<div class="x" onclick="alert(1)">

Inside **bold**

</div>
<script>alert("never")</script>
<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>

Inline <script>alert('no')</script><style>p{}</style> end <img src=x onerror=alert(1)>.
"""
    text = text_of(source)
    assert "Press Ctrl+C, or go to `<host>`/<your tenant> now.\nNext." in text
    assert "| A | B |\n| --- | --- |\n| 1 | 2 |" in text
    assert "Inside **bold**" in text
    assert "Inline end ." in text
    for gone in ("alert", "secret", "<div", "<script", "onerror", "p{}", "<img"):
        assert gone not in text


def test_alerts_stay_readable() -> None:
    source = (
        "> [!NOTE]\n> Mind this.\n>\n> And that.\n\n> [!WARNING] Hot\n\n1. Step\n\n   > [!TIP]\n   > Hint\n"
    )
    assert text_of(source) == "Note: Mind this.\nAnd that.\n\nWarning: Hot\n\n1. Step\n   Tip: Hint"
    assert text_of("> Somebody said\n> so") == "Somebody said so"
    assert text_of('!!! warning "Careful"\n    It is hot.\n\n    Really.\n\nAfter.') == (
        "Warning: **Careful**\nIt is hot.\nReally.\n\nAfter."
    )
    assert text_of(":::note\nIt is so.\n:::") == "**note:** It is so."


def test_includes_are_read_inside_the_source_only(tmp_path: Path) -> None:
    root = tmp_path / "docs"
    (root / "includes").mkdir(parents=True)
    (root / "includes" / "name.md").write_text("---\nx: 1\n---\nAcme Desk\n")
    (root / "includes" / "steps.md").write_text("1. Open it.\n2. Use [!INCLUDE[n](name.md)].\n")
    (root / "includes" / "loop.md").write_text("again [!INCLUDE[x](loop.md)][!INCLUDE[x](loop.md)]")
    (tmp_path / "secret.md").write_text("SECRET")
    (root / "includes" / "link.md").symlink_to(tmp_path / "secret.md")
    (root / "sub").mkdir()
    source = (
        "In [!INCLUDE [product](../includes/name.md)] you can:\n\n[!INCLUDE[steps](../includes/steps.md)]\n\n"
        "A [!INCLUDE[s](../../secret.md)] b [!INCLUDE[s](../includes/link.md)] c [!INCLUDE[s](/etc/passwd)] d"
        " [!INCLUDE[x](../includes/loop.md)] e"
    )
    text = text_of(source, "sub/page.md", root)
    assert text.startswith("In Acme Desk you can:\n\n1. Open it.\n2. Use Acme Desk.\n\n")
    assert "SECRET" not in text
    assert "root:" not in text
    assert text.count("again") < 20


def test_an_include_that_is_not_there_is_said_in_words() -> None:
    front = "---\nms.service: acme-service-desk\n---\n"
    assert text_of(front + "[!INCLUDE[p](includes/prod_short.md)] helps.") == "Acme Service Desk helps."
    assert text_of("In [!INCLUDE[p](x/prod_short.md)], go.") == "In the product, go."
    assert text_of("Use [!INCLUDE [n](x/field-desk-name.md)] and [!INCLUDE[c](crm_md.md)].") == (
        "Use Field Desk and CRM."
    )
    assert (
        text_of("1. [!INCLUDE[open-search](x/open-search.md)], enter **A**.")
        == "1. Open search, enter **A**."
    )
    assert text_of("Fill it in. [!INCLUDE[tip](x/tip-inline.md)]") == "Fill it in."
    assert text_of("Text.\n\n[!INCLUDE[footer](x/footer-banner.md)]\n") == "Text."


def test_fragments_and_tables_of_contents_are_no_documents(tmp_path: Path) -> None:
    fragment = b"---\nms.topic: include\n---\nA fragment."
    assert parse("includes/a.md", fragment, include_root=tmp_path).blocks == ()
    assert parse("includes/a.md", b"A fragment.", include_root=tmp_path).blocks == ()
    assert parse("includes/a.md", b"# A page\n\nText.", include_root=tmp_path).blocks != ()
    assert parse("includes/a.md", fragment).text == "A fragment."
    assert parse("docs/TOC.md", b"# [A](a.md)\n## [B](b.md)").blocks == ()


def test_links_elsewhere_are_navigation_only_under_their_heading() -> None:
    source = (
        "# A\n\nWe support:\n\n- [Chrome](c)\n- [Firefox](f)\n\n## See also\n\n[X](x)  \n[Y](y)\n\n- [Z](z)\n"
    )
    assert text_of(source) == "# A\n\nWe support:\n\n- Chrome\n- Firefox"
    assert text_of("# A\n\nb\n\n## See also\n\nCall us at 5, or see [X](x).").endswith("or see X.")


def test_directives_are_dropped() -> None:
    source = (
        'Choose :::image type="icon" source="i.png" alt-text="the gear.":::, then go.\n\n'
        ':::image type="content" source="x.png" alt-text="Screenshot":::\n\n{% raw %}Text{% endraw %}\n'
        "> [!VIDEO https://example.com/v]\n\n```\n<!-- kept --> ::: kept\n[!INCLUDE[a](b.md)]\n```\n"
    )
    assert text_of(source) == (
        "Choose the gear, then go.\n\nText\n\n```\n<!-- kept --> ::: kept\n[!INCLUDE[a](b.md)]\n```"
    )


def test_nothing_but_pictures_is_unreadable() -> None:
    for source in ("   \n\t\n", "![a](b.png)\n\n<!-- x -->", "---\na: b\n---\n"):
        with pytest.raises(UnreadableDocument, match="no text"):
            text_of(source)


@pytest.mark.parametrize(
    "source",
    [
        "[" * 20_000,
        ">" * 100_000,
        "> " * 20_000 + "a",
        "- " * 20_000 + "a",
        "".join("  " * n + "- a\n" for n in range(500)),
        "<!--" * 50_000,
        "<!-- a" * 50_000,
        ":::image " * 20_000,
        "```\n" * 20_001,
        "<div <div " * 20_000,
        "[!INCLUDE [" * 3_000,
        "*a " * 20_000,
        "a " * 500_000,
        "{%" * 50_000,
        "|a|\n" + "-" * 50_000 + "|!",
        "|a|\n" + "-:|" * 50_000,
    ],
    ids=range(16),
)
def test_hostile_markdown_takes_bounded_time(source: str) -> None:
    before = time.process_time()
    with contextlib.suppress(UnreadableDocument):
        parse("a.md", source.encode())
    assert time.process_time() - before < 5


def test_alerts_outside_quotes_and_their_labels_alone() -> None:
    assert text_of("1. Do it.\n   [!TIP]\n   Like so.") == "1. Do it. Tip: Like so."
    assert text_of("> [!NOTE]\n>\n> Mind this.") == "Note: Mind this."


def test_the_product_without_a_name_keeps_its_article_once() -> None:
    assert text_of("Open the [!INCLUDE[p](prod_short.md)] server.") == "Open the product server."


def test_a_table_whose_rule_is_too_short_is_a_table() -> None:
    assert text_of("|A|B|C \\| D|\n|--|--|\n|1|2|3|") == (
        "| A | B | C \\| D |\n| --- | --- | --- |\n| 1 | 2 | 3 |"
    )
