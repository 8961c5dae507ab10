"""`evaluate`: how good answers are on a suite, and what changed between two runs."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from freehold.cli.client import Client, connect
from freehold.cli.jobs import check, watch
from freehold.cli.knowledge import absolute
from freehold.cli.options import Assistant, Json, config_of
from freehold.cli.output import UNDER_BAR, count, line, note, say_json, say_table, when
from freehold.errors import Conflict, InvalidInput, NotFound

FILES = {"scorecard": "scorecard.json", "page": "report.html", "records": "records.jsonl"}
"""What `--out` writes, by the address it is fetched from."""
_BAR = re.compile(r"\s*([\w.@: -]+?)\s*(>=|<=)\s*(-?\d+(?:\.\d+)?)\s*(%?)\s*")


def register(app: typer.Typer) -> None:
    app.command()(evaluate)


@dataclass(frozen=True, slots=True)
class Limit:
    """A `--bar`: what a figure has to reach."""

    metric: str
    at_least: bool
    value: float
    said: str

    def held(self, value: float) -> bool:
        return value >= self.value if self.at_least else value <= self.value


def evaluate(
    ctx: typer.Context,
    suites: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SUITE]...", help="Files of questions, or folders of suites."),
    ] = None,
    assistant: Assistant = "default",
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Answer with this model instead of the one in service; `none` quotes."
        ),
    ] = None,
    rewrite: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Put follow-ups in full by this model instead of the one in service; `none`: by rule.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, help="Ask so many questions, always the same ones.")
    ] = None,
    leave_out: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            min=0.001,
            max=0.999,
            help="Take this share of a suite's own gold passages away; their questions should be refused.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="WHAT=NAME", help="Where a column has no usual name: question=Frage."),
    ] = None,
    bar: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC>=VALUE", help="Exit with 4 when a figure falls short (<= for those to be low)."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write scorecard.json, report.html and records.jsonl there too."),
    ] = None,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="Compare two evaluations (their IDs, or folders written by --out)."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--fresh", help="Go on from an equal evaluation that was cut off.")
    ] = True,
    listing: Annotated[bool, typer.Option("--list", help="List the evaluations there are.")] = False,
    json: Json = False,
) -> None:
    """Measure answers on suites of questions with known answers.

    Every question goes the way that customers' questions go. The scorecard is kept in the data folder, under
    runs/, as JSON and as a page to read. With --compare, bars hold for the differences, second minus first.
    """  # fmt: skip
    bars = [limit_of(each) for each in bar or ()]
    if compare is not None:
        comparing(ctx, *compare, bars=bars, out=out, json=json)
        return
    with connect(config_of(ctx)) as client:
        if listing:
            list_all(client.get("/api/v1/evaluations")["evaluations"], json)
            return
        if not suites:
            raise typer.BadParameter("Name a suite, or --list, or --compare A B.", param_hint="SUITE")
        wish = {
            "assistant": assistant,
            "model": model,
            "rewrite": rewrite,
            "limit": limit,
            "leave_out": leave_out,
            "columns": dict(map(column_of, column or ())),
            "fresh": not resume,
        }
        done = [evaluated(client, {"suite": absolute(suite), **wish}) for suite in suites]
        cards = [client.get(f"/api/v1/evaluations/{each['id']}/scorecard") for each in done]
        folders = [Path(client.get("/api/v1/status")["home"]) / "runs" / each["id"] for each in done]
        if out is not None:
            folders = [out if len(done) == 1 else out / each["id"] for each in done]
            for each, folder in zip(done, folders, strict=True):
                fetch(client, each["id"], folder)
    results = [
        result for card in cards for result in judged(bars, card["figures"], "value", card["suite"]["name"])
    ]
    if json:
        shown = [
            {name: value for name, value in card.items() if name != "worst"} | {"folder": str(folder)}
            for card, folder in zip(cards, folders, strict=True)
        ]
        say_json({"evaluations": shown, "bars": results})
    else:
        for card, folder in zip(cards, folders, strict=True):
            show(card, folder)
    settle(results)


def evaluated(client: Client, wish: dict[str, Any]) -> dict[str, Any]:
    """Starts an evaluation and waits for it; gives it once it is done.

    Raises:
        FreeholdError: what it failed with.
    """
    started = client.post("/api/v1/evaluations", wish)
    evaluation, job = started["evaluation"], started["job"]
    try:
        job = watch(client, job, title="Evaluating")
    except KeyboardInterrupt:
        if client.private:
            with contextlib.suppress(Conflict):
                client.post(f"/api/v1/jobs/{job['id']}/cancel")
            note("Stopped; the same command goes on where it was.")
        else:
            note(f"Not waiting any more; the server goes on. Its job is {job['id']}.")
        raise
    check(job, "evaluation")
    found: dict[str, Any] = client.get(f"/api/v1/evaluations/{evaluation['id']}")
    if found["went_on_from"]:
        note(f"Went on from {found['went_on_from']}, which was cut off.")
    return found


def fetch(client: Client, evaluation_id: str, folder: Path) -> None:
    """Writes an evaluation's files into a folder."""
    for address, name in FILES.items():
        client.save(f"/api/v1/evaluations/{evaluation_id}/{address}", folder / name)


