"""`trace`: why an answer is what it is."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from freehold.cli.client import connect
from freehold.cli.options import Json, config_of
from freehold.cli.output import clean, line, note, place, say, say_fields, say_json, say_table, when
from freehold.cli.route import told


def register(app: typer.Typer) -> None:
    app.command()(trace)


def trace(
    ctx: typer.Context,
    trace_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Otherwise the latest are listed.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="NUMBER", min=1, max=1000, help="How many to list.")] = 20,
    json: Json = False,
) -> None:
    """Show why an answer is what it is.

    Passages with their scores, checks, outcome and timings; without an ID the latest answers are listed.
    """
    with connect(config_of(ctx)) as client:
        if trace_id is not None:
            found: dict[str, Any] = client.get(f"/api/v1/traces/{quote(trace_id, safe='')}")
            latest = None
        else:
            latest = client.get("/api/v1/traces", limit=limit)["traces"]
    if json:
        say_json(found if latest is None else latest)
    elif latest is None:
        show_one(found)
    else:
        show_list(latest)


def show_list(traces: list[dict[str, Any]]) -> None:
    """The newest first, one a line."""
    say_table(
        ("ID", "WHEN", "ASSISTANT", "OUTCOME", "QUESTION"),
        (
            (each["id"], when(each["created_at"]), each["assistant_id"], each["outcome"], each["question"])
            for each in traces
        ),
    )
    if not traces:
        note("Nothing has been asked yet.")


def show_one(trace: dict[str, Any]) -> None:
    """One record: what was found, what was said, and what each step took."""
    say_fields(fields_of(trace))
    if trace["passages"]:
        say("\npassages, best first")
    for scored in trace["passages"]:
        say(f"  {scored['score']:.3f}  words {number(scored['lexical'])}  meaning {number(scored['dense'])}")
        say(f"         {place(scored['passage'])}")
    if trace["claims"]:
        say("\nanswer")
        text = "".join(claim["text"] for claim in trace["claims"])
        for each in clean(text).strip().splitlines():
            say(f"  {each}")
    for citation in trace["citations"]:
        say(f"  [{citation['number']}] {place(citation)}: “{line(citation['quote'])}”")
    for supported, heading in ((True, "checked and shown"), (False, "written, but not shown")):
        checks = [check for check in trace["checks"] if check["supported"] is supported]
        if checks:
            say(f"\n{heading}")
        for check in checks:
            say(f"  {number(check.get('score'))}  {line(check['text'])}")
            if check["reasons"]:
                ruled_out = not supported and not check.get("score")
                against = "ruled out" if ruled_out else "against it"
                say(f"         {against}: {line('; '.join(check['reasons']))}")


def fields_of(trace: dict[str, Any]) -> list[tuple[str, object]]:
    """The facts of a record, in the order in which they come about."""
    usage, error = trace["usage"], trace["error"]
    took = ", ".join(f"{step} {milliseconds:.0f} ms" for step, milliseconds in trace["timings"].items())
    fields: list[tuple[str, object]] = [
        ("id", trace["id"]),
        ("when", when(trace["created_at"])),
        ("assistant", trace["assistant_id"]),
        ("question", trace["question"]),
        *(("understood", each) for each in trace.get("questions", []) if each != trace["question"]),
        *(
            [("about", told(trace["route"], by=(trace.get("route_by") or "")[:12]))]
            if trace.get("route")
            else []
        ),
        *([("not routed", trace["route_failure"])] if trace.get("route_failure") else []),
        *([("put in full by", trace["rewritten_by"])] if trace.get("rewritten_by") else []),
        *([("not rewritten", trace["rewrite_failure"])] if trace.get("rewrite_failure") else []),
        ("outcome", trace["outcome"]),
        ("confidence", f"{number(trace['confidence'])} (refused below {number(trace['threshold'])})"),
        ("searched by", "words and meaning" if trace["mode"] == "hybrid" else "words alone"),
        ("written by", trace["model_id"] or "nobody: quoted from the documents"),
        ("took", took),
        ("processor", f"{usage['cpu_seconds']:.2f} s"),
    ]
    if trace["model_id"]:
        read = f"{usage['prompt_tokens']} read ({usage['cached_tokens']} cached)"
        fields.append(("tokens", f"{read}, {usage['completion_tokens']} written"))
    for reused in trace.get("reused", []):
        how = {"exact": "the same words", "words": "other order", "meaning": "other words"}[reused["tier"]]
        fields.append(("given again", f"from {reused['trace_id']} ({how}): {line(reused['question'])}"))
    if error:
        fields.append(("error", f"{error['code']}: {error['message']}"))
    return fields


def number(value: float | None) -> str:
    """Three places, or a dash where there is none."""
    return "–" if value is None else f"{value:.3f}"
