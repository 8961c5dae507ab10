"""A tokenizer and its chat template, read from a Hugging Face folder without transformers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tokenizers

from freehold.errors import InvalidInput, NotFound
from freehold.models.chat_format import render
from freehold.models.chat_marks import marks_of


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Text to token numbers, and messages to text."""

    folder: Path
    inner: tokenizers.Tokenizer
    hash: str
    """SHA-256 of the vocabulary, the merges and whatever else decides how text is split."""
    template: str | None
    bos_token: str
    eos_token: str
    special: tuple[str, ...]
    """Texts that are read as single control tokens."""
    marks: tuple[str, ...] = ()
    """Texts that part the turns: serving parts them in what people wrote."""

    def encode(self, text: str) -> list[int]:
        """Token numbers, control tokens recognised, none added."""
        return self.inner.encode(text, add_special_tokens=False).ids

    def size(self) -> int:
        """One more than the highest token number."""
        return max(self.inner.get_vocab(with_added_tokens=True).values(), default=-1) + 1

    def number(self, token: str) -> int | None:
        """A token's number."""
        return self.inner.token_to_id(token) if token else None

    def conversation(self, messages: Sequence[Mapping[str, str]], *, answer_next: bool = False) -> str:
        """The text that serving would give to the model, `answer_next`: up to where it would write.

        Raises:
            InvalidInput: the tokenizer has no chat template, or it refuses these messages.
        """
        if self.template is None:
            raise InvalidInput(
                f"The tokenizer in {self.folder} has no chat template.",
                hint="Put `chat_template` into tokenizer_config.json, or chat_template.jinja beside it.",
            )
        return render(
            self.template,
            messages,
            bos_token=self.bos_token,
            eos_token=self.eos_token,
            add_generation_prompt=answer_next,
        )


def load(folder: Path) -> Tokenizer:
    """The tokenizer of a folder.

    Raises:
        NotFound: there is no `tokenizer.json`.
        InvalidInput: its files cannot be read.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise NotFound(f"There is no tokenizer.json in {folder}.")
    try:
        inner = tokenizers.Tokenizer.from_file(str(path))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # tokenizers raises bare Exception; a panic in Rust is not even that
        raise InvalidInput(f"{path} is no tokenizer: {error}.") from None
    inner.no_truncation()
    inner.no_padding()
    config = _json(folder / "tokenizer_config.json")
    written = folder / "chat_template.jinja"
    try:
        template = written.read_text(encoding="utf-8") if written.is_file() else config.get("chat_template")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{written} cannot be read: {error}.") from None
    added = inner.get_added_tokens_decoder().values()
    made = Tokenizer(
        folder=folder,
        inner=inner,
        hash=tokenizer_hash(inner),
        template=template if isinstance(template, str) else None,
        bos_token=_text(config.get("bos_token")),
        eos_token=_text(config.get("eos_token")),
        special=tuple(token.content for token in added if token.special),
    )
    return replace(made, marks=marks_of(made.template, made.conversation)) if made.template else made


def tokenizer_hash(inner: tokenizers.Tokenizer) -> str:
    """Equal for tokenizers that turn every text into the same numbers, whatever their files look like."""
    facts = json.loads(inner.to_str())
    for setting in ("truncation", "padding", "version"):
        facts.pop(setting, None)
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _text(token: Any) -> str:
    """A token as configurations write it: plain, or an object with its content."""
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else ""


def _json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is not JSON: {error}.") from None
    if not isinstance(values, dict):
        raise InvalidInput(f"{path} holds no object.")
    return values
