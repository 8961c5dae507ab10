"""Trains a tokenizer: byte-level BPE (Sennrich et al. 2016) that splits and marks text as Llama 3's does.

The split pattern and the control tokens are Llama 3's, so whatever reads Llama 3 reads this too (llama.cpp
by its name `llama-bpe`); the vocabulary is our own and smaller. Any text survives the way to tokens and back:
what is not known whole is spelt in bytes. The same texts in the same order give the same file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from freehold.errors import InvalidInput
from freehold.training.files import whole_folder

SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""No token reaches over these pieces: words with the space before them, up to three digits, marks, spaces."""

BEGIN = "<|begin_of_text|>"
"""Begins every text, conversations too."""
END_OF_TEXT = "<|end_of_text|>"
"""Ends a document."""
END_OF_TURN = "<|eot_id|>"
"""Ends what one speaker says; where a model stops."""
PAD = "<|finetune_right_pad_id|>"
SPECIAL = (
    BEGIN,
    END_OF_TEXT,
    "<|reserved_special_token_0|>",
    "<|reserved_special_token_1|>",
    PAD,
    "<|reserved_special_token_2|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eom_id|>",
    END_OF_TURN,
    "<|python_tag|>",
    *(f"<|reserved_special_token_{number}|>" for number in range(3, 8)),
)
"""In Llama 3's order, after all other tokens; of its 256 the first 16."""

TEMPLATE = """\
{{- bos_token }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}
    {{- message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""
"""Llama 3's chat format, without its tools and dates: a system message is written only where there is one."""

LONGEST_TOKEN = 24
"""Bytes; without a limit, rules of dashes and the like take places in the vocabulary."""
SMALLEST = 256 + len(SPECIAL)
FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")


def train(texts: Iterable[str], folder: Path, *, size: int = 16_384, context: int = 8_192) -> Tokenizer:
    """Learns `size` tokens (control tokens included) from texts, and writes them as a Hugging Face folder.

    `context` is noted as the longest text that a model with this tokenizer takes. The folder appears whole or
    not at all; one that is there is replaced.

    Raises:
        InvalidInput: `size` is smaller than the bytes need, or the texts are too few to give it.
        NoRoom: the disk is full.
    """
    if size < SMALLEST:
        raise InvalidInput(f"A tokenizer of {size} tokens is too small: bytes and marks take {SMALLEST}.")
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(SPECIAL),
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=LONGEST_TOKEN,
    )
    tokenizer.train_from_iterator(_sound(texts), trainer)
    learnt = tokenizer.get_vocab_size()
    if learnt < size - len(SPECIAL):
        raise InvalidInput(
            f"These texts give {learnt + len(SPECIAL):,} tokens, not the {size:,} that were asked for.",
            hint="Train it on more text, or ask for fewer tokens.",
        )
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    begin = tokenizer.token_to_id(BEGIN)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A", pair=f"{BEGIN} $A {BEGIN}:1 $B:1", special_tokens=[(BEGIN, begin)]
    )
    _write(tokenizer, folder, context)
    return tokenizer


def _sound(texts: Iterable[str]) -> Iterator[str]:
    """Texts without halves of surrogate pairs, which are no text and which the library refuses."""
    return (text.encode(errors="replace").decode() for text in texts)


def _write(tokenizer: Tokenizer, folder: Path, context: int) -> None:
    named = {"bos_token": BEGIN, "eos_token": END_OF_TURN, "pad_token": PAD}
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **named,
        "added_tokens_decoder": {
            str(tokenizer.token_to_id(token)): {
                "content": token,
                "lstrip": False,
                "normalized": False,
                "rstrip": False,
                "single_word": False,
                "special": True,
            }
            for token in SPECIAL
        },
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": context,
    }
    contents = (
        tokenizer.to_str(pretty=True),
        json.dumps(config, indent=1),
        json.dumps(named, indent=1),
        TEMPLATE,
    )
    with whole_folder(folder) as fresh:
        for name, content in zip(FILES, contents, strict=True):
            (fresh / name).write_text(content, encoding="utf-8")
