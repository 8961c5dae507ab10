"""A tokenizer of our own: its files, what survives it, and that others read it the same way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from freehold.errors import InvalidInput
from freehold.models.chat_format import render
from freehold.training import tokenizer as training

TEXTS = [
    "Refunds reach your account within five working days of our receiving the parcel you sent back.",
    "To reset the router, hold the button at its back for ten seconds; the light turns amber, then green.",
    "The office is closed on public holidays. It's open from 9:00 to 17:30 on all other working days.",
    "Größe, naïve, 東京 and 12345 are words and numbers too, aren't they? We're sure that they'll be found.",
    "----------------------------------------------------------------------------------------------------",
] * 3
SIZE = 360


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer") / "ours"
    training.train(TEXTS, folder, size=SIZE)
    return folder


@pytest.fixture(scope="module")
def trained(folder: Path) -> Tokenizer:
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def test_the_size_is_what_was_asked_for_control_tokens_last(trained: Tokenizer) -> None:
    assert trained.get_vocab_size() == SIZE
    assert [trained.token_to_id(token) for token in training.SPECIAL] == list(range(SIZE - 16, SIZE))


@settings(max_examples=200, deadline=None)
@given(text=st.text())
def test_any_text_comes_back(trained: Tokenizer, text: str) -> None:
    assert (
        trained.decode(trained.encode(text, add_special_tokens=False).ids, skip_special_tokens=False) == text
    )


def test_no_token_reaches_over_a_word_or_is_endless(trained: Tokenizer) -> None:
    learnt = [token for token in trained.get_vocab() if token not in training.SPECIAL]
    assert not [token for token in learnt if "Ġ" in token[1:] and token.strip("Ġ")]
    assert max(map(len, learnt)) <= training.LONGEST_TOKEN
    assert not [token for token in learnt if any(c.isdigit() for c in token) and len(token.strip("Ġ")) > 3]


def test_texts_begin_with_their_mark(trained: Tokenizer) -> None:
    assert trained.encode("Refunds").tokens[0] == training.BEGIN


def test_the_same_texts_give_the_same_files(folder: Path, tmp_path: Path) -> None:
    training.train(iter(TEXTS), tmp_path / "again", size=SIZE)
    for name in training.FILES:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_an_older_folder_is_replaced_whole(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "stale").touch()
    training.train(TEXTS, tmp_path / "t", size=SIZE)
    assert sorted(each.name for each in (tmp_path / "t").iterdir()) == sorted(training.FILES)
    assert [each.name for each in tmp_path.iterdir()] == ["t"]


def test_the_template_is_llama_3s() -> None:
    messages = [{"role": "system", "content": "Be brief.\n"}, {"role": "user", "content": " Hello "}]
    assert render(
        training.TEMPLATE, messages, bos_token=training.BEGIN, eos_token="", add_generation_prompt=True
    ) == (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )


def test_too_few_words_are_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="give 2"):
        training.train(["a b c"], tmp_path / "t", size=1000)
    with pytest.raises(InvalidInput, match="too small"):
        training.train(TEXTS, tmp_path / "t", size=200)
    assert not list(tmp_path.iterdir())


def test_transformers_reads_it_the_same_way(folder: Path, trained: Tokenizer) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    text = "We're 12345 days late — 東京!\n\n  Größe\tok"
    assert theirs(text)["input_ids"] == trained.encode(text).ids
    assert theirs.decode(theirs(text, add_special_tokens=False)["input_ids"]) == text
    assert (theirs.bos_token, theirs.eos_token, theirs.pad_token) == (
        training.BEGIN,
        training.END_OF_TURN,
        training.PAD,
    )
    messages = [{"role": "user", "content": "Hello"}]
    assert theirs.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == render(
        training.TEMPLATE, messages, bos_token=training.BEGIN, eos_token="", add_generation_prompt=True
    )
    assert json.loads((folder / "tokenizer_config.json").read_text())["model_max_length"] == 8192
