"""Personal data is found, masked, and masked the same way throughout a ticket."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path

import pytest

from freehold.personal_data import FINDERS
from freehold.redaction import Masker, without_placeholders

FIXTURES = Path(__file__).parents[1] / "fixtures"
MARK = re.compile(r"\{\{([a-z ]+)\|([^}]*)\}\}")
TITLE = re.compile(r"(?:Mrs?|Ms|Dr|Señor)\.? ")


def messages(name: str) -> list[tuple[str, list[tuple[int, int, str]]]]:
    """Texts and what stands in them: start, end, kind."""
    text = re.sub(r"^#[^\n]*\n", "", (FIXTURES / name).read_text(), flags=re.M)
    found = []
    for marked in text.split("\n===\n"):
        plain, spots, at = "", [], 0
        for mark in MARK.finditer(marked):
            plain += marked[at : mark.start()]
            lead = title.end() if (title := TITLE.match(mark[2])) else 0
            spots.append((len(plain) + lead, len(plain) + len(mark[2]), mark[1]))
            plain += mark[2]
            at = mark.end()
        found.append((plain + marked[at:], spots))
    return found


def figures(name: str) -> tuple[Counter[str], Counter[str], list[str]]:
    """By kind how many were masked whole, of how many; and what was masked without being any."""
    hits: Counter[str] = Counter()
    total: Counter[str] = Counter()
    extra: list[str] = []
    for text, spots in messages(name):
        masker = Masker()
        masker.learn(text)
        masked = {at for start, end, _ in masker.find(text) for at in range(start, end)}
        for start, end, kind in spots:
            total[kind] += 1
            hits[kind] += masked >= set(range(start, end))
        marked = {at for start, end, _ in spots for at in range(start, end)}
        extra += [text[a:b] for a, b, _ in masker.find(text) if not marked & set(range(a, b))]
    return hits, total, extra


def test_the_set_it_was_written_with_is_masked() -> None:
    hits, total, extra = figures("personal_data.txt")
    assert sum(total.values()) >= 75
    assert hits == total
    assert extra == ["998 4421 0087"]  # a meeting's number: rather masked than not


def test_the_set_written_afterwards_is_masked_but_for_names_in_passing() -> None:
    hits, total, extra = figures("personal_data_unseen.txt")
    assert {kind: total[kind] - hits[kind] for kind in total if hits[kind] < total[kind]} == {"name": 4}
    assert extra == []


def test_the_same_value_gets_the_same_mark() -> None:
    masker = Masker(["Anna Kowalska"])
    first = masker.mask("Hi, Anna here: write to anna@mail.example or ben@mail.example.")
    second = masker.mask("Dear Anna Kowalska, we wrote to ANNA@mail.example. Kowalska is on file.")
    assert first == "Hi, [name 1] here: write to [email 1] or [email 2]."
    assert second == "Dear [name 1], we wrote to [email 1]. [name 1] is on file."
    assert masker.found == {"name": 3, "email": 3}


def test_a_name_given_away_late_is_masked_early_once_learnt() -> None:
    text = "I told Tove already.\n\nBest regards,\nTove"
    assert "Tove" in Masker().mask("I told Tove already.")
    masker = Masker()
    masker.learn(text)
    assert "Tove" not in masker.mask(text)


def test_masked_text_is_left_as_it_is() -> None:
    text = "Write to [email 1], [name 2], order [number 3]."
    assert Masker().mask(text) == text
    assert without_placeholders(text) == "Write to , , order ."


def test_words_that_are_names_too_stay_in_lower_case() -> None:
    masker = Masker(["Mark May"])
    assert masker.mask("Mark it? I mark it in may.") == "[name 1] it? I mark it in may."


@pytest.mark.parametrize(
    "piece",
    ["a", "1", "1 ", "Aa ", "a-", "a.", "a@", "a1", "a:", "Hi Anna ", "order ", "Regards\n", "AB12", "DE89 ",
     "12 Aa Bb ", "https://a.b/c?d=e ", "password ", "\n", "_", "my name is A", "rue de la ", "+1 (",
     "0.", "::"],
)  # fmt: skip
def test_hostile_text_takes_time_in_proportion(piece: str) -> None:
    text = (piece * 5_000)[:5_000]
    began = time.process_time()
    for _, find in FINDERS:
        list(find(text))
    assert time.process_time() - began < 0.6
