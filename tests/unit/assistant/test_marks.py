"""What others wrote stays words in Markdown of ours."""

import pytest

from freehold.assistant.marks import DIFFERENTLY, headed, not_named, plain, without_ours


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Refunds", "**Refunds**\n\n"),
        (
            "[Free](https://elsewhere.example) **money**\n# now",
            "**Free (https://elsewhere.example) money now**\n\n",
        ),
        ("<img src=x>", "**img src=x**\n\n"),
        ("***", ""),
        ("", ""),
    ],
)
def test_a_title_is_a_line_of_words(title: str, expected: str) -> None:
    assert headed(title) == expected


def test_words_lose_their_marks_only() -> None:
    assert plain(" `rm`  _now_ | C# ") == "rm now C"


def test_lines_of_ours_are_told_from_quotes() -> None:
    quote = "A refund takes **five days**.\n\n- **Cards**: two days"
    assert without_ours(f"{DIFFERENTLY}\n\n**Refunds**\n\n{quote}") == quote
    assert without_ours(f"\n\n{headed('Refunds')}{quote}") == f"\n\n{quote}"
    assert without_ours(f"{not_named('*Eco* Card')}:\n\n{headed('Refunds')}{quote}") == quote
    assert without_ours(quote) == quote
