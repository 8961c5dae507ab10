"""Which reader takes what, bytes to text, and what every document's text never holds."""

import pytest

from freehold.errors import UnreadableDocument
from freehold.knowledge.decode import decode
from freehold.knowledge.parse import SUFFIXES, kind_of, parse, supported, title_from
from freehold.knowledge.parsed import Parsed


def test_a_folder_walk_takes_documents_and_leaves_configuration() -> None:
    for name in ("a.md", "b/C.HTML", "x.pdf", "x.docx", "x.txt", "faq.csv", "faq.tsv", "faq.jsonl"):
        assert supported(name), name
    for name in ("package.json", "x.png", "x.doc", "Makefile", ".md", "a.md.bak", "x.svg", "x.zip"):
        assert not supported(name), name
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in SUFFIXES)


@pytest.mark.parametrize(
    ("name", "media_type", "kind"),
    [
        ("https://example.com/help/install?x=1", "text/html; charset=utf-8", "html"),
        ("https://example.com/manual.pdf?version=2", None, "pdf"),
        ("https://example.com/a.md", "text/plain", "markdown"),
        ("https://example.com/a", "application/octet-stream", None),
        ("faq.json", None, "records"),
        ("page.html", "application/pdf", "pdf"),
        ("notes", "text/plain", "text"),
    ],
)
def test_kind(name: str, media_type: str | None, kind: str | None) -> None:
    assert kind_of(name, media_type) == kind


def test_unknown_formats_and_empty_files_are_refused_with_the_reason() -> None:
    with pytest.raises(UnreadableDocument, match=r"not one we read \(\.exe\)"):
        parse("setup.exe", b"MZ")
    for name in ("a.md", "a.pdf", "a.docx", "a.html", "a.csv", "a.jsonl", "a.txt"):
        with pytest.raises(UnreadableDocument, match="empty"):
            parse(name, b"")


def test_titles_from_names() -> None:
    assert title_from("docs/how-to_return.md") == "How to return"
    assert title_from("docs/returns/index.html") == "Returns"
    assert title_from("https://example.com/help/Opening%20hours") == "Opening hours"
    assert title_from("https://example.com/") == "example.com"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("größer".encode(), "größer"),
        (b"\xef\xbb\xbf" + "größer".encode(), "größer"),
        ("größer".encode("utf-16"), "größer"),
        ("größer".encode("utf-16-be"), "größer"),
        ("“größer” – 5 €".encode("cp1252"), "“größer” – 5 €"),
        (("Übergröße ist möglich. " * 40).encode() + b"\xff", "Übergröße ist möglich. " * 40 + "\ufffd"),
    ],
)
def test_decoding(data: bytes, text: str) -> None:
    assert decode(data) == text


def test_declared_charset_is_used_if_it_fits() -> None:
    assert decode("привет".encode("koi8-r"), "koi8-r") == "привет"
    assert decode("привет".encode(), "no-such-charset") == "привет"
    assert decode("привет".encode(), "ascii") == "привет"
    html = '<meta charset="windows-1251"><p>привет</p>'.encode("windows-1251")
    assert parse("a.html", html).text == "привет"


@pytest.mark.parametrize(
    "data", [b"\x7fELF\x02\x01\x01" + bytes(200), bytes(range(256)) * 20, b"a\x00b" * 50]
)
def test_binary_data_is_not_text(data: bytes) -> None:
    for name in ("a.txt", "a.md", "a.csv"):
        with pytest.raises(UnreadableDocument, match="binary"):
            parse(name, data)


HIDDEN = "\u202e\u202a\u2066\u2069\u200b\u00ad\ufeff\x07\x1b\U000e0041"


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("a.md", "# Ti{}tle\n\nso{}me\n\n- it{}em\n\n```\nco{}de\n```\n\n|a{}|b|\n|-|-|\n|c|d|\n"),
        ("a.txt", "some {} text\r\nand\rmore"),
        ("a.html", "<title>t{}</title><h1>a{}b</h1><p title='{}'>c{}</p><pre>d{}</pre>"),
        ("a.csv", "question,answer\nw{}hat,this{}\n"),
        ("a.jsonl", '{{"q": "w{}hat", "a": "th{}is"}}\n'),
    ],
)
def test_characters_that_hide_or_reorder_are_gone(name: str, document: str) -> None:
    hidden = HIDDEN if not name.endswith("jsonl") else HIDDEN.replace("\x07", "").replace("\x1b", "")
    parsed = parse(name, document.replace("{}", hidden).replace("{{", "{").replace("}}", "}").encode())
    assert not set(parsed.text + parsed.title) & set(HIDDEN + "\r\x00")
    assert parsed == parse(name, document.replace("{}", "").replace("{{", "{").replace("}}", "}").encode())


def test_a_nul_in_html_and_markdown_goes_too() -> None:
    assert "\x00" not in parse("a.html", b"<p>a&#0;b</p>").text
    assert "\x00" not in parse("a.md", b"a&#0;b\\&#x0;c").text


def test_blocks_cover_the_text_in_order_with_blank_lines_between() -> None:
    parsed = parse("a.md", b"# A\n\nb\n\n- c\n- d\n\n> e\n\n```py\nf\n\ng\n```\n\n|h|i|\n|-|-|\n|j|k|\n")
    assert [block.kind for block in parsed.blocks] == [
        "heading",
        "paragraph",
        "list",
        "quote",
        "code",
        "table",
    ]
    assert "\n\n".join(parsed.text[block.start : block.end] for block in parsed.blocks) == parsed.text
    for block in parsed.blocks:
        if block.kind != "code":
            assert "\n\n" not in parsed.text[block.start : block.end]


def test_json_and_back() -> None:
    parsed = parse("a.md", "# Ä\n\nb\n\n### c\n\nd\n\n## e\n\nf".encode())
    assert Parsed.from_json(parsed.as_json()) == parsed
    assert [block.heading_path for block in parsed.blocks if block.kind == "paragraph"] == [
        ("Ä",),
        ("Ä", "c"),
        ("Ä", "e"),
    ]


def test_more_text_than_the_cap_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freehold.knowledge.parsed.MAX_TEXT_CHARS", 1000)
    assert parse("a.txt", b"a" * 900).text == "a" * 900
    with pytest.raises(UnreadableDocument, match="more than 1,000 characters"):
        parse("a.txt", b"a" * 1001)
