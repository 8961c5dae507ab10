"""What the reader is tuned on, as numbers: every answer stands where the pair says, and nothing else does."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from benchmark_modules import loaded
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

MODULES = ("datasets", "edits", "phrasing", "reading_material", "reading_documents", "reading_pairs")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    with loaded(monkeypatch, *MODULES) as modules:
        yield modules


@pytest.fixture
def tokenizer() -> Tokenizer:
    words = ["[UNK]", "[CLS]", "[SEP]", "who", "where", "mends", "the", "lift", "Lifts", ".", "caretaker"]
    words += [f"w{number}" for number in range(900)]
    made = Tokenizer(WordLevel({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    return made


def said(tokenizer: Tokenizer, ids: Any) -> str:
    return " ".join(str(tokenizer.id_to_token(int(one))) for one in ids)


def test_the_answer_stands_where_the_pair_says_it_does(
    found: dict[str, ModuleType], tokenizer: Tokenizer
) -> None:
    item, pairs = found["reading_material"].Item, found["reading_pairs"]
    long = " ".join([*(f"w{n}" for n in range(330)), "the caretaker", *(f"w{n}" for n in range(330, 360))])
    at = long.index("the caretaker")
    packed = pairs.pack(
        [
            item("who mends the lift", long, "Lifts", (("the caretaker", at),), ("w1 w2 w3",), "w4 w5"),
            item("who mends the lift", "the caretaker mends it", "", (("the caretaker", 0),), edited="where"),
        ],
        tokenizer,
    )
    drawn = pairs.Pairs(packed, tokenizer, torch.device("cpu"), 4, 0)
    answered, without, titled = 0, 0, 0
    for _ in range(20):
        rows = drawn.drawn()
        batch = drawn.made(rows)
        for row, (first, last) in enumerate(batch.wanted.tolist()):
            own = batch.ids[row][batch.mask[row] == 1]
            assert len(own) <= pairs.WINDOW
            assert not batch.outside[row, first]
            assert not batch.outside[row, last]
            whole = said(tokenizer, own)
            assert whole.startswith(("[CLS] who mends the lift [SEP] ", "[CLS] where [SEP] "))
            assert whole.endswith(" [SEP]")
            assert whole.count("[SEP]") == 2
            text = whole.split(" [SEP] ")[1]
            titled += text.startswith("Lifts . ")
            assert int(batch.types[row].sum()) == len(text.split())
            if first:
                assert said(tokenizer, batch.ids[row, first : last + 1]) == "the caretaker"
                answered += 1
            else:
                assert last == 0
                assert rows[row, 3] == -1
                without += 1
    assert answered == 40
    assert without > 30
    assert titled > 10


def test_what_is_packed_is_read_again_as_it_was(
    found: dict[str, ModuleType], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    item, pairs = found["reading_material"].Item, found["reading_pairs"]
    beyond = " ".join(f"w{n % 900}" for n in range(pairs.TEXT + 10))
    packed = pairs.pack(
        [
            item("who mends the lift", "w1 w2", "Lifts", (), (), "w4"),
            item("where", beyond, "", ((beyond[-4:], len(beyond) - 4),)),  # stands where nothing is read
        ],
        tokenizer,
    )
    packed.save(tmp_path / "material.npz")
    again = pairs.Packed.load(tmp_path / "material.npz")
    assert len(again.asked) == 1
    for name in ("tokens", "bounds", "asked", "answers", "answers_of", "near", "near_of"):
        assert np.array_equal(getattr(packed, name), getattr(again, name))


def test_a_heading_is_asked_and_the_sections_beside_it_are_no_answer(
    found: dict[str, ModuleType], tmp_path: Path
) -> None:
    more = " ".join(f"The clay of shelf {number} dries for {number} hours." for number in range(2, 40))
    (tmp_path / "kilns.md").write_text(
        "# Kilns of the house\n\n**Applies To:** all kilns\n\n## Fill the small garden kiln\n\n"
        f"Open the lower flap and hold the red button. {more}\n\n## Clean the kiln after firing\n\n"
        f"Brush the shelves once they are cold. {more}\n",
        encoding="utf-8",
    )
    items = list(found["reading_documents"].of_documents(tmp_path, 0))
    asked = {item.question: item for item in items}
    lit = asked["How do I fill the small garden kiln?"]
    assert lit.answers == (("Open the lower flap and hold the red button.", 0),)
    assert lit.title == "Kilns of the house > Fill the small garden kiln"
    assert any("Brush the shelves" in text for text in lit.near)
    assert not any("lower flap" in text for text in lit.near)
    assert not any("Applies To" in item.passage for item in items)
