"""Tokenizers are read as transformers reads them, or refused with the reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llama_checkpoints
import pytest
from transformers import AutoTokenizer
from transformers.utils import sentencepiece_model_pb2_new as protocol

from freehold.errors import ModelRejected
from freehold.models.formats.pieces import BYTE, CONTROL, NORMAL, UNKNOWN, UNUSED, USER_DEFINED
from freehold.models.formats.tokenizer_json import read_tokenizer_json
from freehold.models.formats.vocabulary import Vocabulary, read_vocabulary

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def bpe(tmp_path: Path) -> Path:
    llama_checkpoints.byte_level(tmp_path)
    return tmp_path


@pytest.fixture
def pieces(tmp_path: Path) -> Path:
    llama_checkpoints.sentencepiece(tmp_path)
    return tmp_path


def size(folder: Path) -> int:
    return len(AutoTokenizer.from_pretrained(folder))


def vocabulary(folder: Path, more: int = 0) -> Vocabulary:
    return read_vocabulary(folder, size(folder) + more)


def edit(path: Path, change: Edit) -> None:
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))


def put(path: Path, **values: object) -> None:
    edit(path, lambda found: found.update(values)) if path.exists() else path.write_text(json.dumps(values))


def refusal(folder: Path) -> str:
    with pytest.raises(ModelRejected) as caught:
        read_vocabulary(folder, 1000)
    assert caught.value.hint
    return caught.value.message


def test_a_byte_level_vocabulary(bpe: Path) -> None:
    found, known = vocabulary(bpe, more=2), AutoTokenizer.from_pretrained(bpe)
    assert (found.algorithm, found.split) == ("gpt2", "llama-bpe")
    assert found.texts[: len(known)] == tuple(known.convert_ids_to_tokens(range(len(known))))
    assert found.types[-2:] == (UNUSED, UNUSED)
    assert found.types[known.bos_token_id] == CONTROL
    assert found.types[0] == NORMAL
    assert (found.bos, found.eos, found.padding) == (
        known.bos_token_id,
        known.eos_token_id,
        known.pad_token_id,
    )
    assert len(found.merges) == len(json.loads((bpe / "tokenizer.json").read_text())["model"]["merges"])
    assert found.add_bos
    assert not found.scores


def test_a_sentencepiece_vocabulary(pieces: Path) -> None:
    found, known = vocabulary(pieces), AutoTokenizer.from_pretrained(pieces)
    assert found.algorithm == "llama"
    assert found.texts == tuple(known.convert_ids_to_tokens(range(len(known))))
    assert found.types[0] == UNKNOWN
    assert found.unknown == 0
    assert found.types[1:3] == (CONTROL, CONTROL)
    assert set(found.types[3:259]) == {BYTE}
    assert not found.merges
    first = json.loads((pieces / "tokenizer.json").read_text())["model"]["merges"][0]
    best = max(range(259, len(found.texts)), key=lambda id: (found.scores[id] != 0, found.scores[id]))
    assert found.texts[best] == "".join(first)


def test_merges_that_are_written_as_text_are_the_same(bpe: Path) -> None:
    before = vocabulary(bpe)
    edit(
        bpe / "tokenizer.json",
        lambda found: found["model"].update(merges=[" ".join(pair) for pair in found["model"]["merges"]]),
    )
    assert vocabulary(bpe) == before


def test_whole_tokens_before_merges_or_not_has_two_names(tmp_path: Path) -> None:
    llama_checkpoints.byte_level(tmp_path, ignore_merges=False)
    assert vocabulary(tmp_path).split == "smaug-bpe"


@pytest.mark.parametrize(
    ("config", "prefix"),
    [
        ({}, False),  # the template writes the beginning token, so no text comes first
        ({"chat_template": "{{ messages[0].content }}"}, True),
        ({"chat_template": None}, True),
        ({"legacy": True}, True),
        ({"add_prefix_space": False, "chat_template": None}, False),
        ({"tokenizer_class": "PreTrainedTokenizerFast"}, False),
    ],
)
def test_space_before_a_text(tmp_path: Path, config: dict[str, Any], prefix: bool) -> None:
    llama_checkpoints.sentencepiece(tmp_path, **config)
    assert vocabulary(tmp_path).add_space_prefix is prefix


def test_the_older_spelling_of_a_space_before_a_text(pieces: Path) -> None:
    steps = [
        {"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
    ]
    put(pieces / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    put(
        pieces / "tokenizer.json",
        normalizer={"type": "Sequence", "normalizers": steps},
        pre_tokenizer=None,
    )
    assert vocabulary(pieces).add_space_prefix


def test_tokens_that_end_a_text(bpe: Path) -> None:
    ids = AutoTokenizer.from_pretrained(bpe).convert_tokens_to_ids
    known, other, third = ids("<|end_of_text|>"), ids("<|start_header_id|>"), ids("<|end_header_id|>")
    put(bpe / "config.json", eos_token_id=[known, ids("<|eot_id|>")])
    assert vocabulary(bpe).more_ends == ()  # llama.cpp stops at these by their text
    put(bpe / "generation_config.json", eos_token_id=[known, other])
    assert vocabulary(bpe).more_ends == (other,)
    assert vocabulary(bpe).eos == ids("<|eot_id|>")
    put(bpe / "generation_config.json", eos_token_id=[0, other, third])
    assert "stops at 4 tokens" in refusal(bpe)
    put(bpe / "generation_config.json", eos_token_id=100_000)
    assert "token 100,000 of 1,000" in refusal(bpe)
    put(bpe / "generation_config.json", eos_token_id=["a"])
    assert "eos_token_id is ['a']" in refusal(bpe)


def test_tokens_that_only_the_models_config_names(bpe: Path) -> None:
    known = vocabulary(bpe)
    edit(bpe / "tokenizer_config.json", lambda found: (found.pop("bos_token"), found.pop("eos_token")))
    assert "no beginning token" in refusal(bpe)
    put(bpe / "config.json", bos_token_id=known.bos, eos_token_id=known.eos)
    found = vocabulary(bpe)
    assert (found.bos, found.eos) == (known.bos, known.eos)


def test_the_template_is_found_wherever_it_lies(bpe: Path) -> None:
    put(bpe / "tokenizer_config.json", chat_template="from the config")
    template = (bpe / "chat_template.jinja").read_text()
    assert vocabulary(bpe).chat_template == template
    (bpe / "chat_template.jinja").unlink()
    assert vocabulary(bpe).chat_template == "from the config"
    named = [{"name": "tool_use", "template": "other"}, {"name": "default", "template": "named"}]
    put(bpe / "tokenizer_config.json", chat_template=named)
    assert vocabulary(bpe).chat_template == "named"
    put(bpe / "chat_template.json", chat_template="from its own file")
    assert vocabulary(bpe).chat_template == "from its own file"
    put(bpe / "chat_template.json", chat_template="{% if %}")
    assert "chat template has a fault" in refusal(bpe)


def test_added_tokens_that_are_not_special_are_the_users(bpe: Path) -> None:
    edit(bpe / "tokenizer.json", lambda found: found["added_tokens"][0].update(special=False))
    id = json.loads((bpe / "tokenizer.json").read_text())["added_tokens"][0]["id"]
    assert vocabulary(bpe).types[id] == USER_DEFINED


def split(pattern: str) -> list[dict[str, Any]]:
    cut = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return [cut, {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda found: found["model"].update(type="Unigram"), "Unigram, not BPE"),
        (lambda found: found["model"].update(vocab=[["a", 0.5]]), "not put together"),
        (lambda found: found["model"].update(vocab={"a": 0, "b": 0}), "no ids of their own"),
        (lambda found: found["model"].update(vocab={"a": -1}), "no ids of their own"),
        (lambda found: found["model"].update(merges=[["a"]]), "not put together"),
        (lambda found: found["model"].update(dropout=0.1), "dropout"),
        (lambda found: found.update(normalizer={"type": "NFC"}), "normalizer NFC"),
        (lambda found: found.update(pre_tokenizer={"type": "Whitespace"}), "pre-tokenizer Whitespace"),
        (lambda found: found.update(pre_tokenizer=None), "pre-tokenizer none"),
        (lambda found: found["pre_tokenizer"].update(pretokenizers=split(r"\d|\s+")), r"splits by"),
        (lambda found: found["pre_tokenizer"]["pretokenizers"].pop(), "pre-tokenizer Split is unknown"),
        (lambda found: found["added_tokens"][0].update(lstrip=True), "matched with lstrip"),
        (lambda found: found["added_tokens"][0].update(id=0), "stands for two things"),
        (lambda found: found["added_tokens"][0].pop("id"), "not put together"),
        (lambda found: found.pop("model"), "not put together"),
        (lambda found: found["added_tokens"][0].update(id=5000, content="new"), "a token 5,000"),
    ],
)
def test_what_llama_cpp_would_cut_differently_is_refused(bpe: Path, change: Edit, says: str) -> None:
    edit(bpe / "tokenizer.json", change)
    assert says in refusal(bpe)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda found: found["model"]["merges"].pop(), "no merge makes its token"),
        (lambda found: found["model"]["merges"].append(["m", "m"]), "which is no token"),
        (lambda found: found.update(normalizer={"type": "NFKC"}), "normalizer NFKC"),
        (lambda found: found["pre_tokenizer"].update(split=True), "pre-tokenizer Metaspace"),
    ],
)
def test_what_sentencepiece_would_merge_differently_is_refused(
    tmp_path: Path, change: Edit, says: str
) -> None:
    llama_checkpoints.sentencepiece(tmp_path)
    edit(tmp_path / "tokenizer.json", change)
    assert says in refusal(tmp_path)


def test_merges_that_stand_apart_or_are_left_out_are_refused(pieces: Path) -> None:
    merges = json.loads((pieces / "tokenizer.json").read_text())["model"]["merges"]
    made = ["".join(pair) for pair in merges]
    twice = next(index for index in range(2, len(made)) if made[index] == made[index - 1])
    moved = merges.pop(twice)
    edit(pieces / "tokenizer.json", lambda found: found["model"].update(merges=merges))
    assert "it never merges" in refusal(pieces)
    edit(pieces / "tokenizer.json", lambda found: found["model"].update(merges=[*merges, moved]))
    assert "stand apart" in refusal(pieces)


def test_missing_files_and_names_are_said(bpe: Path) -> None:
    put(bpe / "tokenizer_config.json", eos_token="<nothing>")
    assert "<nothing>" in refusal(bpe)
    put(bpe / "tokenizer_config.json", eos_token=["a"])
    assert "eos_token" in refusal(bpe)
    (bpe / "tokenizer_config.json").write_text("{")
    assert "tokenizer_config.json is no JSON" in refusal(bpe)
    (bpe / "tokenizer_config.json").unlink()
    edit(bpe / "tokenizer.json", lambda found: found.update(added_tokens=[]))
    edit(bpe / "tokenizer.json", lambda found: found["model"].update(vocab={}, merges=[]))
    assert "has no tokens" in refusal(bpe)
    (bpe / "tokenizer.json").unlink()
    assert "tokenizer.json is missing" in refusal(bpe)


def sentencepiece_model(path: Path, folder: Path, kind: int = 2) -> Path:
    """The same vocabulary as SentencePiece itself would write it."""
    known = read_tokenizer_json(folder / "tokenizer.json")
    model = protocol.ModelProto()
    for id in sorted(known.texts):
        piece = model.pieces.add()
        piece.piece, piece.score = known.texts[id], known.scores.get(id, 0.0)
        piece.type = known.types.get(id, NORMAL)
    model.trainer_spec.model_type = kind
    model.normalizer_spec.add_dummy_prefix = True
    path.write_bytes(model.SerializeToString())
    return path


def test_sentencepieces_own_file_says_the_same(pieces: Path, tmp_path: Path) -> None:
    known = vocabulary(pieces)
    sentencepiece_model(pieces / "tokenizer.model", pieces)
    (pieces / "tokenizer.json").unlink()
    assert read_vocabulary(pieces, len(known.texts)) == known


def test_a_damaged_sentencepiece_file_is_refused(pieces: Path) -> None:
    path = sentencepiece_model(pieces / "tokenizer.model", pieces)
    (pieces / "tokenizer.json").rename(pieces / "kept.json")
    whole = path.read_bytes()
    for data in (b"", whole[:-1], b"\xff" * 20, b"\x0b\x00", b"\x0a\x02\x0a\x05", b"\x0a\x03\x0a\x01\xff"):
        path.write_bytes(data)
        assert "tokenizer.model is not a SentencePiece model" in refusal(pieces)
    (pieces / "kept.json").rename(pieces / "tokenizer.json")
    sentencepiece_model(path, pieces, kind=1)
    (pieces / "tokenizer.json").unlink()
    assert "kind 1" in refusal(pieces)
