"""Chat templates in a process with limits: what they write, and how they are stopped."""

import os
import time
from collections.abc import Iterator

import psutil
import pytest
import tiny_gguf

from freehold.engines.renderer import Renderer
from freehold.errors import InvalidInput, ModelRejected

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def renderer() -> Iterator[Renderer]:
    made = Renderer(seconds=1.0)
    yield made
    made.close()


def prepared(renderer: Renderer, template: str) -> Renderer:
    renderer.prepare(template, bos_token="<s>", eos_token="</s>")
    return renderer


def test_it_renders_again_and_again(renderer: Renderer) -> None:
    prepared(renderer, tiny_gguf.TEMPLATE)
    for text in ("Hello", "  Grüße 👋 \n"):
        shown = renderer.render([{"role": "user", "content": text}])
        assert shown == (
            f"<s><|start_header_id|>user<|end_header_id|>\n\n{text.strip()}<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n"
        )


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3, "did not come to its end within 1 seconds"),
        ("{{ 10 ** (10 ** 9) }}", "did not come to its end within 1 seconds"),
        ("{{ 'a' * 10 ** 10 }}", "MemoryError"),
        ("{{ 'a' * 10 ** 7 }}", "wrote 10,000,000 characters"),
        (
            "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
            "MemoryError",
        ),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "reaches for what it may not"),
        ("{{ cycler.__init__.__globals__.os.system('true') }}", "reaches for what it may not"),
        ("{% include '/etc/passwd' %}", "has a fault"),
        ("{% for %}", "has a fault"),
        ("{{ messages[7].content.nothing }}", "has a fault"),
    ],
)
def test_hostile_templates(renderer: Renderer, template: str, said: str) -> None:
    prepared(renderer, template)
    began = time.monotonic()
    with pytest.raises(ModelRejected, match=said):
        renderer.render(HELLO)
    assert time.monotonic() - began < 20  # one second and the start of a process


def test_one_conversation_too_much_is_not_the_end(renderer: Renderer) -> None:
    loop = "{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3
    prepared(renderer, "{% if messages[0]['content'] == 'loop' %}" + loop + "{% endif %}fine")
    assert renderer.render(HELLO) == "fine"
    with pytest.raises(ModelRejected, match="did not come to its end"):
        renderer.render([{"role": "user", "content": "loop"}])
    assert renderer.render(HELLO) == "fine"


def test_a_refusal_of_the_templates_own(renderer: Renderer) -> None:
    prepared(renderer, "{{ raise_exception('no system turn, please') }}")
    with pytest.raises(InvalidInput, match="no system turn, please"):
        renderer.render(HELLO)


def test_its_process_ends_with_it_and_is_replaced_when_killed() -> None:
    renderer = prepared(Renderer(), "fine")
    assert renderer.render(HELLO) == "fine"
    (child,) = (each for each in psutil.Process().children() if "freehold.engines.renderer" in each.cmdline())
    os.kill(child.pid, 9)
    child.wait(5)
    assert renderer.render(HELLO) == "fine"
    renderer.close()
    assert not [each for each in psutil.Process().children() if "freehold.engines.renderer" in each.cmdline()]
