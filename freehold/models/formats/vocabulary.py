"""A model's vocabulary as GGUF carries it: every token, and which of them begin and end a text.

llama.cpp cuts text by rules of its own, so a tokenizer whose rules it lacks is refused: it would give other
token ids than it gave in training. The reference is what transformers 5 makes of the same folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from freehold.errors import ModelRejected
from freehold.models.formats.pieces import NORMAL, UNKNOWN, UNUSED, Pieces, Prefix
from freehold.models.formats.sentencepiece import read_sentencepiece
from freehold.models.formats.special_tokens import SpecialTokens, read_special_tokens
from freehold.models.formats.tokenizer_json import read_tokenizer_json

ENDS_BY_NAME = {"<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|endoftext|>", "<|im_end|>", "</s>"}
"""Texts at which llama.cpp stops in any case."""
PREFIX_KEY = "freehold.space_prefix"
"""Set to `first` where that is the tokenizer's rule, which llama.cpp cannot follow."""
MORE_ENDS = 2
"""Ends beside the end token that a GGUF has keys for."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All tokens of a model by id, one for each row of its embeddings."""

    algorithm: Literal["llama", "gpt2"]
    split: str
    texts: tuple[str, ...]
    types: tuple[int, ...]
    scores: tuple[float, ...]
    """SentencePiece only."""
    merges: tuple[str, ...]
    """Byte-level BPE only."""
    bos: int
    eos: int
    """The one that the chat template calls `eos_token`."""
    more_ends: tuple[int, ...]
    """Others at which generation stops, unless llama.cpp knows them by their text."""
    unknown: int | None
    padding: int | None
    add_bos: bool
    prefix: Prefix
    add_space_prefix: bool
    """What llama.cpp is told instead."""
    chat_template: str | None


def read_vocabulary(folder: Path, size: int) -> Vocabulary:
    """The vocabulary of a checkpoint with `size` embeddings; rows without a token are filled up.

    Raises:
        ModelRejected: a file is missing or unsound, or llama.cpp could not cut text as this tokenizer does.
    """
    special = read_special_tokens(folder)
    if (folder / "tokenizer.json").exists():
        pieces = read_tokenizer_json(folder / "tokenizer.json")
    elif (folder / "tokenizer.model").exists():
        pieces = read_sentencepiece(folder / "tokenizer.model")
    else:
        raise ModelRejected("tokenizer.json is missing.", hint=_AGAIN)
    return _vocabulary(pieces, special, size)


def _vocabulary(pieces: Pieces, special: SpecialTokens, size: int) -> Vocabulary:
    if not pieces.texts:
        raise ModelRejected("The tokenizer has no tokens.", hint=_AGAIN)
    last = max(pieces.texts)
    if last >= size:
        raise ModelRejected(
            f"The tokenizer has a token {last:,}, the model has {size:,} embeddings.",
            hint="Bring the tokenizer that belongs to this model.",
        )
    ids = {text: id for id, text in pieces.texts.items()}
    if len(ids) != len(pieces.texts):
        raise ModelRejected("The tokenizer has two tokens of the same text.", hint=_AGAIN)
    bos, eos = _id("bos_token", special, ids, size), _id("eos_token", special, ids, size)
    if bos is None or eos is None:
        missing = "beginning" if bos is None else "end"
        raise ModelRejected(
            f"The tokenizer has no {missing} token.",
            hint="Name it in tokenizer_config.json, as the model has it.",
        )
    prefix = _prefix(pieces, special)
    unknown = next((id for id, type_ in pieces.types.items() if type_ == UNKNOWN), None)
    add_bos = special.add_bos if pieces.add_bos is None else pieces.add_bos
    types = pieces.types
    return Vocabulary(
        algorithm=pieces.algorithm,
        split=pieces.split,
        texts=tuple(pieces.texts.get(id, f"[PAD{id}]") for id in range(size)),
        types=tuple(types.get(id, NORMAL) if id in pieces.texts else UNUSED for id in range(size)),
        scores=tuple(pieces.scores.get(id, 0.0) for id in range(size)) if pieces.scores else (),
        merges=pieces.merges,
        bos=bos,
        eos=eos,
        more_ends=_more_ends(special.ends, eos, pieces.texts, size),
        unknown=unknown,
        padding=_id("pad_token", special, ids, size),
        add_bos=bool(add_bos),
        prefix=prefix,
        add_space_prefix=_space_prefix(prefix, special),
        chat_template=special.chat_template,
    )


def _id(role: str, special: SpecialTokens, ids: dict[str, int], size: int) -> int | None:
    """The tokenizer's word counts more than the model's: chat templates write the former."""
    text = special.texts.get(role)
    if text is None:
        id = special.ids.get(role)
        return id if id is not None and 0 <= id < size else None
    if text not in ids:
        raise ModelRejected(f"The {role} {text[:60]!r} is no token of the tokenizer.", hint=_AGAIN)
    return ids[text]


def _more_ends(ends: tuple[int, ...], eos: int, texts: dict[int, str], size: int) -> tuple[int, ...]:
    for id in ends:
        if id >= size:
            raise ModelRejected(f"eos_token_id names a token {id:,} of {size:,}.", hint=_AGAIN)
    more = tuple(dict.fromkeys(id for id in ends if id != eos and texts.get(id) not in ENDS_BY_NAME))
    if len(more) > MORE_ENDS:
        raise ModelRejected(
            f"The model stops at {len(more) + 1} tokens, a GGUF has room for {MORE_ENDS + 1}.",
            hint="Shorten eos_token_id in generation_config.json.",
        )
    return more


def _prefix(pieces: Pieces, special: SpecialTokens) -> Prefix:
    if pieces.algorithm == "llama" and special.llama_tokenizer:
        # transformers 5 builds a LlamaTokenizer from its config, whatever its tokenizer.json says of spaces.
        return ("always" if special.legacy else "first") if special.add_prefix_space else "never"
    return pieces.prefix


def _space_prefix(prefix: Prefix, special: SpecialTokens) -> bool:
    """Whether llama.cpp is to put a space before a text and after each control token.

    It cannot do so "before the first text only". What is served are chat templates: one that writes the
    beginning token itself has no text before it, so there the rule comes to no prefix at all.
    """
    if prefix == "first":
        template = special.chat_template or ""
        return "bos_token" not in template and special.texts.get("bos_token", "<s>") not in template
    return prefix == "always"


_AGAIN = "Copy or download the whole folder of the model again."
