import pytest

from freehold.cli.progress import PLAIN_EVERY, Bar


def test_without_a_terminal_a_line_comes_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    with Bar("Reading", clock=lambda: now[0]) as bar:
        for done in range(5):
            now[0] += PLAIN_EVERY / 2
            bar.update(done, 2144, "a\x1b[31m.md")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "Reading 1/2,144 a\N{REPLACEMENT CHARACTER}[31m.md",
        "Reading 3/2,144 a\N{REPLACEMENT CHARACTER}[31m.md",
    ]


def test_on_a_terminal_there_is_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with Bar("Reading") as bar:
        bar.update(0, 0, "")
        bar.update(7, 2144, "[bold]x[/bold]\x1b]0;title\x07" + "y" * 80)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Reading" in shown.err
    assert "\x1b]0;" not in shown.err
