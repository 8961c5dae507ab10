"""A tokenizer trained here splits every text in llama.cpp as it does in training."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import tiny_llama
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from freehold.engines.llama_model import Model
from freehold.models.formats.convert import to_gguf
from freehold.training.tokenizer import BEGIN, END_OF_TURN, SPECIAL, TEMPLATE

Both = tuple[Tokenizer, Model]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("tokenizer")
    tiny_llama.saved(folder / "hf")
    to_gguf(folder / "hf", folder / "model.gguf", precision="f16")
    with Model(folder / "model.gguf") as model:
        yield Tokenizer.from_file(str(folder / "hf" / "tokenizer.json")), model


@pytest.mark.parametrize(
    "text",
    [
        "Refunds reach your account within 12345 days; aren't they QUICK?",
        "We'RE \t\tsure\n\n\n  that  'tis\r\nso ",
        "Größe, naïve, 東京 and नमस्ते — “quoted” … 👩‍👩‍👧 \u200b\u00a0 end",
        "".join(SPECIAL),
        f"{BEGIN}x<|eot_id",
        "",
    ],
)
def test_tokens_are_the_same(both: Both, text: str) -> None:
    trained, model = both
    assert model.tokenize(text, special=True).tolist() == trained.encode(text, add_special_tokens=False).ids


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))))
def test_tokens_of_any_text_are_the_same(both: Both, text: str) -> None:
    trained, model = both
    assert model.tokenize(text, special=True).tolist() == trained.encode(text, add_special_tokens=False).ids


def test_marks_and_template_are_the_same(both: Both) -> None:
    trained, model = both
    assert (model.begin_text, model.end_text) == (BEGIN, END_OF_TURN)
    assert model.ends(trained.token_to_id(END_OF_TURN))
    assert model.chat_template == TEMPLATE
