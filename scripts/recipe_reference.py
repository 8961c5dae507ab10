"""The keys of a training recipe, read from the dataclasses that check them."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from freehold.training import recipe

TABLES: dict[str, type] = {
    "": recipe.Recipe,
    "model": recipe.ModelTable,
    "model.lora": recipe.Lora,
    "data": recipe.Data,
    "run": recipe.Run,
    "optimiser": recipe.Optimiser,
    "schedule": recipe.Schedule,
    "distillation": recipe.Distillation,
    "preference": recipe.Preference,
    "teacher": recipe.Teacher,
}


def entries() -> Iterator[str]:
    """A section for each table."""
    for name, kind in TABLES.items():
        said = said_of(kind)
        hints = typing.get_type_hints(kind, include_extras=True)
        lead = (inspect.getdoc(kind) or "").partition(": ")[2] or "The run itself."
        rows = [
            f"- `{field.name}` ({type_name(hints[field.name])}{default_of(field)}): {said[field.name]}"
            for field in dataclasses.fields(typing.cast(Any, kind))
            if f"{name}.{field.name}".lstrip(".") not in TABLES
        ]
        yield (
            f"## {f'`[{name}]`' if name else 'Before any table'}\n\n{lead[0].upper()}{lead[1:]}\n\n"
            + "\n".join(rows)
        )


def said_of(kind: type) -> dict[str, str]:
    """The docstring beneath each field."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            assert isinstance(field.target, ast.Name)
            found[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return found


def type_name(hint: Any) -> str:
    """A type, with its bounds, for people."""
    names = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return f"{type_name(arguments[0])} {arguments[1]}"
    if origin is Literal:
        return " or ".join(f"`{each}`" for each in arguments)
    if origin is types.UnionType:
        return next(type_name(each) for each in arguments if each is not type(None))
    if origin is tuple:
        return f"one or a list of: {type_name(arguments[0])}"
    return names.get(hint, "a table of keys")


def default_of(field: Any) -> str:
    """What holds when the key is left out."""
    if field.default is dataclasses.MISSING:
        return "" if field.default_factory is not dataclasses.MISSING else "; has to be given"
    if field.default is None or field.default == ():
        return ""
    shown = ", ".join(field.default) if isinstance(field.default, tuple) else field.default
    return f"; by default `{str(shown).lower() if isinstance(shown, bool) else shown}`"
