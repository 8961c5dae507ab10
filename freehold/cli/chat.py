"""`ask` and `chat`: questions from the terminal, over the OpenAI-compatible interface."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from freehold.cli.client import Client, connect
from freehold.cli.knowledge import who
from freehold.cli.options import AnyAssistant, Json, config_of
from freehold.cli.output import REFUSED, clean, fail, line, note, place, say, say_json, say_piece
from freehold.errors import FreeholdError, NotFound

HELP = """\
/1 opens citation 1 of the last answer, /2 the next; /new starts afresh; /quit or Ctrl-D ends.
Ctrl-C stops an answer, not the program."""


def register(app: typer.Typer) -> None:
    app.command()(ask)
    app.command()(chat)


def ask(
    ctx: typer.Context,
    question: Annotated[
        list[str], typer.Argument(metavar="QUESTION", help="What to answer from the documents.")
    ],
    assistant: AnyAssistant = None,
    json: Json = False,
) -> None:
    """Answer one question. The exit status is 3 when the documents don't say."""
    turns = [{"role": "user", "content": " ".join(question)}]
    with connect(config_of(ctx)) as client:
        assistant = who(client, assistant)
        answer = Answer()
        for text in answer.read(client, assistant, turns):
            if not json:
                say_piece(text)
        if json:
            say_json({"answer": answer.text, **answer.facts})
        else:
            say()
            show_places(answer)
    if answer.facts.get("outcome") == "refused":
        raise typer.Exit(REFUSED)


def chat(ctx: typer.Context, assistant: AnyAssistant = None) -> None:
    """Talk with an assistant. Citations open by their number."""
    with connect(config_of(ctx)) as client:
        assistant = who(client, assistant)
        note(f"An AI answers, from the documents alone. {HELP}")
        turns: list[dict[str, str]] = []
        answer = Answer()
        for entry in entries():
            try:
                if entry == "/new":
                    turns, answer = [], Answer()
                    note("A new conversation.")
                elif entry == "/help":
                    note(HELP)
                elif entry.startswith("/"):
                    show_passage(client, answer, entry.removeprefix("/"))
                else:
                    asked = [*turns, {"role": "user", "content": entry}]
                    answer = Answer()
                    converse(client, assistant, asked, answer)
                    turns = [*asked, {"role": "assistant", "content": answer.text}] if answer.text else turns
            except FreeholdError as error:
                fail(error)


def entries() -> Iterator[str]:
    """What is typed, line by line, until /quit or the end of input."""
    prompt = "\n> " if sys.stdin.isatty() else ""
    if prompt:
        import readline

        readline.set_history_length(1000)
    while True:
        try:
            entry = input(prompt).strip()
        except EOFError:
            return
        except KeyboardInterrupt:
            note("\n/quit or Ctrl-D ends.")
            continue
        if entry in ("/quit", "/exit", "/q"):
            return
        if entry:
            yield entry


def converse(client: Client, assistant: str, turns: list[dict[str, str]], answer: Answer) -> None:
    """Shows an answer as it comes; Ctrl-C stops it."""
    try:
        for text in answer.read(client, assistant, turns):
            say_piece(text)
    except KeyboardInterrupt:
        note("\n(stopped)")
        return
    say()
    show_places(answer)


class Answer:
    """One answer, and what is known of it once it has been read."""

    def __init__(self) -> None:
        self.text = ""
        self.facts: dict[str, Any] = {}
        """Outcome, citations, trace_id and timings."""

    @property
    def citations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.facts.get("citations", [])
        return found

    def read(self, client: Client, assistant: str, turns: list[dict[str, str]]) -> Iterator[str]:
        """Its pieces, as they come. Closing the iterator tells the server to stop."""
        body = {"model": assistant, "messages": turns, "stream": True}
        for event in client.stream("/v1/chat/completions", body):
            self.facts = event.get("freehold") or self.facts
            for choice in event.get("choices", ()):
                piece = choice["delta"].get("content") or ""
                self.text += piece
                if piece:
                    yield piece


def show_places(answer: Answer) -> None:
    """The list under an answer: what it cites, or what the documents cover near the question."""
    nearby = answer.facts.get("nearby", [])
    if answer.citations or nearby:
        say()
    for citation in answer.citations:
        say(f"[{citation['number']}] {place(citation)}")
    for document in nearby:
        say(f"- {place({**document, 'document': document})}")


def show_passage(client: Client, answer: Answer, name: str) -> None:
    """The passage a citation stands on, the quoted words marked."""
    citation = next((found for found in answer.citations if str(found["number"]) == name), None)
    if citation is None:
        raise NotFound(
            f"The last answer has no citation {line(name)}.", hint="/help lists what can be typed."
        )
    note(place(citation))
    quote = citation["quote"]
    passage = citation.get("text") or document_around(client, citation)
    before, found, after = passage.partition(quote)
    if not found:
        before, after = "", ""
    from rich.console import Console
    from rich.text import Text

    Console(highlight=False, markup=False).print(
        Text.assemble(clean(before), (clean(quote), "reverse"), clean(after)), soft_wrap=True
    )


def document_around(client: Client, citation: dict[str, Any], around: int = 600) -> str:
    """The quoted words with what stands around them in the document as it is now; else the quote alone."""
    quote: str = citation["quote"]
    try:
        text: str = client.get(f"/api/v1/documents/{citation['document']['id']}")["text"]
    except NotFound:
        return quote
    at = text.find(quote)
    return text[max(0, at - around) : at + len(quote) + around] if at >= 0 else quote
