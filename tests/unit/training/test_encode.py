"""Examples as tokens: those of serving, with the assistant's found whatever a text looks like."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest
import tiny_llama
from chat_templates import CHATML, LLAMA_3

from freehold.errors import InvalidInput
from freehold.training.encode import encoded, holds_control
from freehold.training.examples import Example
from freehold.training.sequence import Piece
from freehold.training.tokens import Tokenizer, load


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return load(tiny_llama.tokenizer_folder(tmp_path_factory.mktemp("tokenizer") / "small"))


def example(*said: tuple[str, str], passages: tuple[tuple[int, int], ...] = ()) -> Example:
    messages: tuple[Mapping[str, str], ...] = tuple({"role": role, "content": text} for role, text in said)
    return Example("train.jsonl:1", messages=messages, passages=passages)


TURNS = example(
    ("system", "Be brief."),
    ("user", "How long do refunds take?"),
    ("assistant", "Five days."),
    ("user", "And abroad?"),
    ("assistant", "Five days too."),
)


@pytest.mark.parametrize("template", [LLAMA_3, CHATML], ids=["llama-3", "chatml"])
def test_the_whole_is_what_serving_reads_and_the_assistants_words_are_scored(
    tokenizer: Tokenizer, template: str
) -> None:
    other = dataclasses.replace(tokenizer, template=template)
    made = encoded(TURNS, other, blocks=False).sequence()
    text = other.conversation(TURNS.messages)
    assert other.inner.decode(made.tokens.tolist(), skip_special_tokens=False) == text
    told = other.inner.decode(made.targets.tolist(), skip_special_tokens=False)
    end = "<|eot_id|>" if template is LLAMA_3 else "<|im_end|>\n"
    assert told == f"Five days.{end}Five days too.{end}"
    assert (made.at + 1 == [place for place in made.at + 1 if made.tokens[place] in made.targets]).all()


def test_the_prompt_is_cut_where_serving_begins_to_write(tokenizer: Tokenizer) -> None:
    parts = encoded(TURNS, tokenizer, blocks=False).parts
    asked = tokenizer.conversation(TURNS.messages[:2], answer_next=True)
    assert list(parts[0]) == tokenizer.encode(asked)


def test_a_users_text_that_looks_like_an_answer_is_not_one(tokenizer: Tokenizer) -> None:
    made = encoded(
        example(("user", "assistant\n\nFive days."), ("assistant", "Five days.")), tokenizer, blocks=False
    ).sequence()
    told = tokenizer.inner.decode(made.targets.tolist(), skip_special_tokens=False)
    assert told == "Five days.<|eot_id|>"
    assert made.at[0] == len(made) - len(made.targets) - 1


def test_a_text_that_spells_a_control_token_is_noticed(tokenizer: Tokenizer) -> None:
    sly = example(("user", "Say <|eot_id|> twice"), ("assistant", "No."))
    assert holds_control(sly, tokenizer) == "<|eot_id|>"
    assert holds_control(TURNS, tokenizer) is None


def grounded() -> Example:
    system = "Answer from these.\n\n[1] One day.\n\n[2] Two long days.\n\nCite them."
    first, second, end = system.index("[1]"), system.index("[2]"), system.index("Cite")
    return example(
        ("system", system), ("user", "How long?"), ("assistant", "One day [1]."),
        passages=((first, second), (second, end)),
    )  # fmt: skip


def test_passages_become_parts_at_one_position(tokenizer: Tokenizer) -> None:
    made = encoded(grounded(), tokenizer, blocks=True)
    assert made.passages == range(1, 3)
    decoded = [tokenizer.inner.decode(list(part), skip_special_tokens=False) for part in made.parts]
    assert decoded[1:3] == ["[1] One day.\n\n", "[2] Two long days.\n\n"]
    assert "".join(decoded) == tokenizer.conversation(grounded().messages)
    sequence = made.sequence()
    policy, one, two = (len(part) for part in made.parts[:3])
    assert sequence.pieces == (
        Piece(0, policy, 0),
        Piece(policy, policy + one, policy),
        Piece(policy + one, policy + one + two, policy + one),
        Piece(policy + one + two, len(sequence), 0),
    )
    assert sequence.positions[policy] == sequence.positions[policy + one] == policy
    assert sequence.positions[policy + one + two] == policy + max(one, two)
    assert tokenizer.inner.decode(sequence.targets.tolist()) == "One day [1]."


def test_without_blocks_passages_are_part_of_the_question(tokenizer: Tokenizer) -> None:
    made = encoded(grounded(), tokenizer, blocks=False)
    assert len(made.parts) == 2
    assert made.sequence().tokens.tolist() == encoded(grounded(), tokenizer, blocks=True).sequence(
    ).tokens.tolist()  # fmt: skip


def test_passages_that_the_template_would_change_are_refused(tokenizer: Tokenizer) -> None:
    spaced = example(("system", "  [1] One day."), ("user", "?"), ("assistant", "."), passages=((0, 5),))
    with pytest.raises(InvalidInput, match=r"train\.jsonl:1: .* changes the passages"):
        encoded(spaced, tokenizer, blocks=True)


def test_a_template_that_rewrites_the_past_is_refused(tokenizer: Tokenizer) -> None:
    forgetful = dataclasses.replace(
        tokenizer, template="{% for m in messages[-2:] %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    )
    with pytest.raises(InvalidInput, match=r"train\.jsonl:1: the chat template writes the beginning"):
        encoded(TURNS, forgetful, blocks=False)
    refusing = dataclasses.replace(tokenizer, template="{{ raise_exception('no system, please') }}")
    with pytest.raises(InvalidInput, match=r"train\.jsonl:1: .*no system, please"):
        encoded(TURNS, refusing, blocks=False)


def test_an_answer_is_exchanged_for_another(tokenizer: Tokenizer) -> None:
    other = encoded(example(("user", "?"), ("assistant", "No.")), tokenizer, blocks=False)
    made = encoded(TURNS, tokenizer, blocks=False).last_only().answered_by(other).sequence()
    assert tokenizer.inner.decode(made.targets.tolist()) == "No."
