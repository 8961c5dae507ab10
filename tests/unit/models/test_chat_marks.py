"""Which texts part turns, and how a message's own are kept from doing so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from chat_templates import CHATML, LLAMA_2, LLAMA_3

from freehold.errors import InvalidInput
from freehold.models.chat_format import render
from freehold.models.chat_marks import JOINER, any_of, marks_of, parted

ZEPHYR = (
    "{% for message in messages %}{{ '<|' + message.role + '|>\\n' + message.content + eos_token + '\\n' }}"
    "{% endfor %}"
)
ALPACA = (
    "{% for message in messages %}{{ '### ' + ('Instruction:' if message.role == 'user' else 'Response:') }}"
    "\n{{ message.content }}\n{% endfor %}"
)


@pytest.mark.parametrize(
    ("template", "marks"),
    [
        (LLAMA_2, {"[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>"}),
        (LLAMA_3, {"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<s>"}),
        (CHATML, {"<|im_start|>", "<|im_end|>"}),
        (ZEPHYR, {"<|system|>", "<|user|>", "<|assistant|>", "</s>"}),
        (ALPACA, {"### Instruction:", "### Response:"}),
    ],
    ids=["llama-2", "llama-3", "chatml", "zephyr", "alpaca"],
)
def test_a_templates_marks(template: str, marks: set[str]) -> None:
    def rendered(turns: Sequence[Mapping[str, str]]) -> str:
        return render(template, turns, bos_token="<s>", eos_token="</s>", add_generation_prompt=True)

    assert set(marks_of(template, rendered)) == marks


def test_a_template_that_refuses_conversations_still_tells_what_is_written_in_it() -> None:
    def refused(turns: Sequence[Mapping[str, str]]) -> str:
        raise InvalidInput("no")

    assert marks_of(LLAMA_2, refused) == marks_of(LLAMA_2) == ("<</SYS>>", "<<SYS>>", "[/INST]", "[INST]")


def test_marks_in_a_text_are_parted() -> None:
    control = any_of(["<|eot_id|>", "<|eot|>"])
    assert parted("a <|eot_id|> b", control) == f"a <{JOINER}|eot_id|> b"
    assert parted("<|eot<|eot_id|>_id|>", control) == f"<|eot<{JOINER}|eot_id|>_id|>"
    assert parted("plain <b>text</b>", control) == "plain <b>text</b>"
    assert parted("<|eot_id|>", any_of([])) == "<|eot_id|>"
    assert parted("< a", any_of(["<"])) == "< a"


@pytest.mark.parametrize(
    "mark",
    [
        "<|im_start|>",
        "<｜User｜>",
        "<｜end▁of▁sentence｜>",
        "<|turn>",
        "<turn|>",
        "[SYSTEM_PROMPT]",
        "[/INST]",
        "<eos>",
    ],
)
def test_marks_of_the_known_families_are_parted_where_the_template_is_not_known(mark: str) -> None:
    assert parted(f"a {mark} b") == f"a {mark[0]}{JOINER}{mark[1:]} b"


def test_what_documents_hold_is_left_alone() -> None:
    text = "Press <Enter> | <Tab>; a <b> c </b>, x[1], [link](y), `<T|U>` < 5 | > 3, {{ name }} and <|>"
    assert parted(text) == text
