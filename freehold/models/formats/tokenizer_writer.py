"""A GGUF's tokenizer as the files that Hugging Face's libraries read: the way back from `vocabulary.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from freehold.errors import ModelRejected
from freehold.models.formats.gguf_file import GgufFile
from freehold.models.formats.pieces import CONTROL, NORMAL, UNKNOWN, UNUSED, USER_DEFINED
from freehold.models.formats.tokenizer_json import LLAMA_3_SPLIT, SPACE
from freehold.models.formats.vocabulary import ENDS_BY_NAME, PREFIX_KEY

SPLITS = {"llama-bpe": True, "llama3": True, "llama-v3": True, "smaug-bpe": False, "dbrx": False}
"""llama.cpp's names for Llama 3's splitting, and whether whole tokens are taken before merging."""

Json = dict[str, Any]


def tokenizer_files(file: GgufFile) -> dict[str, str]:
    """Contents by file name: tokenizer.json, tokenizer_config.json and the chat template, if there is one.

    Raises:
        ModelRejected: its tokenizer is of a kind that tokenizers would cut text differently with.
    """
    texts, types = _tokens(file)
    names = {role: texts[id] for role, id in special_ids(file).items()}
    algorithm = file.value("tokenizer.ggml.model", str)
    if algorithm == "gpt2":
        tokenizer = _byte_level(file, texts, types)
    elif algorithm == "llama":
        tokenizer = _sentencepiece(file, texts, types, names.get("unk_token"))
    else:
        raise _unknown(file, f"its tokenizer is {algorithm[:40]}")
    if file.value("tokenizer.ggml.add_bos_token", bool, False):
        tokenizer["post_processor"] = _beginning(names["bos_token"], texts)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": file.value("llama.context_length", int),
        "clean_up_tokenization_spaces": False,
    } | names
    found = {
        "tokenizer.json": json.dumps(tokenizer, ensure_ascii=False),
        "tokenizer_config.json": json.dumps(config, ensure_ascii=False, indent=2),
    }
    key = "tokenizer.chat_template"
    return found | ({"chat_template.jinja": file.value(key, str)} if key in file.metadata else {})


def special_ids(file: GgufFile) -> dict[str, int]:
    """The tokens that have a role, as tokenizer_config.json calls it."""
    keys = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}
    found = {role: id for role, key in keys.items() if (id := _id(file, key)) is not None}
    for role in ("bos_token", "eos_token"):
        if role not in found:
            raise _unknown(file, f"it has no {role}")
    return found


def end_ids(file: GgufFile) -> list[int]:
    """Where generation stops: by the file's keys, the end token first, and by texts that llama.cpp knows."""
    texts, types = _tokens(file)
    keys = [_id(file, key) for key in ("eos", "eot", "eom")]
    known = [id for id, text in enumerate(texts) if types[id] == CONTROL and text in ENDS_BY_NAME]
    return list(dict.fromkeys([id for id in keys if id is not None] + known))


def _id(file: GgufFile, name: str) -> int | None:
    key = f"tokenizer.ggml.{name}_token_id"
    if key not in file.metadata:
        return None
    id = file.value(key, int)
    if not 0 <= id < file.shapes["token_embd.weight"][0]:
        raise _unknown(file, f"its {name} token is {id}")
    return id


def _tokens(file: GgufFile) -> tuple[list[str], list[int]]:
    texts, key = file.items("tokenizer.ggml.tokens", str), "tokenizer.ggml.token_type"
    types = file.items(key, int) if key in file.metadata else [NORMAL] * len(texts)
    sizes = {len(texts), len(set(texts)), len(types), file.shapes["token_embd.weight"][0]}
    if len(sizes) > 1:
        raise _unknown(file, "its tokens, their types and its embeddings do not go together")
    return texts, types


