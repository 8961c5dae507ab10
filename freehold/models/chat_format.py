"""Turns a conversation into the text that a model was trained on, by the model's own chat template.

Renders as transformers' `apply_chat_template` does, so that a model reads the same text here as where it was
trained. A template comes with the weights and is not trusted: it runs in jinja's sandbox, over copies of the
messages, with no files to load. How long it runs and how much memory it takes is not bounded here: whoever
renders a template that others wrote does so in a process with limits on both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from jinja2 import Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from freehold.errors import InvalidInput, ModelRejected

HINT = "Take the model in a version with a sound template, or convert it again with another chat_template."


def render(
    template: str,
    messages: Sequence[Mapping[str, str]],
    *,
    bos_token: str,
    eos_token: str,
    add_generation_prompt: bool,
    now: Callable[[], datetime] = datetime.now,
) -> str:
    """The conversation's text, with the beginning token where the template writes one.

    `now` is the time that the template's `strftime_now` tells.

    Raises:
        InvalidInput: the template itself refuses this conversation, such as one with a role it lacks.
        ModelRejected: the template has a fault, or reaches for what the sandbox denies.
    """
    compiled = check(template)
    try:
        return compiled.render(
            messages=[dict(message) for message in messages],
            tools=None,
            documents=None,
            bos_token=bos_token,
            eos_token=eos_token,
            add_generation_prompt=add_generation_prompt,
            strftime_now=lambda form: now().strftime(form),
        )
    except _RefusedError as refused:
        raise InvalidInput(
            f"The model's chat template refuses this conversation: {_short(refused)}",
            hint="Put the conversation as the model expects it.",
        ) from None
    except SecurityError as error:
        raise ModelRejected(
            f"The model's chat template reaches for what it may not: {_short(error)}", hint=HINT
        ) from None
    except Exception as error:  # a template can raise anything that an expression of Python's can
        raise _faulty(f"{type(error).__name__}: {_short(error)}") from None


@lru_cache(maxsize=32)
def check(template: str) -> Template:
    """Compiles a template; what only shows when it runs is not found.

    Raises:
        ModelRejected: it cannot be read; the message names the line.
    """
    try:
        return _environment().from_string(template)
    except TemplateSyntaxError as error:
        raise _faulty(f"{_short(error.message or error)} (line {error.lineno})") from None
    except (TemplateError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _faulty(f"{type(error).__name__}: {_short(error)}") from None


class _RefusedError(TemplateError):
    """Raised by a template through `raise_exception`."""


class _Generation(Extension):
    """`{% generation %}` marks what an assistant says, for training; here its body is only rendered."""

    tags = {"generation"}  # noqa: RUF012 - declared so by jinja

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_say"), [], [], body).set_lineno(line)

    def _say(self, caller: Macro) -> str:
        return caller()


class _Variables(Namespace):
    """jinja's `namespace`, without names that Python gives a meaning."""

    def __setitem__(self, name: str, value: Any) -> None:
        _check_variable(name)
        Namespace.__setitem__(self, name, value)


def _variables(*mappings: Any, **values: Any) -> _Variables:
    attributes = dict(*mappings, **values)
    for name in attributes:
        _check_variable(name)
    return _Variables(attributes)


def _check_variable(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"a namespace's variable called {name!r}")


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["namespace"] = _variables
    return environment


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON as it stands: jinja's own filter would escape what HTML gives a meaning."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _refuse(why: object) -> None:
    raise _RefusedError(str(why))


def _faulty(fault: str) -> ModelRejected:
    return ModelRejected(f"The model's chat template has a fault: {fault}", hint=HINT)


def _short(fault: object) -> str:
    return " ".join(str(fault).split())[:300]
