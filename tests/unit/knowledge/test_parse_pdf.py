"""PDF: text in order, guessed structure, and a clear reason where there is none."""

import pytest
from made_files import make_pdf

from freehold.errors import UnreadableDocument
from freehold.knowledge.parse import parse

PAGES = [
    [
        (760, 20, "Widget Manual"),
        (730, 11, "A line of the first paragraph that is long enough to be wrapped at its end,"),
        (717, 11, "and its second line."),
        (690, 14, "Installation"),
        (665, 11, "Do this (now)."),
        (652, 11, "- first item"),
        (639, 11, "- second item that is so long that it must go on in the line that follows"),
        (626, 11, "this one"),
        (600, 11, "*Power"),
        (580, 11, "Plug it in."),
        (30, 8, "ACME Inc. - page 1 of 3"),
    ],
    [
        (760, 11, "The second page says more than the first one did about hyphen-"),
        (747, 11, "ation and about self-service."),
        (30, 8, "ACME Inc. - page 2 of 3"),
    ],
    [(760, 11, "Third page: it is about self-"), (747, 11, "service."), (30, 8, "ACME Inc. - page 3 of 3")],
]


def test_structure() -> None:
    assert parse("a.pdf", make_pdf(PAGES)).text == (
        "# Widget Manual\n\n"
        "A line of the first paragraph that is long enough to be wrapped at its end, and its second line.\n\n"
        "## Installation\n\n"
        "Do this (now).\n\n"
        "- first item\n- second item that is so long that it must go on in the line that follows this one\n\n"
        "### Power\n\n"
        "Plug it in.\n\n"
        "The second page says more than the first one did about hyphenation and about self-service.\n\n"
        "Third page: it is about self-service."
    )


def test_titles() -> None:
    assert parse("x-y.pdf", make_pdf(PAGES, title="The Manual")).title == "The Manual"
    assert parse("x-y.pdf", make_pdf(PAGES, title="Microsoft Word - draft.doc")).title == "Widget Manual"
    assert parse("x-y.pdf", make_pdf(PAGES[1:])).title == "Page 1"


def test_pages_head_what_has_no_headings() -> None:
    parsed = parse("a.pdf", make_pdf(PAGES[1:]))
    assert [block.heading_path for block in parsed.blocks if block.kind == "paragraph"] == [
        ("Page 1",),
        ("Page 2",),
    ]


def test_contents_pages_are_dropped() -> None:
    contents = [(760 - 14 * n, 11, f"{n} Chapter . . . . . . . . . . {n}") for n in range(1, 9)]
    assert "Chapter" not in parse("a.pdf", make_pdf([contents, *PAGES])).text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (make_pdf(PAGES, password=b"secret"), "encrypted"),
        (make_pdf([[]]), "no text on its 1 page"),
        (b"%PDF-1.4 nothing\nstartxref\n0\n%%EOF", "damaged"),
        (b"<html>not a pdf</html>", "not a PDF"),
        (bytes(100), "not a PDF"),
    ],
)
def test_unreadable(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=reason):
        parse("a.pdf", data)


def test_an_empty_password_is_none() -> None:
    assert parse("a.pdf", make_pdf(PAGES, password=b"")).text == parse("a.pdf", make_pdf(PAGES)).text


def test_truncated_at_any_length() -> None:
    data = make_pdf(PAGES)
    end = data.rindex(b"startxref")
    for length in [*range(8, end, 97), end - 1, end + 5]:
        with pytest.raises(UnreadableDocument, match="cut short"):
            parse("a.pdf", data[:length])


def test_pictures_without_text_ask_for_recognition() -> None:
    data = make_pdf([[]])
    picture = b"q 100 0 0 100 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \xff EI Q"
    data = data.replace(
        b"<< /Length 0 >>\nstream\n\nendstream",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(picture), picture),
    )
    with pytest.raises(UnreadableDocument, match="pictures") as caught:
        parse("a.pdf", data)
    assert "OCR" in (caught.value.hint or "")
