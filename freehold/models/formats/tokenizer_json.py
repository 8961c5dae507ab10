"""Reads `tokenizer.json`, as the library tokenizers writes it, as far as llama.cpp can do the same.

Knows byte-level BPE with Llama 3's splitting, and SentencePiece's BPE with byte fallback as Llama 2 has it.
Anything that would make llama.cpp cut text differently is refused and named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from freehold.errors import ModelRejected
from freehold.models.formats.json_file import read_json
from freehold.models.formats.pieces import BYTE, CONTROL, UNKNOWN, USER_DEFINED, Pieces, Prefix

MAX_BYTES = 64 * 2**20
LLAMA_3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPACE = "▁"
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")

Pair = tuple[str, str]


def read_tokenizer_json(path: Path) -> Pieces:
    """
    Raises:
        ModelRejected: it is unsound, or cuts text in a way that llama.cpp does not know.
    """
    found = read_json(path, MAX_BYTES)
    try:
        return _pieces(found)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise _refused(f"it is not put together as such files are ({str(error)[:80]})") from None


def _pieces(found: Mapping[str, Any]) -> Pieces:
    model = found["model"]
    if model.get("type", "BPE") != "BPE":
        raise _refused(f"its model is {str(model.get('type'))[:40]}, not BPE")
    for key in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(key):
            raise _refused(f"it has a {key}")
    vocabulary: dict[str, int] = model["vocab"]
    texts = {id: text for text, id in vocabulary.items()}
    if len(texts) != len(vocabulary) or not all(type(id) is int and id >= 0 for id in texts):
        raise _refused("its tokens have no ids of their own")
    types = _added(found.get("added_tokens") or [], texts, vocabulary)
    merges = [_pair(entry) for entry in model.get("merges") or []]
    add_bos = _adds_bos(found.get("post_processor"))
    if not model.get("byte_fallback"):
        split = _byte_level_split(found, bool(model.get("ignore_merges")))
        joined = tuple(" ".join(pair) for pair in merges)
        return Pieces("gpt2", split, texts, types, {}, joined, "never", add_bos)
    types |= {id: BYTE for text, id in vocabulary.items() if _BYTE.fullmatch(text)}
    if (unknown := vocabulary.get(model.get("unk_token"))) is not None:
        types[unknown] = UNKNOWN
    scores = _scores(merges, vocabulary, types)
    return Pieces("llama", "default", texts, types, scores, (), _prefix(found), add_bos)


def _added(
    entries: list[dict[str, Any]], texts: dict[int, str], vocabulary: Mapping[str, int]
) -> dict[int, int]:
    """Puts the added tokens into `texts`, and gives their types."""
    types = {}
    for entry in entries:
        id, text = entry["id"], entry["content"]
        if type(id) is not int or id < 0 or not isinstance(text, str) or not text:
            raise _refused(f"an added token is {str(entry)[:80]}")
        if texts.get(id, text) != text or vocabulary.get(text, id) != id:
            raise _refused(f"the added token {text[:60]!r} stands for two things")
        for key in ("lstrip", "rstrip", "single_word"):
            if entry.get(key):
                raise _refused(f"the added token {text[:60]!r} is matched with {key}")
        texts[id] = text
        types[id] = CONTROL if entry.get("special") else USER_DEFINED
    return types


def _pair(entry: str | list[str]) -> Pair:
    """A merge, written as "a b" by older versions of the library and as ["a", "b"] by newer ones."""
    left, right = entry.split(" ") if isinstance(entry, str) else entry
    return left, right


def _adds_bos(processor: Any) -> bool | None:
    """Whether a text on its own gets something put before it; None where nothing is said."""
    if not isinstance(processor, dict):
        return None
    if processor.get("type") == "Sequence":
        said = [_adds_bos(part) for part in processor.get("processors") or []]
        return next((value for value in said if value is not None), None)
    if processor.get("type") != "TemplateProcessing":
        return None
    single = processor.get("single") or [{}]
    return isinstance(single[0], dict) and "SpecialToken" in single[0]


def _byte_level_split(found: Mapping[str, Any], ignore_merges: bool) -> str:
    """llama.cpp's name for the splitting: two have Llama 3's pattern, one takes whole tokens first."""
    if found.get("normalizer"):
        raise _refused(f"its normalizer {_names(found['normalizer'])} is unknown here")
    given = found.get("pre_tokenizer") or {}
    steps = given.get("pretokenizers") or [given]
    if [step.get("type") for step in steps] == ["Split", "ByteLevel"]:
        cut, spell = steps
        if (
            cut.get("pattern") == {"Regex": LLAMA_3_SPLIT}
            and str(cut.get("behavior")).lower() == "isolated"
            and not cut.get("invert")
            and not spell.get("add_prefix_space")
            and spell.get("use_regex") is False
        ):
            return "llama-bpe" if ignore_merges else "smaug-bpe"
        raise _refused(
            f"its pre-tokenizer splits by {str(cut.get('pattern'))[:120]}, not by Llama 3's pattern"
        )
    raise _refused(f"its pre-tokenizer {_names(given)} is unknown here")


def _prefix(found: Mapping[str, Any]) -> Prefix:
    """What a SentencePiece tokenizer puts before a text, whichever way it is written."""
    normalizer, splitter = found.get("normalizer") or {}, found.get("pre_tokenizer") or {}
    steps = normalizer.get("normalizers") or ([normalizer] if normalizer else [])
    if not steps and splitter.get("type") == "Metaspace":
        schemes: dict[Any, Prefix] = {"always": "always", "first": "first", "never": "never"}
        if splitter.get("replacement") == SPACE and splitter.get("split") is False:
            scheme = splitter.get("prepend_scheme", "always")
            if scheme in schemes:
                return schemes[scheme]
    elif not splitter:
        spaces = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
        if steps == [{"type": "Prepend", "prepend": SPACE}, spaces]:
            return "always"
        if steps == [spaces]:
            return "never"
    raise _refused(
        f"its normalizer {_names(normalizer)} with the pre-tokenizer {_names(splitter)} is unknown here"
    )


def _scores(
    merges: Sequence[Pair], vocabulary: Mapping[str, int], types: Mapping[int, int]
) -> dict[int, float]:
    """Scores by which SentencePiece makes the same merges: it may join any two neighbours that make a token.

    So every way of cutting a token into two others has to be among the merges, and all that make the same
    token have to stand together; else no scores exist that give the same ids. Where two cuts of one token
    overlap in a text, ties can still be resolved differently.
    """
    order: dict[str, int] = {}
    last = ""
    for left, right in merges:
        made = left + right
        if made not in vocabulary:
            raise _refused(f"a merge makes {made[:60]!r}, which is no token")
        if made != last and made in order:
            raise _refused(f"its merges to {made[:60]!r} stand apart, unlike SentencePiece's")
        order.setdefault(made, len(order) + 1)
        last = made
    known = set(merges)
    for text, id in vocabulary.items():
        if id in types or len(text) == 1:
            continue
        if text not in order:
            raise _refused(f"no merge makes its token {text[:60]!r}, as SentencePiece would")
        for cut in range(1, len(text)):
            pair = (text[:cut], text[cut:])
            if pair[0] in vocabulary and pair[1] in vocabulary and pair not in known:
                raise _refused(
                    f"it never merges {pair[0][:40]!r} and {pair[1][:40]!r}, as SentencePiece would"
                )
    return {vocabulary[made]: -float(place) for made, place in order.items()}


def _names(part: Any) -> str:
    """Types of the steps in a part of the tokenizer."""
    if not isinstance(part, dict) or not part:
        return "none"
    steps = part.get("normalizers") or part.get("pretokenizers") or [part]
    return " + ".join(str(step.get("type"))[:40] for step in steps if isinstance(step, dict))


def _refused(why: str) -> ModelRejected:
    return ModelRejected(
        f"tokenizer.json cannot be converted: {why}.",
        hint="Bring a Llama 2 or Llama 3 tokenizer, or a GGUF file of this model.",
    )
