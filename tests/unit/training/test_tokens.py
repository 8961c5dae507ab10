"""A tokenizer's folder, read without transformers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_llama
import tokenizers
from transformers import AutoTokenizer

from freehold.errors import InvalidInput, NotFound
from freehold.training.tokens import load, tokenizer_hash

MESSAGES = [
    {"role": "system", "content": "Be brief. "},
    {"role": "user", "content": "How long do refunds take?"},
    {"role": "assistant", "content": "Five working days."},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama.tokenizer_folder(tmp_path_factory.mktemp("tokenizer") / "small")


def test_conversations_become_the_tokens_that_transformers_makes(folder: Path) -> None:
    ours, theirs = load(folder), AutoTokenizer.from_pretrained(folder)
    for messages, answer_next in ((MESSAGES, False), (MESSAGES[:2], True)):
        text = ours.conversation(messages, answer_next=answer_next)
        wanted = theirs.apply_chat_template(messages, add_generation_prompt=answer_next, return_dict=False)
        assert ours.encode(text) == wanted
    assert ours.size() == len(theirs) == tiny_llama.VOCABULARY
    assert ours.number(ours.eos_token) == theirs.eos_token_id
    assert "<|eot_id|>" in ours.special


def test_the_hash_is_of_what_the_tokenizer_does(folder: Path) -> None:
    inner = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer_hash(inner) == load(folder).hash
    inner.enable_truncation(5)
    assert tokenizer_hash(inner) == load(folder).hash
    inner.add_tokens(["another"])
    assert tokenizer_hash(inner) != load(folder).hash


def test_what_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no tokenizer\.json"):
        load(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InvalidInput, match="is no tokenizer"):
        load(tmp_path)


def test_files_of_a_tokenizer_that_are_none_are_refused(folder: Path, tmp_path: Path) -> None:
    """A panic of the library's Rust is no Exception of Python's, and is refused as others are."""
    table = json.loads((folder / "tokenizer.json").read_text())
    table["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": "AAAA"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(table))
    with pytest.raises(InvalidInput, match="is no tokenizer"):
        load(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    (tmp_path / "tokenizer_config.json").write_text("[" * 100_000)
    with pytest.raises(InvalidInput, match="is not JSON"):
        load(tmp_path)
    (tmp_path / "tokenizer_config.json").unlink()
    (tmp_path / "chat_template.jinja").write_bytes(b"\xff")
    with pytest.raises(InvalidInput, match="cannot be read"):
        load(tmp_path)


def test_without_a_template_there_is_no_conversation(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": {"content": "<|eot_id|>"}}))
    found = load(tmp_path)
    assert found.eos_token == "<|eot_id|>"
    with pytest.raises(InvalidInput, match="no chat template"):
        found.conversation(MESSAGES)
    (tmp_path / "tokenizer_config.json").write_text("[]")
    with pytest.raises(InvalidInput, match="holds no object"):
        load(tmp_path)
