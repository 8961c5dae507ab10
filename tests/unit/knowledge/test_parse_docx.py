"""DOCX: structure kept; bombs and entities refused before they can do anything."""

import io
import struct
import zipfile

import pytest
from made_files import make_docx, paragraph, table

from freehold.errors import UnreadableDocument
from freehold.knowledge.parse import parse

BODY = (
    paragraph("Widget manual", "Title")
    + paragraph("Intro &amp; more")
    + paragraph("Use", "Heading1")
    + paragraph("push", number=1)
    + paragraph("pull", number=1)
    + paragraph("first", number=2)
    + paragraph("Values", "Heading2")
    + table([["Key", "Value"], ["a", "1"]])
)
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]>"
)
EXTERNAL = '<?xml version="1.0"?><!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


def test_structure() -> None:
    parsed = parse("a.docx", make_docx(BODY))
    assert parsed.title == "Widget manual"
    assert parsed.text == (
        "# Widget manual\n\nIntro & more\n\n# Use\n\n- push\n- pull\n\n1. first\n\n## Values\n\n"
        "| Key | Value |\n| --- | --- |\n| a | 1 |"
    )


@pytest.mark.parametrize("prolog", [LAUGHS, EXTERNAL])
def test_entities_are_refused(prolog: str) -> None:
    for body in (paragraph("&j;"), paragraph("&x;"), paragraph("none")):
        with pytest.raises(UnreadableDocument, match="entities"):
            parse("a.docx", make_docx(body, prolog=prolog))
    wide = make_docx("", more={"word/document.xml": (EXTERNAL + "<a>&x;</a>").encode("utf-16")})
    with pytest.raises(UnreadableDocument, match="entities"):
        parse("a.docx", wide)


def test_a_bomb_is_refused_by_what_it_declares() -> None:
    bomb = make_docx(BODY, more={"word/media/image.bmp": bytes(32 * 2**20)})
    assert len(bomb) < 100_000
    with pytest.raises(UnreadableDocument, match="zip bomb"):
        parse("a.docx", bomb)


def test_a_bomb_that_lies_about_its_size_is_refused_too() -> None:
    bomb = bytearray(make_docx(BODY, more={"word/media/image.bmp": bytes(32 * 2**20)}))
    real = struct.pack("<I", 32 * 2**20)
    assert bomb.count(real) == 2
    with pytest.raises(UnreadableDocument):
        parse("a.docx", bytes(bomb.replace(real, struct.pack("<I", 1000))))


def test_too_many_parts_are_refused() -> None:
    parts = {f"word/media/{n}.bin": b"" for n in range(5_001)}
    with pytest.raises(UnreadableDocument, match="zip bomb"):
        parse("a.docx", make_docx(BODY, more=parts))


def test_pictures_that_hardly_pack_are_no_bomb() -> None:
    noise = bytes((n * n * 31 + n // 7) % 251 for n in range(300_000))
    assert "Intro" in parse("a.docx", make_docx(BODY, more={"word/media/image.png": noise})).text


def test_unreadable() -> None:
    data = make_docx(BODY)
    for length in (10, 200, len(data) // 2, len(data) - 4):
        with pytest.raises(UnreadableDocument, match="cut short"):
            parse("a.docx", data[:length])
    with pytest.raises(UnreadableDocument, match=r"encrypted, or an old Word file"):
        parse("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(UnreadableDocument, match="no text"):
        parse("a.docx", make_docx(paragraph("")))
    with pytest.raises(UnreadableDocument, match="not what a DOCX holds"):
        parse("a.docx", make_docx("", more={"word/document.xml": b"<w:document"}))
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("a.txt", "words")
    with pytest.raises(UnreadableDocument, match="no DOCX"):
        parse("a.docx", other.getvalue())


def test_scripts_in_the_words_stay_words() -> None:
    parsed = parse("a.docx", make_docx(paragraph("&lt;script&gt;alert(1)&lt;/script&gt;")))
    assert parsed.text == "<script>alert(1)</script>"
