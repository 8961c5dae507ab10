"""A model's chat template as Ollama writes them, in Go's template language.

A jinja template is a program, and is not translated as one. It is asked what it writes around each turn of
a few conversations; that is written down as Go, and held against the original on other conversations. Where
it does not come out the same, nothing is written. What it does with empty texts, tools or several system
turns is not looked at; white space at the ends of a text, which some templates take off, stays.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from freehold.errors import FreeholdError

Turns = list[dict[str, str]]
Render = Callable[[Turns, bool], str]
"""The text of a conversation; with or without the beginning of an answer at its end."""

S, U, A, V, B = "Sys-7f3", "Ask-1c9", "Say-5d2", "Ask-8e4", "Say-0b6"
"""Words that no template has."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """What a template writes around the turns."""

    first: str
    """Before the first question, without a system turn."""
    system: tuple[str, str] | None
    """Before and after the system's text, up to the first question; None: it takes none."""
    ask: str
    """Before each later question."""
    asked: str
    say: str
    """Before each answer that stands in the conversation."""
    said: str
    begin: str
    """After the last question, for the answer to come."""

    def text(self, turns: Turns) -> str:
        """A conversation that ends with a question, as the Go template writes it."""
        system, rest = ("", turns)
        if turns[0]["role"] == "system":
            system, rest = turns[0]["content"], turns[1:]
        found = ""
        for number, turn in enumerate(rest):
            if turn["role"] == "assistant":
                found += self.say + turn["content"] + self.said
                continue
            before = self.ask
            if number == 0:
                before = self.first
                if system and self.system:
                    before = self.system[0] + system + self.system[1]
            found += before + turn["content"] + self.asked
        return found + self.begin

    def go(self) -> str:
        """The same in Go's template language, with the variables that Ollama fills in."""
        first = _go(self.first)
        if self.system:
            before, after = self.system
            told = f"{_go(before)}{{{{ $.System }}}}{_go(after)}"
            first = f"{{{{ if $.System }}}}{told}{{{{ else }}}}{first}{{{{ end }}}}"
        return (
            "{{ $first := true }}{{ range $i, $_ := .Messages }}"
            "{{ $last := eq (len (slice $.Messages $i)) 1 }}"
            '{{ if eq .Role "user" }}'
            f"{{{{ if $first }}}}{{{{ $first = false }}}}{first}{{{{ else }}}}{_go(self.ask)}{{{{ end }}}}"
            f"{{{{ .Content }}}}{_go(self.asked)}{{{{ if $last }}}}{_go(self.begin)}{{{{ end }}}}"
            '{{ else if eq .Role "assistant" }}'
            f"{_go(self.say)}{{{{ .Content }}}}{{{{ if not $last }}}}{_go(self.said)}{{{{ end }}}}"
            "{{ end }}{{ end }}"
        )


def translated(render: Render, beginning: str = "") -> str | None:
    """The template in Go; None where it cannot be said so. `beginning`, a token's text that Ollama adds by
    itself, is left out at the start."""
    try:
        pieces = _pieces(lambda turns, prompted: render(turns, prompted).removeprefix(beginning))
        if pieces is None:
            return None
        for turns in _examples(pieces.system is not None):
            if pieces.text(turns) != render(turns, True).removeprefix(beginning):
                return None
    except FreeholdError:
        return None
    return pieces.go()


def _pieces(render: Render) -> Pieces | None:
    ask, answer, again = _turn("user", U), _turn("assistant", A), _turn("user", V)
    alone = render([ask], False)
    answered = render([ask, answer], False)
    whole = render([ask, answer, again], True)
    first, _, asked = alone.partition(U)
    rest = answered.removeprefix(first + U + asked)
    say, found, said = rest.partition(A)
    middle, _, end = whole.partition(A)[2].partition(V)
    known = middle.startswith(said) and end.startswith(asked) and answered.startswith(alone)
    if not found or not known:
        return None
    system = None
    try:
        head, there, tail = render([_turn("system", S), ask], True).partition(S)
        if there:
            system = (head, tail.partition(U)[0])
    except FreeholdError:
        pass  # it takes no system turn, and says so
    return Pieces(first, system, middle.removeprefix(said), asked, say, said, end.removeprefix(asked))


def _examples(system: bool) -> list[Turns]:
    """Conversations unlike those that the pieces were taken from."""
    longer = [
        _turn("user", "One, two.\n\nThree?"),
        _turn("assistant", B),
        _turn("user", "{{ .Content }}"),
        _turn("assistant", "Yes:\n- a\n- b"),
        _turn("user", V),
    ]
    plain = [longer[:1], longer[:3], longer]
    told = [[_turn("system", "Be brief.\nBe kind."), *turns] for turns in plain]
    return plain + (told if system else [])


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _go(text: str) -> str:
    """An action that writes a text; JSON's strings are Go's."""
    return f"{{{{ {json.dumps(text, ensure_ascii=False)} }}}}" if text else ""
