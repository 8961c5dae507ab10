"""`route measure`: who routes better on the same labelled messages, a model or the linear router.

A model is asked as in service: the same prompt, patience and labels, by an engine of the command's own. What
it reached is kept in its lineage, where the server and `route show` read who is to route.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freehold.cli import routers
from freehold.cli.client import Client, connect
from freehold.cli.labelled import rows_of
from freehold.cli.learnt_from import LearntFrom, learnt_from
from freehold.cli.options import Json, config_of
from freehold.cli.output import count, line, note, say_fields, say_json
from freehold.cli.own_engine import Described, described
from freehold.cli.route_asked import Asked, Messages, chosen, of_the_linear, of_the_model
from freehold.errors import InvalidInput, NotFound

if TYPE_CHECKING:  # numpy and the settings take their time; --help does without
    from freehold.config import Config
    from freehold.evaluation.route_figures import Figures, Pair
    from freehold.tasks.linear_route import LinearRoute

LINEAR = "linear router"


@dataclass(frozen=True, slots=True)
class Rival:
    """One who routes, and how it did."""

    name: str
    asked: Asked
    figures: Figures

    def as_json(self) -> dict[str, Any]:
        return {**self.figures.as_json(), **self.asked.cost(), "failed": self.asked.failed}


def measure(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Messages with labels, best ones that nobody learnt from.")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Whom to ask; else the model that has the task. `none`: no model."
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="WHAT=NAME", help="Where a column has no usual name: label=Thema."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, help="Ask so many messages, always the same ones.")
    ] = None,
    json: Json = False,
) -> None:
    """Measure who routes better on the same messages: a model tuned to it, or the linear router.

    Messages that either is known to have learnt from are left out, but for those that the linear router was
    measured on before it learnt them. What a model reached is kept with it, and decides who routes.
    """
    config = config_of(ctx)
    rows = rows_of(file, column or [])
    if not rows:
        raise InvalidInput(f"There are no messages in {file}.")
    linear = routers.linear_in_service(config)
    wanted, learnt = described_with_origin(config, model)
    if wanted is None and linear is None:
        raise NotFound(
            "Nobody routes here: there is no linear router, and no model has the task.",
            hint="`freehold route train` makes a router; --model names a model.",
        )
    messages = chosen(rows, linear, learnt.messages, limit)
    rivals = []
    if linear is not None:
        embedder = routers.embedder_for(config)
        routers.same_embedder(linear, embedder)
        rivals.append(rival(LINEAR, of_the_linear(linear, embedder, messages), messages))
    told: dict[str, Any] = {
        "file": hashlib.sha256(file.read_bytes()).hexdigest(),
        "left_out": {"learnt_by_model": messages.by_model, "learnt_by_linear": messages.by_linear},
    }
    if wanted is None:
        show(file, messages, rivals, None, told, json)
        return
    name = wanted[0]["name"]
    labels = list(dict.fromkeys((*sorted({label for _, label in rows}), *learnt.labels,
                                 *(() if linear is None else linear.labels))))  # fmt: skip
    said = asyncio.run(of_the_model(config, wanted, labels, messages))
    rivals.insert(0, rival(name, said, messages))
    paired = pair_of(rivals, messages)
    metrics = {**rivals[0].as_json(), **told, "labels": labels, "unknown": learnt.unknown}
    if linear is not None and paired is not None:
        of_linear = {"dataset": linear.facts.get("dataset"), "accuracy": rivals[1].figures.accuracy}
        metrics["linear"] = {**of_linear, "p": paired.p}
    keep(config, wanted[0]["id"], metrics)
    told["routed_by"] = who_routes(linear, wanted[0], metrics)
    show(file, messages, rivals, paired, told, json)
    if learnt.unknown is not None:
        note(f"Whether {line(name)} learnt from these messages is not known: {line(learnt.unknown)}.")
        note("If it did, its figures are too good.")


def described_with_origin(config: Config, model: str | None) -> tuple[Described | None, LearntFrom]:
    """The model that is named, or else has the task, and what it and those it was made from learnt from."""
    nothing = LearntFrom(frozenset(), (), None)
    if model is None and (tuned := routers.tuned_model(config)) is not None:
        model = tuned.name
    if model in (None, "none"):
        return None, nothing
    with connect(config) as client:
        found = described(client, str(model))
        return found, learnt_from([found[0], *ancestors(client, found[0])])


def ancestors(client: Client, model: dict[str, Any]) -> list[dict[str, Any]]:
    """What a model was made from, as far as it is still here."""
    here = [each["id"] for each in model["ancestors"] if not each["removed"]]
    return [client.get(f"/api/v1/models/{id}") for id in here]


def rival(name: str, asked: Asked, messages: Messages) -> Rival:
    from freehold.evaluation.route_figures import figures

    return Rival(name, asked, figures(asked.said, messages.gold))


def pair_of(rivals: list[Rival], messages: Messages) -> Pair | None:
    """How the model and the linear router differ, where there are both."""
    from freehold.evaluation.route_figures import pair

    if len(rivals) < 2:
        return None
    return pair(rivals[0].asked.said, rivals[1].asked.said, messages.gold)


def keep(config: Config, id: str, metrics: dict[str, Any]) -> None:
    """Puts what was measured into the model's lineage."""
    with connect(config) as client:
        client.post(f"/api/v1/models/{id}/metrics", {"task": "route", "metrics": metrics})


