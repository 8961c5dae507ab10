"""`train …`: models of one's own, trained in a process apart."""

from __future__ import annotations

import json as jsonlib
import math
import re
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from freehold.cli.client import connect
from freehold.cli.jobs import follow as wait
from freehold.cli.model_shown import terms
from freehold.cli.options import Json, config_of
from freehold.cli.output import count, line, note, say, say_fields
from freehold.cli.progress import Bar
from freehold.cli.train_answers import answers
from freehold.cli.training import Ended, Said, follow
from freehold.errors import Conflict, InvalidInput

RecipeFile = Annotated[Path, typer.Argument(metavar="RECIPE.toml", help="The run, written down.")]
Base = Annotated[
    str | None, typer.Option(metavar="MODEL", help="An adapter's base, as it is called among the models.")
]
PLOT = "loss.html"


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Train models of your own.", no_args_is_help=True, rich_markup_mode=None)
    group.command("run")(run)
    group.command("teach")(teach)
    group.command("answers")(answers)
    group.command("bundle")(bundle)
    group.command("bring")(bring)
    app.add_typer(group, name="train")


def run(
    ctx: typer.Context,
    recipe: RecipeFile,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the run is kept; by default runs/training/NAME."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(metavar="NUMBER", min=0, help="Stop with a checkpoint after so long.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew, forgetting an earlier run.")] = False,
    add: Annotated[
        bool, typer.Option("--add", help="Keep the result among the models, under the recipe's name.")
    ] = False,
    base: Base = None,
    json: Json = False,
) -> None:
    """Train, tune or distil a model. Stopped in any way, the same command goes on where it was.

    Ctrl-C stops after the step at hand, with a checkpoint. With --json the run's own lines are printed.
    """
    from freehold.training.recipe import load

    wanted = load(recipe.expanduser())  # what is wrong with it is said before a process is started
    folder = (out or config_of(ctx).runs / "training" / wanted.name).expanduser().resolve()
    arguments = ["run", str(recipe.expanduser().resolve()), "--folder", str(folder)]
    if minutes is not None:
        arguments += ["--minutes", str(minutes)]
    if fresh:
        arguments.append("--fresh")
    with Bar(wanted.name) as bar:
        teller = Teller(bar, json=json)
        ended = follow(arguments, teller.hear)
    plot = draw(folder, wanted.name)
    if ended.stopped:
        note(f"Stopped at step {ended.last.get('step')}, with a checkpoint; the same command goes on.")
        if ended.by_hand:
            raise typer.Exit(130)
        return
    if not json:
        summary(folder, ended, plot)
    if add:
        keep(ctx, folder / facts_of(folder)["result"], wanted.name, base)


def teach(
    recipe: RecipeFile,
    teacher: Annotated[
        Path, typer.Option(metavar="FOLDER", help="A Hugging Face model with the student's tokenizer.")
    ],
    licence: Annotated[
        str, typer.Option(metavar="NAME", help="The teacher's licence: apache-2.0, mit, llama3.1, own …")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file to write, or to go on writing.")],
    name: Annotated[
        str | None, typer.Option(help="What the teacher is called; by default its folder.")
    ] = None,
    k: Annotated[int, typer.Option("--top", metavar="K", min=1, help="Tokens kept at each position.")] = 128,
    temperature: Annotated[
        float, typer.Option(metavar="NUMBER", min=0.05, max=20, help="Softens the teacher's probabilities.")
    ] = 1.0,
    json: Json = False,
) -> None:
    """Ask a teacher for its most likely tokens on a recipe's examples, for the objective `distillation`."""
    with Bar("teacher") as bar:

        def hear(said: Said) -> None:
            if json:
                say(jsonlib.dumps(said))
            elif said["event"] == "taught":
                bar.update(said["done"], said["total"], "positions")

        follow(
            ["teach", str(recipe.expanduser().resolve()), "--teacher", str(teacher.expanduser().resolve()),
             "--to", str(out.expanduser().resolve()), "--name", name or teacher.resolve().name,
             "--licence", licence, "--k", str(k), "--temperature", str(temperature)],
            hear,
        )  # fmt: skip
    if not json:
        say(str(out))


def bundle(
    recipe: RecipeFile,
    out: Annotated[Path, typer.Option(metavar="FILE.tar", help="The archive to write.")],
    part_mb: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER", min=0.01, help="Split it into parts of so many megabytes (10^6 bytes)."
        ),
    ] = None,
) -> None:
    """Pack a run for a machine that reaches nothing: code, recipe, model, tokenizer and data.

    README.txt in the archive says how it is run there, and what is needed.
    """
    from freehold.training.bundle import bundle as write
    from freehold.training.parcel import part_bytes_of

    size = part_bytes_of(part_mb)
    parts = write(recipe.expanduser(), out.expanduser(), part_bytes=size)
    for part in parts:
        say(str(part))
    opened = f"tar xf {out.name}" if size is None else f"cat {out.name}.* | tar x"
    note(f"There, `{opened}` opens it in an empty folder; its README.txt says how it is run.")


