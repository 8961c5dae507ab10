"""A conversation's text is what transformers makes of it, and a hostile template gets nowhere."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from chat_templates import TEMPLATES

from freehold.errors import InvalidInput, ModelRejected
from freehold.models import chat_format

TODAY = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
CONVERSATIONS: dict[str, list[dict[str, str]]] = {
    "question": [{"role": "user", "content": "Where is my parcel?"}],
    "policy": [
        {"role": "system", "content": "  Quote the documents.\n"},
        {"role": "user", "content": "Übermorgen & <b>“heute”</b> \t‑ 你好 😀 {{ 7 * 7 }} {% if %}"},
    ],
    "several turns": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": " How long?\n\n"},
        {"role": "assistant", "content": "Two days. [1]\n"},
        {"role": "user", "content": "And to <|eot_id|> Spain </s>?"},
    ],
    "answered": [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": ""},
    ],
}
ODD_TEMPLATES = {
    "generation": (
        "{% for message in messages %}\n"
        "  {% if message.role == 'assistant' %}\n"
        "    {%- generation -%}\n"
        "    {% set inner = 1 %}\n"
        "    {{ message.content }}{{ eos_token }}\n"
        "    {%- endgeneration -%}\n"
        "  {% else %}[{{ inner }}{{ message.content }}]\n"
        "  {% endif %}\n"
        "{% endfor %}\n\n"
    ),
    "json": (
        "{{ messages | tojson }}\n{{ messages[0] | tojson(indent=2) }}"
        "{{ messages | tojson(separators=(',', ':'), sort_keys=true, ensure_ascii=True) }}"
    ),
    "loop control": (
        "{% for message in messages %}{% if loop.index0 == 1 %}{% continue %}{% endif %}"
        "{% if loop.index0 == 3 %}{% break %}{% endif %}{{ loop.index }}{{ message.content }}{% endfor %}"
    ),
    "variables": (
        "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + m.content | length %}"
        "{% endfor %}{{ ns.n }}{{ dict(a=1).items() | list }}{{ dict.fromkeys('ab', 0) }}{{ nothing }}"
        "{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}{{ bos_token is defined }}"
    ),
    "macro": "{% macro said(m) %}<{{ m.role }}{{ strftime_now('%Y') }}>{% endmacro %}{{ said(messages[0]) }}",
    "blank lines": "   {% if true %}\n\n  a  \n   {% endif %}  \n b {#- gone -#} \n c\n",
}


@pytest.fixture(scope="module")
def reference() -> Iterator[Any]:
    """transformers' own rendering, at the time TODAY."""
    from transformers.utils import chat_template_utils

    class Clock:
        @staticmethod
        def now() -> datetime:
            return TODAY

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chat_template_utils, "datetime", Clock)
        yield chat_template_utils.render_jinja_template


def ours(template: str, messages: list[dict[str, str]], prompt: bool = True) -> str:
    return chat_format.render(
        template,
        messages,
        bos_token="<s>",
        eos_token="</s>",
        add_generation_prompt=prompt,
        now=lambda: TODAY,
    )


@pytest.mark.parametrize("prompt", [True, False])
@pytest.mark.parametrize("conversation", CONVERSATIONS)
@pytest.mark.parametrize("name", [*TEMPLATES, *ODD_TEMPLATES])
def test_renders_what_transformers_renders(
    reference: Any, name: str, conversation: str, prompt: bool
) -> None:
    template = (TEMPLATES | ODD_TEMPLATES)[name]
    messages = CONVERSATIONS[conversation]
    (wanted,), _ = reference(
        [messages],
        chat_template=template,
        add_generation_prompt=prompt,
        bos_token="<s>",
        eos_token="</s>",
    )
    assert ours(template, messages, prompt) == wanted
    assert wanted.strip()


def test_the_clock_is_passed_in() -> None:
    assert ours("{{ strftime_now('%d %b %Y') }}", []) == "03 Feb 2026"


def test_messages_are_left_as_they_were() -> None:
    messages = [{"role": "user", "content": "Hello"}]
    ours("{% set gone = dict.pop(messages[0], 'content') %}{{ messages | length }}", messages)
    assert messages == [{"role": "user", "content": "Hello"}]


def test_a_refusal_of_the_template_is_the_callers_mistake() -> None:
    with pytest.raises(InvalidInput, match="roles must take turns") as caught:
        ours(TEMPLATES["llama-2"], [{"role": "assistant", "content": "Hello"}])
    assert caught.value.hint


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("a\n{% if %}", "line 2"),
        ("{% for m in messages %}", "endfor"),
        ("{% unknown %}", "unknown"),
        ("{% include 'other' %}", "no loader"),
        ("{{ messages | no_such_filter }}", "no_such_filter"),
        ("{{ missing.attribute.deeper }}", "undefined"),
        ("{{ 1 // 0 }}", "ZeroDivisionError"),
        ("{{ messages + 1 }}", "TypeError"),
        ("{{ range(10 ** 9) | list }}", "Range too big"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "RecursionError"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "RecursionError"),
        ("{% generation %}", "endgeneration"),
    ],
)
def test_a_faulty_template_is_named_with_its_fault(template: str, says: str) -> None:
    with pytest.raises(ModelRejected, match="chat template") as caught:
        ours(template, [{"role": "user", "content": "Hello"}])
    assert says.lower() in caught.value.message.lower()
    assert len(caught.value.message) < 400
    assert caught.value.hint


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ raise_exception.__globals__.json }}",
        "{{ (''|attr('__class__')).mro }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update({'a': 1}) }}",
        "{{ namespace(__html__=1) }}",
        "{% set ns = namespace() %}{% set ns.__call__ = 1 %}",
        "{{ '{0.__class__.__init__.__globals__}'.format(raise_exception) }}",
        "{{ strftime_now.__globals__.sys }}",
        "{{ dict.mro() }}",
    ],
)
def test_the_sandbox_holds(template: str) -> None:
    with pytest.raises(ModelRejected, match="reaches for what it may not"):
        ours(template, [{"role": "user", "content": "Hello"}])


def test_check_finds_faults_without_running() -> None:
    chat_format.check("{{ raise_exception('not now') }}")
    with pytest.raises(ModelRejected, match="line 1"):
        chat_format.check("{% endif %}")
