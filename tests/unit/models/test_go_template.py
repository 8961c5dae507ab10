"""Chat templates written as Ollama's: the same text around every turn, or nothing."""

import re
from typing import Any

import pytest
from chat_templates import LLAMA_2, LLAMA_3, LLAMA_3_1

from freehold.models.chat_format import render
from freehold.models.go_template import translated

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ACTION = re.compile(r'\{\{ (?:"((?:[^"\\]|\\.)*)"|(.*?)) \}\}')


def asks(template: str) -> Any:
    return lambda turns, prompted: render(
        template, turns, bos_token="<s>", eos_token="</s>", add_generation_prompt=prompted
    )


def run(go: str, turns: list[dict[str, str]]) -> str:
    """As Go would run it: the few actions that are written, and nothing between them."""
    tokens = [(found[1], found[2]) for found in ACTION.finditer(go)]
    assert "".join(found[0] for found in ACTION.finditer(go)) == go, "text between actions"
    system = next((turn["content"] for turn in turns if turn["role"] == "system"), "")
    state: dict[str, Any] = {"first": True}

    def block(at: int, turn: dict[str, str] | None, last: bool, live: bool) -> tuple[str, int]:
        """Up to the `end` or `else` that closes it: its text, and where that stands."""
        text = ""
        while at < len(tokens):
            literal, action = tokens[at]
            if action == "end" or (action or "").startswith("else"):
                return text, at
            if action is None:
                text += (
                    literal.encode().decode("unicode_escape") if live and "\\" in literal else literal * live
                )
            elif action == "$first = false":
                state["first"] = state["first"] and not live
            elif action == ".Content":
                text += turn["content"] if live and turn else ""
            elif action == "$.System":
                text += system * live
            elif action.startswith("if "):
                done = False
                condition = action[3:]
                while True:
                    true = not done and decide(condition, turn, last)
                    inner, at = block(at + 1, turn, last, live and true)
                    text += inner
                    done = done or true
                    following = tokens[at][1]
                    if following == "end":
                        break
                    condition = following[5:].removeprefix("if ") if following != "else" else "true"
            at += 1
        return text, at

    def decide(condition: str, turn: dict[str, str] | None, last: bool) -> bool:
        role = turn["role"] if turn else ""
        known = {
            'eq .Role "user"': role == "user",
            'eq .Role "assistant"': role == "assistant",
            "$first": state["first"],
            "$last": last,
            "not $last": not last,
            "$.System": bool(system),
            "true": True,
        }
        return bool(known[condition])

    assert tokens[0][1] == "$first := true"
    assert tokens[1][1] == "range $i, $_ := .Messages"
    assert tokens[2][1] == "$last := eq (len (slice $.Messages $i)) 1"
    return "".join(block(3, turn, number == len(turns) - 1, True)[0] for number, turn in enumerate(turns))


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


TALK = [turn("user", "Where is it?"), turn("assistant", "On its way."), turn("user", "When?")]


@pytest.mark.parametrize("template", [LLAMA_2, LLAMA_3, LLAMA_3_1, CHATML])
@pytest.mark.parametrize("turns", [TALK[:1], TALK, [turn("system", "Be brief."), *TALK]])
def test_the_same_text_around_every_turn(template: str, turns: list[dict[str, str]]) -> None:
    go = translated(asks(template), "<s>")
    assert go is not None
    assert run(go, turns) == asks(template)(turns, True).removeprefix("<s>")


def test_an_answer_begun_is_gone_on_with() -> None:
    go = translated(asks(CHATML))
    assert go is not None
    assert run(go, TALK[:2]).endswith("<|im_start|>assistant\nOn its way.")


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}{{ loop.index }}{{ m.content }}{% endfor %}",
        "{% for m in messages %}{{ m.content | upper }}{% endfor %}",
        "{{ messages[-1].content }}",
        "{{ messages | length }}",
        "{{ raise_exception('no') }}",
        "no turns at all",
    ],
)
def test_what_cannot_be_said_so_is_not_written(template: str) -> None:
    assert translated(asks(template)) is None