def bring(
    ctx: typer.Context,
    archive: Annotated[
        Path, typer.Argument(metavar="FILE.tar", help="What `pack` wrote there, or a part of it.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where to put it; by default runs/training/NAME.")
    ] = None,
    add: Annotated[bool, typer.Option("--add/--no-add", help="Keep it among the models.")] = True,
    base: Base = None,
) -> None:
    """Take the result of a bundled run back, its hashes checked, and keep it among the models."""
    from freehold.training.lock import held
    from freehold.training.parcel import unpack

    runs = config_of(ctx).runs / "training"
    arrived = runs / ".arrived"
    with held(runs):  # a second one would take what this one has unpacked for its own
        shutil.rmtree(arrived, ignore_errors=True)
        try:
            unpack(archive.expanduser(), arrived)
            facts = facts_of(arrived)
            folder = (out or runs / facts["name"]).expanduser()
            if folder.exists():
                raise Conflict(f"{folder} is there already.", hint="Name another folder with --out.")
            folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(arrived, folder)
        finally:
            shutil.rmtree(arrived, ignore_errors=True)
    draw(folder, facts["name"])
    say(str(folder / facts["result"]))
    if add:
        keep(ctx, folder / facts["result"], facts["name"], base)


def keep(ctx: typer.Context, folder: Path, name: str, base: str | None) -> None:
    """Puts a result among the models."""
    body = {"location": str(folder.resolve()), "name": name, **({"base": base} if base is not None else {})}
    with connect(config_of(ctx)) as client:
        job = wait(client, [client.post("/api/v1/models", body)["job"]], title="Adding")[0]
        added = client.get(f"/api/v1/models/{job['result']['model']}")
    for text in terms(added["licence"]):
        note(text)
    note(f"kept as {added['name']}  {added['id'][:12]}")


def facts_of(folder: Path) -> dict[str, Any]:
    """What a finished run says of itself.

    Raises:
        Conflict: it is not finished.
        InvalidInput: its file cannot be read.
    """
    try:
        facts: dict[str, Any] = jsonlib.loads((folder / "run.json").read_text(encoding="utf-8"))
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", facts["name"]) or facts["result"] not in (
            "model",
            "adapter",
        ):
            raise ValueError("it names no result")
        return facts
    except FileNotFoundError:
        raise Conflict(
            "That run is not finished: the archive holds its checkpoint.",
            hint="Go on with it where it ran: `unpack` it there, and `run` again.",
        ) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidInput(f"The run's own account cannot be read: {error}.") from None


class Teller:
    """Shows a run's lines as they come."""

    def __init__(self, bar: Bar, *, json: bool) -> None:
        self._bar = bar
        self._json = json
        self._steps = 0

    def hear(self, said: Said) -> None:
        """One line."""
        if self._json:
            say(jsonlib.dumps(said))
            return
        if said.get("event") == "start":
            self._steps = said["steps"]
            begun(said)
        elif said.get("event") == "step":
            self._bar.update(said["step"], self._steps, pace(said))
        elif said.get("event") == "evaluation":
            note(f"step {said['step']:,}: loss on the evaluation data {said['loss']:.4f}")


def begun(said: Said) -> None:
    """What a run is about to do."""
    again = f", going on from step {said['step']:,}" if said["step"] else ""
    note(
        f"{said['trained']:,} of {said['parameters']:,} parameters learn from "
        f"{count(said['examples'], 'example')} ({said['tokens_in_data']:,} tokens) on {said['device']}{again}"
    )
    if said["left_out"]:
        note(f"{count(said['left_out'], 'example')} left out:")
        for each in said["left_out_named"]:
            note(f"  {line(each['where'])}: {line(each['why'])}")
        if said["left_out"] > len(said["left_out_named"]):
            note("  and so on; run.json names more")


def pace(said: Said) -> str:
    """`loss 4.2015, 13,170 tokens/s, 2:05 left`"""
    left = round(said["seconds_left"])
    clock = (
        f"{left // 3600}:{left // 60 % 60:02d}:{left % 60:02d}"
        if left >= 3600
        else f"{left // 60}:{left % 60:02d}"
    )
    return f"loss {said['loss']:.3f} {said['tokens_per_second']:,.0f} tokens/s {clock} left"


def summary(folder: Path, ended: Ended, plot: Path) -> None:
    """What came of it."""
    facts: dict[str, Any] = jsonlib.loads((folder / "run.json").read_text(encoding="utf-8"))
    metrics = facts["metrics"]
    rows: list[tuple[str, object]] = [
        ("result", folder / facts["result"]),
        ("steps", f"{metrics['steps']:,}"),
        ("tokens", f"{metrics['tokens']:,}"),
        ("loss", f"{metrics['loss']:.4f}"),
    ]
    if metrics["evaluation_loss"] is not None:
        rows.append(("evaluation loss", f"{metrics['evaluation_loss']:.4f}"))
    say_fields([*rows, ("plot", plot)])
    if ended.last.get("again"):
        note("This run was done already; --fresh begins anew.")


def draw(folder: Path, name: str) -> Path:
    """The losses as a page of their own."""
    from freehold.evaluation.page import render
    from freehold.evaluation.plot import Axis, Line
    from freehold.training.metrics import lines as said_in

    found: dict[str, dict[int, float]] = {"step": {}, "evaluation": {}}
    for said in said_in(folder):
        step, loss = said.get("step"), said.get("loss")
        if isinstance(step, int) and isinstance(loss, int | float) and math.isfinite(loss):
            found.get(said["event"], {})[step] = loss
    names = {"step": "training", "evaluation": "evaluation"}
    lines = [Line(names[event], sorted(points.items())) for event, points in found.items() if points]
    values = {"name": name, "lines": lines, "x": Axis("step", low=0), "y": Axis("loss")}
    path = folder / PLOT
    path.write_text(render("training.html", values), encoding="utf-8")
    return path
