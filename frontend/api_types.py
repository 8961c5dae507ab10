"""Writes shared/types.gen.ts from the server's OpenAPI description.

    curl -s http://127.0.0.1:8642/openapi.json | python frontend/api_types.py

Only the schemas that the front end uses are written, with all that they refer to; a test compares the file
with the server's description.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent / "shared" / "types.gen.ts"

USED = (
    "AssistantBody",
    "AssistantChanges",
    "ConversationBody",
    "ConversationStarted",
    "ErrorBody",
    "JobStarted",
    "NewFeedback",
    "NewMessage",
    "NewSource",
    "PageBody",
    "PublicAssistantBody",
    "SourceChanges",
    "SourceList",
    "SourceStarted",
    "StatusBody",
)

Schema = dict[str, Any]


def typescript(openapi: Schema) -> str:
    """The TypeScript interfaces of the schemas in `USED`, sorted by name."""
    schemas: dict[str, Schema] = openapi["components"]["schemas"]
    wanted: set[str] = set()
    waiting = list(USED)
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting.extend(_references(schemas[name]))
    interfaces = [_interface(name, schemas[name]) for name in sorted(wanted)]
    return (
        "/* Written by api_types.py from the server's OpenAPI description; do not edit. */\n\n"
        + "\n".join(interfaces)
    )


def _references(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [name for each in schema for name in _references(each)]
    if not isinstance(schema, dict):
        return []
    found = [schema["$ref"].rpartition("/")[2]] if "$ref" in schema else []
    return found + [name for each in schema.values() for name in _references(each)]


def _interface(name: str, schema: Schema) -> str:
    required = set(schema.get("required", ()))
    lines = []
    for field, kind in schema.get("properties", {}).items():
        there = field in required or kind.get("default") is not None
        lines.append(f"  {field}{'' if there else '?'}: {_type(kind)};\n")
    return f"export interface {name} {{\n{''.join(lines)}}}\n"


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    match schema.get("type"):
        case "array":
            items = _type(schema["items"])
            return f"({items})[]" if " | " in items else f"{items}[]"
        case "integer" | "number":
            return "number"
        case "string" | "boolean" | "null":
            return str(schema["type"])
        case "object":
            return "Record<string, unknown>"
    return "unknown"


def main() -> int:
    """Reads OpenAPI JSON from the file named, or from standard input, and writes the types."""
    text = Path(sys.argv[1]).read_text(encoding="utf-8") if len(sys.argv) > 1 else sys.stdin.read()
    TARGET.write_text(typescript(json.loads(text)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
