"""`model plan`: what a model needs, before it is downloaded or added."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from freehold.cli.client import connect
from freehold.cli.options import Json, config_of
from freehold.cli.output import line, note, say, say_fields, say_json, say_table, size
from freehold.errors import InvalidInput, NotFound

if TYPE_CHECKING:  # costs start-up time that --help does not need
    from freehold.models.plan import Plan
    from freehold.models.shape import Shape, Weights

HELP = (
    "A config.json, a Hugging Face folder, a .gguf, a model's name here, or a shape such as llama-3.1-405b."
)


def plan(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help=HELP)],
    context: Annotated[
        int | None, typer.Option(metavar="TOKENS", min=1, help="Context to serve; else the setting's.")
    ] = None,
    slots: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, help="Answers at once; else the setting's.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, help="Threads to measure with; else the setting's.")
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure/--no-measure", help="Measure this machine's speed first.")
    ] = True,
    json: Json = False,
) -> None:
    """Say what a model needs in memory, how fast this machine would run it, and what to run it with.

    Measuring takes about ten seconds; speeds are for one answer at a time, and an estimate.
    """
    from freehold.models import memory
    from freehold.models.plan import plan as planned

    config = config_of(ctx)
    shape, weights = found(ctx, model)
    speeds = None
    if measure:
        from freehold.engines.probe import measure as measured

        note("Measuring this machine …")
        speeds = measured(threads or config.engine_threads)
    made = planned(
        shape,
        weights,
        context=context or config.engine_context,
        slots=slots or config.engine_slots,
        machine_bytes=memory.total_memory(),
        speeds=speeds,
    )
    if json:
        say_json(made.as_json())
    else:
        show(made)


def found(ctx: typer.Context, model: str) -> tuple[Shape, list[Weights]]:
    """The shape and weights that a word means.

    Raises:
        NotFound, InvalidInput, ModelRejected: it means none.
    """
    from freehold.models.formats import llama_config
    from freehold.models.formats.json_file import read_json
    from freehold.models.presets import PRESETS
    from freehold.models.shape import of_config, of_gguf

    path = Path(model).expanduser()
    if path.is_dir():
        path = path / "config.json"
    if path.is_file():
        if path.suffix == ".json":
            name = path.absolute().parent.name if path.name == "config.json" else path.stem
            return of_config(llama_config.read(read_json(path)), name)
        shape, weights = of_gguf(path)
        return shape, [weights]
    if model.lower() in PRESETS:
        return of_config(PRESETS[model.lower()], model.lower())
    if "/" in model or path.suffix:
        raise NotFound(f"There is no file {line(model)}.", hint=f"Shapes: {', '.join(PRESETS)}.")
    return registered(ctx, model)


def registered(ctx: typer.Context, model: str) -> tuple[Shape, list[Weights]]:
    """The shape of a model that is kept here."""
    from freehold.models.presets import PRESETS
    from freehold.models.shape import of_gguf

    config = config_of(ctx)
    try:
        with connect(config) as client:
            kept = client.get(f"/api/v1/models/{quote(model, safe='')}")
    except NotFound as error:
        raise NotFound(error.message, hint=f"Shapes: {', '.join(PRESETS)}.") from None
    if kept["format"] != "gguf" or kept["facts"].get("layers") is None:
        raise InvalidInput(
            f"{model} has no weights of its own here.", hint="Plan the model that it is put on."
        )
    shape, weights = of_gguf(config.models / kept["id"][:2] / f"{kept['id']}.gguf")
    return replace(shape, name=kept["name"]), [weights]


def show(made: Plan) -> None:
    """The plan for people."""
    shape, speeds = made.shape, made.speeds
    say_fields(
        [
            ("model", shape.name),
            ("parameters", f"{_counted(shape.parameters)} in {shape.layers} layers"),
            ("context", f"{made.context:,} of {shape.context:,} tokens, shared by {made.slots} answers"),
            ("cache", size(made.cache_bytes)),
            ("this machine", f"{size(made.machine_bytes)} of memory{_measured(made)}"),
        ]
    )
    say()
    say_table(
        ("QUANTISATION", "FILE", "MEMORY", "FITS", "READ FOR A TOKEN", "WRITES TOK/S", "READS TOK/S"),
        (
            (row.quantisation, size(row.file_bytes), size(row.memory_bytes), "yes" if row.fits else "no",
             size(row.bytes_a_token), _speed(row.written), _speed(row.read))
            for row in made.rows
        ),
    )  # fmt: skip
    say()
    say(made.advice)
    if speeds is not None:
        note("Speeds are estimates: one answer at a time, a prompt of 512 tokens, memory enough.")


def _measured(made: Plan) -> str:
    if made.speeds is None:
        return ""
    threads = made.speeds.threads
    return f", {size(made.speeds.bandwidth)} a second by {threads} thread{'' if threads == 1 else 's'}"


def _counted(number: int) -> str:
    for scale, name in ((1e9, "billion"), (1e6, "million")):
        if number >= scale:
            return f"{number / scale:.3g} {name}"
    return f"{number:,}"


def _speed(tokens: float | None) -> str:
    return "" if tokens is None else f"{tokens:.3g}"
