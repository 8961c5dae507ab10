import json

import pytest

from freehold.cli import output
from freehold.errors import NotFound


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b[2J",
        "\x1b]0;title\x07",
        "\x9b31m",
        "\rhidden",
        "\x08\x08",
        "\u202egnp.exe",
        "\u2066x\u2069",
        "\x7f",
    ],
)
def test_clean_leaves_nothing_that_a_terminal_acts_on(hostile: str) -> None:
    shown = output.clean(f"before{hostile}after")
    assert shown.startswith("before")
    assert shown.endswith("after")
    assert not output.UNSAFE.search(shown)


def test_clean_keeps_text_as_it_is() -> None:
    text = "Größe\tß 한국어 🙂\n[bold]not markup[/bold]\n"
    assert output.clean(text) == text
    assert output.clean("one\r\ntwo") == "one\ntwo"


def test_line_keeps_a_title_on_its_line() -> None:
    assert output.line("a\nb\t c") == "a b c"


def test_json_is_the_same_value_and_safe_to_look_at(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"text": "\x1b[31m \x9b \u202e Größe", "list": [1, None]}
    output.say_json(value)
    shown = capsys.readouterr().out
    assert json.loads(shown) == value
    assert not output.UNSAFE.search(shown)
    assert "Größe" in shown


def test_tables_are_tab_separated_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.say_table(("A", "B"), [("x\ty", "\x1b[31mz"), (1, None)])
    assert capsys.readouterr().out == "x y\t\N{REPLACEMENT CHARACTER}[31mz\n1\tNone\n"


def test_an_error_is_one_line_and_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert output.fail(NotFound("There is no\nsource 7.", hint="List them.")) == 1
    assert capsys.readouterr().err == "error: There is no source 7.\nhint: List them.\n"


def test_a_fault_of_ours_shows_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FREEHOLD_LOG_LEVEL", raising=False)
    output.fail(KeyError("x"))
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setenv("FREEHOLD_LOG_LEVEL", "debug")
    output.fail(KeyError("x"))
    assert "KeyError" in capsys.readouterr().err


def test_numbers_for_people() -> None:
    assert output.size(999) == "999 bytes"
    assert output.size(1_300_000_000) == "1.3 GB"
    assert output.count(1, "document") == "1 document"
    assert output.count(2144, "document") == "2,144 documents"
    assert output.when(None) == "never"


def test_place_names_title_headings_and_location() -> None:
    cited = {
        "document": {"id": 1, "title": "Returns", "location": "shop/returns.md"},
        "heading_path": ["Returns", "How long\x1b"],
    }
    assert output.place(cited) == "Returns › How long\N{REPLACEMENT CHARACTER} — shop/returns.md"


def test_a_bold_line_of_an_answer_is_bold_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    piece = "\n\n**Free plan**\n\nIt has **two** gigabytes\x1b[2J."
    output.say_piece(piece)
    assert capsys.readouterr().out == piece.replace("\x1b", "\N{REPLACEMENT CHARACTER}")
    for name in ("NO_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    output.say_piece(piece)
    assert capsys.readouterr().out == (
        "\n\n\x1b[1mFree plan\x1b[0m\n\nIt has **two** gigabytes\N{REPLACEMENT CHARACTER}[2J."
    )