def who_routes(linear: LinearRoute | None, model: dict[str, Any], metrics: dict[str, Any]) -> str:
    """Who routes after this, and why; where the model has not the task, who would."""
    from freehold.tasks.route_choice import Tuned, choose

    choice = choose(linear, Tuned.of(model["name"], {"metrics": {"route": metrics}}))
    has_it = "route" in model["tasks"]
    hint = "" if has_it or choice.by != "model" else f"; `freehold model use {model['name']} --task route`"
    return f"{choice.by}{'' if has_it else ', if the model had the task'}: {choice.why}{hint}"


def show(
    file: Path, messages: Messages, rivals: list[Rival], paired: Pair | None, told: dict[str, Any], json: bool
) -> None:
    """What came of it."""
    if json:
        found = {"linear" if each.name == LINEAR else "model": each.as_json() for each in rivals}
        between = {}
        if paired is not None:
            between = {"only_model": paired.only_first, "only_linear": paired.only_second, "p": paired.p}
        say_json({"messages": len(messages.gold), **told, **found, **between})
        return
    fields: list[tuple[str, object]] = [("messages", f"{len(messages.gold):,} of {file.name}")]
    learnt = ((messages.by_model, "the model"), (messages.by_linear, "the linear router"))
    fields += [("left out", f"{number:,}, which {who} learnt from") for number, who in learnt if number]
    for each in rivals:
        fields += lines_of(each)
    if paired is not None:
        only = f"{rivals[0].name} for {paired.only_first:,}, the linear router for {paired.only_second:,}"
        fields.append(("only one right", f"{only} (p {paired.p:.2g})"))
    if "routed_by" in told:
        fields.append(("routed by", told["routed_by"]))
    say_fields(fields)


def lines_of(rival: Rival) -> list[tuple[str, object]]:
    """One rival's figures."""
    found, cost = rival.figures, rival.asked.cost()
    low, high = found.interval
    fields: list[tuple[str, object]] = [
        (rival.name, f"{found.accuracy:.1%} right, 95% between {low:.1%} and {high:.1%}"),
        ("  macro F1", f"{found.macro_f1:.3f}"),
    ]
    for name, scope in found.reserved.items():
        alarms = "" if scope.false_alarms is None else f", {scope.false_alarms:.2%} false alarms"
        fields.append((f"  {name}", f"{scope.recall:.1%} found{alarms}"))
    if cost:
        tokens = f", {cost['tokens']:,.0f} tokens" if "tokens" in cost else ""
        fields.append(("  a message", f"{cost['ms']:,.1f} ms{tokens} (medians)"))
    if found.unlabelled:
        failed = f"; {rival.asked.failed:,} failed or took too long" if rival.asked.failed else ""
        fields.append(("  no label", f"{count(found.unlabelled, 'message')}{failed}"))
    fields += [
        ("  confused", f"{wanted} taken for {given}, {count(number, 'time')}")
        for wanted, given, number in found.confused
    ]
    return fields
