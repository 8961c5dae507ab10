"""`train answers`: a teacher writes the answers that a student learns from."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freehold.cli.client import connect
from freehold.cli.options import Json, config_of
from freehold.cli.output import line, note, say_fields, say_json
from freehold.cli.own_engine import Described, described, engine_of
from freehold.cli.progress import Bar
from freehold.errors import FreeholdError, InvalidInput

if TYPE_CHECKING:  # numpy and the settings take their time; --help does without
    from freehold.config import Config
    from freehold.engines.base import Engine
    from freehold.training.answering import Answering, Said, Tally, Why
    from freehold.training.prompts import Prompt

SHOWN = 20
"""Prompts named one by one where there are more; --json names all."""
LEFT_OUT: dict[Why, str] = {
    "empty": "empty",
    "cut": "cut off",
    "refused": "refused by the teacher",
    "too_long": "too long for the teacher",
    "failed": "failed",
}


def answers(
    ctx: typer.Context,
    prompts: Annotated[
        Path, typer.Argument(metavar="PROMPTS.jsonl", help="Conversations in the format of training data.")
    ],
    teacher: Annotated[
        str, typer.Option(metavar="MODEL", help="Who answers, as it is called among the models.")
    ],
    licence: Annotated[
        str, typer.Option(metavar="NAME", help="The teacher's licence: apache-2.0, mit, llama3.1, own …")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file to write, or to go on writing.")],
    temperature: Annotated[
        float, typer.Option(metavar="NUMBER", min=0, max=5, help="0 takes the likeliest words.")
    ] = 0.0,
    max_tokens: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, help="Longest answer; longer ones are left out.")
    ] = 1024,
    at_once: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, max=64, help="Prompts asked at the same time.")
    ] = 4,
    json: Json = False,
) -> None:
    """Have a model write the answers to conversations, to train another one on (`supervised`).

    Stopped in any way, the same command goes on, and asks only what is not answered yet.
    """
    from freehold.training.answer_file import answer_file
    from freehold.training.answering import Answering
    from freehold.training.licences import licence_of
    from freehold.training.prompts import prompts as read

    named = licence_of(licence).name  # before anything is read or asked
    asked = list(read(prompts.expanduser()))
    if not asked:
        raise InvalidInput(f"There is nothing to ask in {prompts}.")
    out = out.expanduser()
    if out.exists() and out.samefile(prompts.expanduser()):
        raise InvalidInput("The answers go into a file of their own.", hint="Name another one with --out.")
    config = config_of(ctx)
    with connect(config) as client:
        model = described(client, teacher)
    found = model[0]
    check_licence(found, named)
    signature = signature_of(found, named, temperature)
    with answer_file(out, signature) as file, Bar("Answering") as bar:

        def told(tally: Tally) -> None:
            left_out = f", {len(tally.unanswered):,} left out" if tally.unanswered else ""
            bar.update(tally.done, tally.prompts, f"{tally.written:,} written{left_out}")

        answering = Answering(asked, file, told)
        stopped, failure = False, None
        try:
            if answering.tally.done < len(asked):
                # a model here holds as many as it has places; more would wait in its queue
                at_once = at_once if found["kind"] == "endpoint" else min(at_once, config.engine_slots)
                asyncio.run(asked_of(config, model, answering, temperature, max_tokens, at_once))
        except KeyboardInterrupt:
            stopped = True
        except FreeholdError as error:
            failure = error
    if failure is None or answering.tally.written or answering.tally.unanswered:
        tell(answering.tally, out, signature, stopped=stopped, json=json)
    if failure is not None:
        raise failure
    if stopped:
        raise typer.Exit(130)
    if answering.tally.count("failed") or answering.tally.count("refused"):
        raise typer.Exit(1)


def signature_of(found: dict[str, Any], licence: str, temperature: float) -> dict[str, Any]:
    """What each line says of who wrote it; of a model at an endpoint, what it is called there."""
    which = found["facts"]["model"] if found["kind"] == "endpoint" else found["id"]
    return {"name": found["name"], "licence": licence, "model": which, "temperature": temperature}


def check_licence(found: dict[str, Any], named: str) -> None:
    """
    Raises:
        InvalidInput: the registry knows the model's licence for another one.
    """
    known = str(found["licence"].get("id", "other")).lower()
    if known not in ("other", named):
        raise InvalidInput(
            f"The licence of {found['name']} is {known}, as it was added; named was {named}.",
            hint="Name the one that it has. `freehold model show` says where it was found.",
        )


async def asked_of(
    config: Config,
    teacher: Described,
    answering: Answering,
    temperature: float,
    max_tokens: int,
    at_once: int,
) -> None:
    """Runs the teacher while it is asked.

    Raises:
        FreeholdError: it cannot be run or reached, or fails again and again.
    """
    engine = engine_of(config, teacher)

    async def ask(prompt: Prompt) -> Said:
        return await said(engine, prompt, temperature, max_tokens)

    try:
        await engine.start()
        await answering.run(ask, at_once=at_once)
    finally:
        await engine.close()


async def said(engine: Engine, prompt: Prompt, temperature: float, max_tokens: int) -> Said:
    """One answer, all of it."""
    from freehold.engines.base import Generation, TextDelta
    from freehold.training.answering import Said
    from freehold.types import Turn

    messages = prompt.messages
    system = messages[0]["content"] if messages[0]["role"] == "system" else ""
    turns = tuple(
        Turn("user" if each["role"] == "user" else "assistant", each["content"])
        for each in messages
        if each["role"] != "system"
    )
    request = Generation(turns, system=system, max_tokens=max_tokens, temperature=temperature)
    text, whole = "", False
    async with aclosing(engine.generate(request)) as stream:
        async for event in stream:
            if isinstance(event, TextDelta):
                text += event.text
            else:
                whole = event.reason == "stop"
    return Said(text.strip(), whole)


def tell(tally: Tally, out: Path, signature: dict[str, Any], *, stopped: bool, json: bool) -> None:
    """What came of it."""
    counts: dict[str, int] = {why: tally.count(why) for why in LEFT_OUT}
    if json:
        say_json(
            {
                "out": str(out),
                "teacher": signature,
                "stopped": stopped,
                "prompts": tally.prompts,
                "there": tally.there,
                "repeated": tally.repeated,
                "written": tally.written,
                **counts,
                "unanswered": [asdict(each) for each in tally.unanswered],
            }
        )
    else:
        rows = [("answers", str(out)), ("written", f"{tally.written:,}")]
        rows += [("there before", f"{tally.there:,}")] if tally.there else []
        rows += [("repeated", f"{tally.repeated:,}")] if tally.repeated else []
        rows += [(name, f"{counts[why]:,}") for why, name in LEFT_OUT.items() if counts[why]]
        say_fields(rows)
        report(tally)
    if stopped:
        note(f"Stopped after {tally.done:,} of {tally.prompts:,}; the same command goes on.")


def report(tally: Tally) -> None:
    """Names the prompts that have no example."""
    for each in tally.unanswered[:SHOWN]:
        hint = f" {line(each.hint)}" if each.hint else ""
        note(f"{line(each.where)}: {LEFT_OUT[each.why]}: {line(each.message)}{hint}")
    if len(tally.unanswered) > SHOWN:
        note(f"and {len(tally.unanswered) - SHOWN:,} more; --json names all")