def comparing(
    ctx: typer.Context, first: str, second: str, *, bars: Sequence[Limit], out: Path | None, json: bool
) -> None:
    """Compares two evaluations by their files alone: no server is needed."""
    from freehold.evaluation.compare import compare
    from freehold.evaluation.evaluations import SCORECARD
    from freehold.evaluation.records import records_in
    from freehold.evaluation.report import change_rows, comparison

    folders = [folder_of(ctx, each) for each in (first, second)]
    records = [records_in(folder) for folder in folders]
    cards = [card_of(folder / SCORECARD) for folder in folders]
    change = compare(records[0].latest(), records[1].latest())
    if not change["paired"]:
        raise InvalidInput(
            "The two evaluations have no question in common.", hint="Compare runs of the same suite."
        )
    if out is not None:
        from json import dumps

        write(out / "comparison.json", dumps(change, ensure_ascii=False, indent=1))
        write(out / "comparison.html", comparison(cards[0], cards[1], change))
    results = judged(bars, change["figures"], "difference", "the comparison")
    if json:
        say_json({**change, "bars": results})
    else:
        say_table(
            ("METRIC", "FIRST", "SECOND", "DIFFERENCE", "95% INTERVAL", "P", "SAYS", "QUESTIONS"),
            change_rows(change),
        )
        changes = change["changes"]
        note(
            f"Of {change['paired']:,} questions {changes['worse']} became worse, {changes['better']} better."
        )
        for each in change["changed"]:
            if each["change"] == "worse":
                verdicts = f"{each['first']['verdict']} → {each['second']['verdict']}"
                note(f"worse: {line(each['question'])[:90]} ({verdicts})")
        if out is not None:
            note(f"The page: {out / 'comparison.html'}")
    settle(results)


def show(card: dict[str, Any], folder: Path) -> None:
    """A scorecard's figures, and where the page is."""
    from freehold.evaluation.report import shown

    say_table(
        ("METRIC", "VALUE", "95% INTERVAL", "QUESTIONS"),
        (
            (name, shown(each["kind"], each["value"]),
             f"{shown(each['kind'], each['low'])} to {shown(each['kind'], each['high'])}", f"{each['n']:,}")
            for name, each in card["figures"].items()
        ),
    )  # fmt: skip
    if card["gold_unknown"]:
        note(f"The gold documents of {card['gold_unknown']:,} questions are not among the assistant's.")
    name = line(card["suite"]["name"])
    note(f"{name}: {count(card['questions'], 'question')}; the page is {folder / 'report.html'}")


def list_all(evaluations: list[dict[str, Any]], json: bool) -> None:
    """The newest first, one a line."""
    if json:
        say_json(evaluations)
        return
    say_table(
        ("ID", "WHEN", "STATE", "ANSWERS", "SUITE"),
        (
            (each["id"], when(each["created_at"]), each["state"], each["facts"].get("model") or "quoted",
             each["suite"].get("name") or each["suite"]["path"])
            for each in evaluations
        ),
    )  # fmt: skip
    if not evaluations:
        note("Nothing has been evaluated yet.")


def limit_of(said: str) -> Limit:
    """A bar as it was written.

    Raises:
        InvalidInput: it cannot be read, or names no metric.
    """
    from freehold.evaluation.metrics import METRICS, metric

    match = _BAR.fullmatch(said)
    if match is None:
        raise InvalidInput(f"{said!r} is not a bar.", hint="Write METRIC>=VALUE or METRIC<=VALUE.")
    if metric(match[1]) is None:
        raise InvalidInput(
            f"There is no metric {match[1]!r}.",
            hint=f"Known are: {', '.join(each.name for each in METRICS)}.",
        )
    return Limit(match[1], match[2] == ">=", float(match[3]) / (100 if match[4] else 1), said)


def column_of(said: str) -> tuple[str, str]:
    """`question=Frage` as a pair.

    Raises:
        InvalidInput: it is not written so.
    """
    thing, equals, name = said.partition("=")
    if not (thing and equals and name):
        raise InvalidInput(f"{said!r} names no column.", hint="Write WHAT=NAME, as in question=Frage.")
    return thing.strip(), name.strip()


def judged(
    bars: Sequence[Limit], figures: dict[str, dict[str, Any]], which: str, where: str
) -> list[dict[str, Any]]:
    """Each bar with the figure it was held against.

    Raises:
        InvalidInput: there is no such figure: a bar that holds nothing must not pass.
    """
    results = []
    for each in bars:
        if each.metric not in figures:
            raise InvalidInput(
                f"{line(where)} gives no figure {each.metric}.", hint=f"It gives: {', '.join(figures)}."
            )
        value = figures[each.metric][which]
        results.append({"bar": each.said, "suite": where, "value": value, "held": each.held(value)})
    return results


def settle(results: Sequence[dict[str, Any]]) -> None:
    """Says which bars were not reached, and ends with the status that says so."""
    short = [each for each in results if not each["held"]]
    for each in short:
        note(f"under the bar: {each['bar']} ({line(each['suite'])}: {each['value']:.4g})")
    if short:
        raise typer.Exit(UNDER_BAR)


def folder_of(ctx: typer.Context, said: str) -> Path:
    """The folder of an evaluation, by its path or its id.

    Raises:
        NotFound: it is neither.
    """
    path = Path(said).expanduser()
    if path.is_dir():
        return path
    kept = config_of(ctx).runs / said
    if re.fullmatch(r"[a-z0-9-]+", said) and kept.is_dir():
        return kept
    raise NotFound(f"There is no evaluation {said}.", hint="`freehold evaluate --list` lists them.")


def card_of(path: Path) -> dict[str, Any]:
    """A scorecard from its file.

    Raises:
        NotFound: there is none; the evaluation is not done.
        InvalidInput: it is none of ours.
    """
    from json import loads

    try:
        card: dict[str, Any] = loads(path.read_text(encoding="utf-8"))
        if card["format"] > 1:
            raise InvalidInput(f"{path} was written by a newer Freehold.", hint="Update this one.")
        return card
    except FileNotFoundError:
        raise NotFound(f"There is no scorecard in {path.parent}: that evaluation is not done.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{path} is not a scorecard: {error}.") from None


def write(path: Path, text: str) -> None:
    """A file of the user's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
