"""Which tokens begin and end a text, and the chat template: what lies around a tokenizer in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freehold.errors import ModelRejected
from freehold.models import chat_format
from freehold.models.formats.json_file import read_json, read_text

LLAMA_DEFAULTS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
"""What transformers' LlamaTokenizer takes where its config says nothing."""


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """As the files name them; whether the vocabulary has them is not checked here."""

    texts: Mapping[str, str]
    """By role: `bos_token`, `eos_token`, `unk_token`, `pad_token`."""
    ids: Mapping[str, int]
    """By the same roles, from the model's config, which may know what the tokenizer's does not."""
    ends: tuple[int, ...]
    """Ids at which generation stops."""
    chat_template: str | None
    llama_tokenizer: bool
    """transformers reads it as a LlamaTokenizer, which has rules of its own for spaces."""
    legacy: bool
    add_prefix_space: bool
    add_bos: bool | None


def read_special_tokens(folder: Path) -> SpecialTokens:
    """Reads whichever there are of the tokenizer's, the model's and the generation's configs and templates.

    Raises:
        ModelRejected: one of them is unsound.
    """
    tokenizer = _optional(folder / "tokenizer_config.json")
    named = _optional(folder / "special_tokens_map.json") | tokenizer
    config, generation = _optional(folder / "config.json"), _optional(folder / "generation_config.json")
    llama = str(tokenizer.get("tokenizer_class", "")).startswith("LlamaTokenizer")
    texts = dict(LLAMA_DEFAULTS) if llama else {}
    for role in ("bos_token", "eos_token", "unk_token", "pad_token"):
        given = named.get(role)
        text = given.get("content") if isinstance(given, dict) else given
        if text is not None:
            if not isinstance(text, str) or not text:
                raise ModelRejected(f"tokenizer_config.json has the {role} {str(text)[:60]!r}.", hint=_AGAIN)
            texts[role] = text
    ids = {
        role: config[f"{role}_id"]
        for role in ("bos_token", "eos_token", "pad_token")
        if type(config.get(f"{role}_id")) is int
    }
    add_bos = tokenizer.get("add_bos_token")
    return SpecialTokens(
        texts=texts,
        ids=ids,
        ends=_ends(generation) or _ends(config),
        chat_template=_chat_template(folder, tokenizer),
        llama_tokenizer=llama,
        legacy=bool(tokenizer.get("legacy", False)),
        add_prefix_space=tokenizer.get("add_prefix_space") is not False,
        add_bos=add_bos if isinstance(add_bos, bool) else (True if llama else None),
    )


def _optional(path: Path) -> dict[str, Any]:
    return read_json(path, 16 * 2**20) if path.exists() else {}


def _ends(config: Mapping[str, Any]) -> tuple[int, ...]:
    given = config.get("eos_token_id")
    if given is None:
        return ()
    ids: list[Any] = given if isinstance(given, list) else [given]
    if not all(type(id) is int and id >= 0 for id in ids):
        raise ModelRejected(f"eos_token_id is {str(given)[:60]}.", hint=_AGAIN)
    return tuple(ids)


def _chat_template(folder: Path, tokenizer: Mapping[str, Any]) -> str | None:
    """The default template, from wherever it lies; newer places win."""
    if (folder / "chat_template.jinja").exists():
        template: Any = read_text(folder / "chat_template.jinja")
    elif (folder / "chat_template.json").exists():
        template = read_json(folder / "chat_template.json").get("chat_template")
    else:
        template = tokenizer.get("chat_template")
    if isinstance(template, list):
        named = {entry.get("name"): entry.get("template") for entry in template if isinstance(entry, dict)}
        template = named.get("default")
    if template is None:
        return None
    if not isinstance(template, str):
        raise ModelRejected(f"The chat template is {str(template)[:60]!r}.", hint=_AGAIN)
    chat_format.check(template)
    return template


_AGAIN = "Copy or download the whole folder of the model again."