def _byte_level(file: GgufFile, texts: list[str], types: list[int]) -> Json:
    split = file.value("tokenizer.ggml.pre", str, "default")
    if split not in SPLITS:
        raise _unknown(file, f"it splits text by the rules of {split[:40]}")
    cut = {"type": "Split", "pattern": {"Regex": LLAMA_3_SPLIT}, "behavior": "Isolated", "invert": False}
    spell = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    merges = [merge.split(" ", 1) for merge in file.items("tokenizer.ggml.merges", str)]
    model = {"type": "BPE", "ignore_merges": SPLITS[split]} | _model(texts, types, merges)
    return _tokenizer(texts, types, model) | {
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [cut, spell]},
        "decoder": spell | {"add_prefix_space": True, "use_regex": True},
    }


def _sentencepiece(file: GgufFile, texts: list[str], types: list[int], unknown: str | None) -> Json:
    scores = file.items("tokenizer.ggml.scores", float)
    if len(scores) != len(texts):
        raise _unknown(file, "its tokens do not all have scores")
    prefixed = file.value("tokenizer.ggml.add_space_prefix", bool, True)
    scheme = file.value(PREFIX_KEY, str, "always" if prefixed else "never")
    if scheme not in ("always", "first", "never"):
        raise _unknown(file, f"its {PREFIX_KEY} is {scheme[:40]}")
    model = {"type": "BPE", "unk_token": unknown, "fuse_unk": True, "byte_fallback": True}
    steps: list[Json] = [
        {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
    ]
    if scheme != "never":
        steps.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    return _tokenizer(texts, types, model | _model(texts, types, list(_merges(texts, types, scores)))) | {
        "pre_tokenizer": {
            "type": "Metaspace",
            "replacement": SPACE,
            "prepend_scheme": scheme,
            "split": False,
        },
        "decoder": {"type": "Sequence", "decoders": steps},
    }


def _merges(texts: list[str], types: list[int], scores: list[float]) -> Iterator[list[str]]:
    """Every way of cutting a token into two, the tokens with the highest score first."""
    ids = {text: id for id, text in enumerate(texts)}
    normal = [id for id, type_ in enumerate(types) if type_ == NORMAL and len(texts[id]) > 1]
    for id in sorted(normal, key=lambda id: -scores[id]):
        text = texts[id]
        cuts = [(text[:at], text[at:]) for at in range(1, len(text))]
        pairs = [(ids[left], ids[right]) for left, right in cuts if left in ids and right in ids]
        yield from ([texts[left], texts[right]] for left, right in sorted(pairs))


def _model(texts: list[str], types: list[int], merges: list[list[str]]) -> Json:
    vocabulary = {text: id for id, text in enumerate(texts) if types[id] != UNUSED}
    return {"vocab": vocabulary, "merges": merges}


def _tokenizer(texts: list[str], types: list[int], model: Json) -> Json:
    added = [
        {
            "id": id,
            "content": texts[id],
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": type_ != USER_DEFINED,
        }
        for id, type_ in enumerate(types)
        if type_ in (CONTROL, UNKNOWN, USER_DEFINED)
    ]
    rest = {"normalizer": None, "post_processor": None, "model": model}
    return {"version": "1.0", "added_tokens": added} | rest


def _beginning(bos: str, texts: list[str]) -> Json:
    start: Mapping[str, Any] = {"SpecialToken": {"id": bos, "type_id": 0}}
    first, second = ({"Sequence": {"id": name, "type_id": number}} for number, name in enumerate("AB"))
    return {
        "type": "TemplateProcessing",
        "single": [start, first],
        "pair": [start, first, {"SpecialToken": {"id": bos, "type_id": 1}}, second],
        "special_tokens": {bos: {"id": bos, "ids": [texts.index(bos)], "tokens": [bos]}},
    }


def _unknown(file: GgufFile, what: str) -> ModelRejected:
    return ModelRejected(
        f"{file.name} cannot be written for Hugging Face's libraries: {what}.",
        hint="Take the publisher's own checkpoint, or serve this file as it is.",
    )
