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


def test_without_a_terminal_only_what_is_known_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    with Bar("Adding", clock=lambda: now[0]) as bar:
        for done, total, current in ((0, 0, ""), (0, 0, "fetching"), (2144, 0, ""), (0, 2144, "copying")):
            now[0] += PLAIN_EVERY
            bar.update(done, total, current)
    assert capsys.readouterr().err.splitlines() == [
        "Adding fetching",
        "Adding 2,144",
        "Adding 0/2,144 copying",
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
