"""Writes the HTTP interface's page from its OpenAPI description. Knows nothing of what the endpoints do."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GROUPS = {
    "openai": "OpenAI-compatible",
    "knowledge": "Knowledge",
    "jobs": "Jobs",
    "assistants": "Assistants",
    "models": "Models",
    "keys": "Keys",
    "evaluations": "Evaluations",
    "rehearsals": "Rehearsals",
    "traces": "Traces",
    "status": "Status",
    "visitors": "Visitors: the widget and the page",
    "page": "The page",
}
"""The order of the page, and what each group is called."""

OPENED_BY = {
    "_admin": "admin",
    "_chat": "chat or admin",
    "_metrics": "admin, or none from the same machine",
    "_known_visitor": "the visitor's token",
    "_local_page": "none, from the same machine",
}
"""What the dependencies of an endpoint (freehold/web/dependencies.py) ask for."""


def describe() -> dict[str, Any]:
    """The OpenAPI description, of a server on an empty folder that is never started; `x-needs` says which
    keys open an operation."""
    from fastapi.routing import APIRoute

    from freehold.app import Home
    from freehold.config import Config
    from freehold.web.server import PARTS, create_app

    logging.getLogger("freehold").setLevel(logging.ERROR)  # that it has no embedding model
    with tempfile.TemporaryDirectory() as folder, Home(Config(home=Path(folder), demo=False)) as home:
        address = "http://127.0.0.1:8642"
        services = home.services(address=address, start_token="unused", stop=lambda: None)  # noqa: S106
        description: dict[str, Any] = create_app(services).openapi()
    needs = {
        (method, route.path): sorted(
            {OPENED_BY[name] for name in called(route.dependant) if name in OPENED_BY}
        )
        for part in PARTS
        for route in part.router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            operation["x-needs"] = needs[method.upper(), path]
    return description


def called(dependant: Any) -> Iterator[str]:
    """Names of everything an endpoint depends on."""
    for below in dependant.dependencies:
        yield getattr(below.call, "__name__", "")
        yield from called(below)


def entries(description: dict[str, Any]) -> Iterator[str]:
    """A heading for each group, and below it one for each operation."""
    operations = [
        (method.upper(), path, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    for tag, title in GROUPS.items():
        yield f"## {title}"
        for method, path, operation in operations:
            if operation["tags"] == [tag]:
                yield entry(description, method, path, operation)
    if unknown := {operation["tags"][0] for _, _, operation in operations} - set(GROUPS):
        raise SystemExit(f"Groups of the interface that this script does not know: {unknown}")


def entry(description: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    """One operation: what it does, who may call it, what it takes and gives."""
    needs = operation["x-needs"]
    lines = [
        f"### `{method} {path}`",
        f"{operation['summary']}. {operation.get('description', '')}".strip(),
        f"Key: {' and '.join(needs) or 'none'}",
    ]
    query = [parameter for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
    if query:
        rows = [
            field(
                description,
                each["name"],
                each["schema"],
                each.get("required", False),
                each.get("description"),
            )
            for each in query
        ]
        lines.append("Query:\n\n" + "\n".join(rows))
    for media_type, body in operation.get("requestBody", {}).get("content", {}).items():
        kind = "JSON body" if media_type == "application/json" else f"Body (`{media_type}`)"
        lines.append(f"{kind}:\n\n{fields(description, body['schema'])}")
    for status, response in operation["responses"].items():
        if status == "default":
            continue
        content = response.get("content", {})
        told = "" if response["description"] == "Successful Response" else f" {response['description']}"
        shown = content.get("application/json", {}).get("schema")
        inner = fields(description, shown) if shown and status.startswith("2") else ""
        if told or inner or status.startswith("2"):
            lines.append(f"Status {status}.{told}" + (f"\n\n{inner}" if inner else ""))
    return "\n\n".join(lines)


def fields(description: dict[str, Any], schema: dict[str, Any]) -> str:
    """An object's fields as a list; of a list, its items'."""
    schema = resolved(description, schema)
    if schema.get("type") == "array":
        return fields(description, schema["items"])
    required = schema.get("required", [])
    rows = [
        field(description, name, inner, name in required, inner.get("description"))
        for name, inner in schema.get("properties", {}).items()
    ]
    return "\n".join(rows)


def field(
    description: dict[str, Any], name: str, schema: dict[str, Any], required: bool, told: str | None
) -> str:
    """One line: name, type, whether it may be left out, what it is."""
    default = schema.get("default")
    tail = "" if required or default is None or default == [] else f", `{default}` when left out"
    optional = "" if required or tail else ", may be left out"
    return f"- `{name}` ({type_of(description, schema)}{optional or tail})" + (f": {told}" if told else "")


def type_of(description: dict[str, Any], schema: dict[str, Any]) -> str:
    """A schema's type for people."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        inner = resolved(description, schema)
        if "properties" in inner:
            return "object with " + ", ".join(f"`{key}`" for key in inner["properties"])
        return type_of(description, inner) if inner else name
    if "anyOf" in schema:
        names = [type_of(description, each) for each in schema["anyOf"]]
        return " or ".join(names)
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {type_of(description, schema['items'])}"
    words = {"integer": "number", "boolean": "true or false", "string": "text"}
    kind: str = schema.get("type", "any")
    return words.get(kind, kind)


def resolved(description: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that a reference stands for."""
    while "$ref" in schema:
        schema = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema
