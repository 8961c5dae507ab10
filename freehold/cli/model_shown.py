"""What is known of a model, in words and lines for a terminal."""

from __future__ import annotations

from typing import Any

from freehold.cli.output import line, size, when
from freehold.models.metrics import flat


def fields_of(model: dict[str, Any]) -> list[tuple[str, object]]:
    """A model's JSON as names and values; each name once."""
    facts = [
        ("named in the file" if name == "name" else name.replace("_", " "), value)
        for name, value in model["facts"].items()
        if value is not None
    ]
    return [
        ("name", model["name"]),
        ("id", model["id"]),
        ("kind", model["kind"]),
        ("format", model["format"]),
        *([("size", size(model["size"]))] if model["size"] else []),
        ("in service", ", ".join(model["tasks"]) or "no"),
        ("added", when(model["created_at"])),
        *facts,
        *origin(model["lineage"]),
        ("licence", licence_line(model["licence"])),
    ]


def origin(lineage: dict[str, Any]) -> list[tuple[str, object]]:
    """Where it came from, as far as that is known."""
    source = lineage.get("source") or {}
    parts = [source.get(part) for part in ("repository", "revision", "url", "name")]
    found: list[tuple[str, object]] = [("source", " ".join(map(str, filter(None, parts))))] if source else []
    teachers = [f"{each['name']} ({each['licence']})" for each in lineage.get("teachers") or ()]
    found += [("learnt from", line(", ".join(teachers)))] if teachers else []
    for name in ("made", "dataset", "recipe", "commit"):
        value = lineage.get(name)
        if isinstance(value, dict):
            value = ", ".join(f"{key} {each}" for key, each in value.items())
        if value is not None:
            found.append((name, line(str(value))))
    return found + [(name, line(text)) for name, text in measured(lineage.get("metrics") or {})]


def measured(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """What was measured: at the end of training in one line, of each task in one of its own."""
    tasks = {name: value for name, value in metrics.items() if isinstance(value, dict)}
    plain = {name: value for name, value in metrics.items() if name not in tasks}
    parts = [("metrics", plain), *((f"metrics of {name}", value) for name, value in tasks.items())]
    return [
        (name, ", ".join(f"{key} {_short(each)}" for key, each in flat(part))) for name, part in parts if part
    ]


def _short(value: object) -> str:
    """A list by its length: a model may have a hundred labels."""
    return f"({len(value)})" if isinstance(value, list) else str(value)


def licence_line(licence: dict[str, Any]) -> str:
    return line(str(licence.get("name") or licence.get("id") or "none was found"))


def terms(licence: dict[str, Any]) -> list[str]:
    """What a licence asks, a line each; nothing of one that asks nothing."""
    if licence and "clauses" not in licence:
        return [f"What its licence asks is not known to Freehold; read it: {licence_line(licence)}"]
    asked = [f"  {line(clause)}" for clause in licence.get("clauses", ())]
    return [f"{licence_line(licence)}:", *asked] if asked else []


def family_tree(model: dict[str, Any]) -> list[str]:
    """The model between what it was made from and what was made from it; nothing of one that stands alone."""
    above, below = model["ancestors"], model["descendants"]
    if not above and not below:
        return []
    lines = []
    for depth, each in enumerate(reversed(above)):
        lines.append(f"{'  ' * depth}{_called(each)}")
    lines.append(f"{'  ' * len(above)}{model['name']}  {model['id'][:12]}  <")
    lines += _under(below, len(above) + 1)
    return lines


def _under(relatives: list[dict[str, Any]], depth: int) -> list[str]:
    lines = []
    for each in relatives:
        lines += [f"{'  ' * depth}{_called(each)}", *_under(each["children"], depth + 1)]
    return lines


def _called(relative: dict[str, Any]) -> str:
    kind = "" if relative["kind"] == "model" else f"  {relative['kind']}"
    return f"{relative['name']}  {relative['id'][:12]}{kind}{'  (removed)' if relative['removed'] else ''}"
