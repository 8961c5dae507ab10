"""`route …`: what messages are about: learn it from labelled messages, try it, put it into service.

Files alone, but for which model has the task: no server is asked. One that runs takes up another router with
the next message.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freehold.cli import routers
from freehold.cli.client import connect
from freehold.cli.labelled import rows_of
from freehold.cli.options import Json, config_of
from freehold.cli.output import note, say, say_fields, say_json
from freehold.cli.own_engine import described
from freehold.cli.route_asked import of_one
from freehold.cli.route_examples import examples
from freehold.cli.route_measure import measure
from freehold.cli.written import writing
from freehold.errors import EngineError, NotFound

if TYPE_CHECKING:  # numpy takes its time; --help does without
    from freehold.config import Config
    from freehold.tasks.linear_route import LinearRoute
    from freehold.tasks.route import Route


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Learn and choose what tells messages apart by topic.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command("train")(train)
    group.command("try")(try_it)
    group.command("examples")(examples)
    group.command("measure")(measure)
    group.command("show")(show)
    group.command("use")(use)
    app.add_typer(group, name="route")


def train(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Messages with labels: CSV, TSV or JSON Lines.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the router is written.")] = Path(
        "router.safetensors"
    ),
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="WHAT=NAME", help="Where a column has no usual name: label=Thema."),
    ] = None,
    use_it: Annotated[bool, typer.Option("--use", help="Put it into service at once.")] = False,
    json: Json = False,
) -> None:
    """Learn a router from labelled messages: logistic regression over their embeddings.

    A fifth of each label's messages is held out and measured on; then all are learnt from. The labels
    `out_of_scope` and `person` (or their usual spellings) are for messages that are about nothing here, and
    for those that want a person. Needs scikit-learn, which the extra `train` brings.
    """
    from freehold.training.linear import fit

    config = config_of(ctx)
    rows = rows_of(file, column or [])
    embedder = routers.embedder_for(config)
    vectors = routers.embedded(embedder, [message for message, _ in rows])
    began = time.perf_counter()
    router = fit(rows, vectors, embedder.name)
    seconds = time.perf_counter() - began
    put(router, out)
    if use_it:
        put(router, config.router)
    tell(router, json, file=str(out), seconds=round(seconds, 1), in_service=use_it)


def try_it(
    ctx: typer.Context,
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="What a customer might write.")],
    router: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A router; by default the one in service.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what a message is about, and how sure that is.

    Asked is who routes in service: the linear router, or the model that has the task.
    """
    config = config_of(ctx)
    found, by = (_linearly(config, router, message), None) if router else _in_service(config, message)
    if json:
        who = {} if by is None else {"by": by}
        say_json({"label": found.label, "confidence": found.confidence, "sure": found.sure, **who})
    else:
        say(told({"label": found.label, "confidence": found.confidence, "sure": found.sure}, by=by))


def _in_service(config: Config, message: str) -> tuple[Route, str | None]:
    """What is said of a message where it would go; and by whom, when a model says it.

    Raises:
        NotFound: nobody routes.
        EngineError: the model gave no label.
    """
    from freehold.tasks.route_choice import choose

    tuned = routers.tuned_model(config)
    if tuned is None:
        return _linearly(config, config.router, message), None
    choice = choose(routers.linear_in_service(config), tuned)
    if choice.by == "linear":
        return _linearly(config, config.router, message), None
    if choice.by is None:
        raise NotFound(f"Nobody routes: {choice.why}.", hint="`freehold route measure` measures a model.")
    with connect(config) as client:
        model = described(client, tuned.name)
    asked = asyncio.run(of_one(config, model, choice.labels, message))
    if asked.route is None:
        raise EngineError(f"{tuned.name} gave no label: {asked.failure}.")
    return asked.route, tuned.name


def _linearly(config: Config, router: Path, message: str) -> Route:
    from freehold.tasks.linear_route import read

    loaded = read(router)
    embedder = routers.embedder_for(config)
    routers.same_embedder(loaded, embedder)
    return loaded.route(embedder.embed([message])[0])


def show(
    ctx: typer.Context,
    router: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A router; by default the one in service."),
    ] = None,
    json: Json = False,
) -> None:
    """Show what a router was learnt from, and how often it was right.

    Without a file also who routes, it or a model that has the task, and why.
    """
    from freehold.tasks.linear_route import read
    from freehold.tasks.route_choice import choose

    config = config_of(ctx)
    path = router or config.router
    tuned = None if router else routers.tuned_model(config)
    loaded = None if tuned is not None and not path.exists() else read(path)
    choice = choose(loaded, tuned)
    chosen = {} if router else {"routed_by": f"{choice.by or 'nobody'}: {choice.why}"}
    if loaded is not None:
        tell(loaded, json, file=str(path), **chosen)
    elif json:
        say_json(chosen)
    else:
        say_fields([("routed by", chosen["routed_by"])])


def use(
    ctx: typer.Context,
    router: Annotated[str, typer.Argument(metavar="FILE|none", help="`none` routes nothing any more.")],
) -> None:
    """Route messages from now on; a running server takes it up with the next message."""
    from freehold.tasks.linear_route import read

    config = config_of(ctx)
    if router == "none":
        config.router.unlink(missing_ok=True)
        say("messages are not routed")
        return
    loaded = read(Path(router))
    routers.same_embedder(loaded, routers.embedder_for(config))
    put(loaded, config.router)
    say(f"in service: {router}")


def told(route: dict[str, Any], *, by: str | None = None) -> str:
    """A route in one line; what it rests on is not sure enough to act on where it is a guess."""
    guess = "" if route["sure"] else ", a guess"
    return f"{route['label']}, {route['confidence']:.2f}{guess}" + (f", by {by}" if by else "")


def put(router: LinearRoute, path: Path) -> None:
    """
    Raises:
        NoRoom: the disk is full.
        InvalidInput: the file cannot be written there.
    """
    from freehold.tasks.linear_route import write

    with writing(path):
        write(router, path)


def tell(router: LinearRoute, json: bool, **more: Any) -> None:
    """A router's figures."""
    from freehold.evaluation.statistics import share_interval

    facts = router.facts
    low, high = share_interval(outcomes(facts["right"], facts["held_out"]))
    if json:
        say_json({**facts, "low": low, "high": high, "labels": list(router.labels), **more})
        return
    say_fields(
        [
            ("labels", f"{len(router.labels):,}"),
            ("messages", f"{facts['messages']:,}, {facts['held_out']:,} of them held out and measured on"),
            ("accuracy", f"{facts['accuracy']:.1%}, 95% between {low:.1%} and {high:.1%}"),
            ("macro F1", f"{facts['macro_f1']:.3f}"),
            *(
                (name, f"{facts[name]['recall']:.1%} found, {facts[name]['false_alarms']:.2%} false alarms")
                for name in ("out_of_scope", "person")
                if name in facts and facts[name]["recall"] is not None
            ),
            *((name.replace("_", " "), value) for name, value in more.items()),
        ]
    )
    if more.get("in_service") is False:
        note("`freehold route use FILE` puts it into service.")


def outcomes(right: int, of: int) -> Any:
    """Ones and zeros, as the interval of a share is made from."""
    import numpy as np

    return np.repeat([1.0, 0.0], [right, of - right])
