"""A model's card: what is known of it, as Markdown. The same model always gives the same card."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from freehold.models import licence
from freehold.models.lineage import Family, Relative
from freehold.models.metrics import flat
from freehold.models.model import Model

_FACTS = {
    "architecture": "Architecture",
    "parameters": "Parameters",
    "quantisation": "Precision",
    "context_length": "Context, tokens",
    "vocabulary": "Vocabulary",
    "rank": "Rank",
    "alpha": "Alpha",
    "url": "Address",
    "model": "Called there",
    "price_in": "US dollars per million tokens of prompt",
    "price_out": "US dollars per million tokens of answer",
}
_LINEAGE = {"dataset": "Dataset", "recipe": "Recipe", "commit": "Commit"}


def card(model: Model, family: Family) -> str:
    """The card, with the head that model hubs read."""
    return "\n".join([*_head(model, family), *_facts(model), *_origin(model, family), *_terms(model, family)])


def _head(model: Model, family: Family) -> Iterator[str]:
    yield "---"
    found = licence.binding([model, *(each.model for each in family.ancestors)])
    if found:
        yield f"license: {json.dumps(str(found[0].licence.get('id')))}"
    if family.ancestors:
        yield f"base_model: {json.dumps(_repository(family.ancestors[0].model))}"
    yield "tags: [freehold]"
    yield "---"
    yield ""
    yield f"# {model.name}"
    yield ""


def _facts(model: Model) -> Iterator[str]:
    yield "| | |"
    yield "| --- | --- |"
    kinds = {"model": "Model", "adapter": "Adapter (LoRA)", "endpoint": "Endpoint"}
    yield f"| Kind | {kinds[model.kind]} |"
    yield f"| {'SHA-256' if model.kind != 'endpoint' else 'ID'} | `{model.id}` |"
    if model.size:
        yield f"| Size, bytes | {model.size:,} |"
    for key, label in _FACTS.items():
        value = model.facts.get(key)
        if value is not None:
            yield f"| {label} | {_cell(value)} |"
    yield f"| Added | {datetime.fromtimestamp(model.created_at, UTC):%Y-%m-%d} |"
    yield ""


def _origin(model: Model, family: Family) -> Iterator[str]:
    yield "## Where does it come from?"
    yield ""
    said = list(_said(model.lineage))
    yield from said or ["Nothing was said of that."]
    yield ""
    if family.ancestors:
        yield "Made from, the nearest first:" if model.kind == "model" else "Put on, and that made from:"
        yield ""
        yield from (f"- {_called(each)}" for each in family.ancestors)
        yield ""
    metrics = model.lineage.get("metrics")
    if isinstance(metrics, Mapping) and metrics:
        yield "## What was measured?"
        yield ""
        yield "| | |"
        yield "| --- | --- |"
        yield from (f"| {_cell(name)} | {_cell(value)} |" for name, value in flat(metrics))
        yield ""


def _said(lineage: Mapping[str, Any]) -> Iterator[str]:
    source, made = lineage.get("source"), lineage.get("made")
    if isinstance(source, Mapping):
        parts = ("repository", "url", "name", "revision")
        yield "- Source: " + ", ".join(f"`{_plain(source[part])}`" for part in parts if source.get(part))
        for file in source.get("files") or ():
            yield f"  - `{_plain(file['name'])}`, SHA-256 `{_plain(file['sha256'])}`"
    if isinstance(made, Mapping):
        yield "- Made by: " + ", ".join(f"{name} {_plain(value)}" for name, value in made.items())
    for each in lineage.get("teachers") or ():
        yield f"- Learnt from: `{_plain(each['name'])}`, whose licence is `{_plain(each['licence'])}`"
    for key, label in _LINEAGE.items():
        if lineage.get(key) is not None:
            yield f"- {label}: `{_plain(lineage[key])}`"


def _terms(model: Model, family: Family) -> Iterator[str]:
    yield "## Under which licence is it?"
    yield ""
    found = licence.binding([model, *(each.model for each in family.ancestors)])
    if not found:
        yield "None was found. Without one, nothing is allowed but what the law allows."
        yield ""
    for each in found:
        terms = each.licence
        why = {"own": "", "origin": ", which it was made from", "teacher": ", which it learnt from"}[each.how]
        yield (
            f"**{_plain(terms.get('name') or terms.get('id'))}**"
            + (f", of {_plain(each.name)}{why}" if why else "")
            + (f": {_plain(terms['url'])}" if terms.get("url") else "")
        )
        yield ""
        if "clauses" not in terms:
            yield "What it asks is not known to Freehold: read it."
            yield ""
        elif terms["clauses"]:
            yield from (f"- {clause}" for clause in terms["clauses"])
            yield ""
        if terms.get("notice"):
            yield f"> {terms['notice']}"
            yield ""


def _called(relative: Relative) -> str:
    model = relative.model
    removed = ", no longer kept" if relative.removed else ""
    return f"{model.name}, `{model.id[:12]}`{removed}"


def _repository(model: Model) -> str:
    source = model.lineage.get("source")
    return str(source.get("repository") or model.name) if isinstance(source, Mapping) else model.name


def _cell(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return _plain(value).replace("|", "\\|")


def _plain(value: object) -> str:
    """One line, without what could end the code or the line that it stands in."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    return " ".join(text.replace("`", "'").split())[:500]
