"""What a document has in common with evaluation sets."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from freehold.errors import InvalidInput, NotFound
from freehold.training.grams import Words
from freehold.training.overlap import Overlap, Shared, texts_in

PASSAGE = (
    "Refunds reach your account within five working days of our receiving the parcel, unless the bank is"
    " closed on one of them, in which case it takes a day longer."
)


@pytest.fixture
def overlap() -> Overlap:
    overlap = Overlap(Words(), 13)
    overlap.add("shop", iter([PASSAGE, "How do I return what I bought in the shop?", "Where is it?"]))
    overlap.add("bank", iter(["The bank is closed on public holidays and on the day before New Year."]))
    return overlap


def shared(overlap: Overlap, text: str) -> Shared | None:
    return overlap.shared(text, overlap._words.numbers(text))


def test_runs_of_thirteen_words_are_found_whatever_stands_around_them(overlap: Overlap) -> None:
    run = "within FIVE working days of our receiving the\nparcel -- unless the bank is"
    assert shared(overlap, f"Many words before it; {run} open again.") == Shared(
        "shop", "within FIVE working days of our receiving the parcel -- unless the bank is", 1
    )
    assert shared(overlap, PASSAGE) == Shared("shop", " ".join(PASSAGE.split()[:13]).rstrip(","), 18)


def test_twelve_words_are_not_enough(overlap: Overlap) -> None:
    assert (
        shared(overlap, "within five working days of our receiving the parcel unless the bank says no")
        is None
    )


def test_a_question_counts_as_a_whole_unless_it_is_common_property(overlap: Overlap) -> None:
    found = shared(overlap, "FAQ. How do I return what I bought in the shop? Where is it?")
    assert found == Shared("shop", "How do I return what I bought in the shop", 1)
    assert shared(overlap, "How do I return what I bought in the market? Where is it?") is None
    assert overlap.facts["shop"] == {"texts": 3, "too_short": 1, "runs": 19}


def test_nothing_is_shared_with_nothing(overlap: Overlap) -> None:
    assert shared(overlap, "") is None
    assert Overlap(Words(), 13).shared(PASSAGE, Words().numbers(PASSAGE)) is None


def test_sets_are_read_from_lines_files_and_folders(tmp_path: Path) -> None:
    line = json.dumps(
        {"text": "one", "history": [{"role": "user", "content": "two"}], "answerable": True, "n": 3}
    )
    with gzip.open(tmp_path / "a.jsonl.gz", "wt") as file:
        file.write(line + "\n\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.md").write_text("# three")
    (tmp_path / "deep" / "c.png").write_bytes(b"\x89PNG")
    assert list(texts_in(tmp_path)) == ["one", "user", "two", "# three"]


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no evaluation set"):
        list(texts_in(tmp_path / "absent"))
    (tmp_path / "a.jsonl").write_text('{"a": "b"}\nno json\n')
    with pytest.raises(InvalidInput, match=r"a\.jsonl, line 2: it is not JSON"):
        list(texts_in(tmp_path / "a.jsonl"))
    (tmp_path / "a.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(InvalidInput, match="cannot be read"):
        list(texts_in(tmp_path / "a.jsonl.gz"))
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    with pytest.raises(InvalidInput, match="can be read"):
        list(texts_in(tmp_path / "a.pdf"))
