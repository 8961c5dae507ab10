"""A table of TOML read into a frozen dataclass: every key known, every value of its type and within bounds.

A dataclass says all there is to say: types, defaults, and bounds as `Annotated[int, Bounds(low=1)]`.
Understood are int, float, bool, str, Path, Literal, tuples of one type (a single value stands for a tuple of
one), dict, optional values, and dataclasses inside dataclasses.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from freehold.errors import InvalidInput

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a number has to lie between."""

    low: float | None = None
    high: float | None = None
    above: float | None = None
    """Like `low`, but not reached itself."""

    def hold(self, value: float) -> bool:
        return (
            (isinstance(value, int) or math.isfinite(value))
            and (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
        )

    def __str__(self) -> str:
        said = (("at least", self.low), ("more than", self.above), ("at most", self.high))
        return " and ".join(f"{word} {limit:g}" for word, limit in said if limit is not None)


def read(kind: type[T], table: Mapping[str, Any], *, folder: Path, where: str) -> T:
    """`table` as a `kind`; relative paths are taken from `folder`, and `where` names the table in errors.

    Raises:
        InvalidInput: a key that is not known (the nearest is named), one that is missing, or a value that
            does not fit.
    """
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = {field.name: field for field in dataclasses.fields(typing.cast(Any, kind))}
    for key in table:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1, cutoff=0.5)
            raise InvalidInput(
                f"{where} has a key {key!r}, which is not known.",
                hint=f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(fields)}.",
            )
    values = {}
    for name, field in fields.items():
        if name in table:
            values[name] = _value(hints[name], table[name], folder, f"{where}: {name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise InvalidInput(f"{where} lacks the key {name!r}.")
    return kind(**values)


def _value(hint: Any, value: Any, folder: Path, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        found = _value(arguments[0], value, folder, where)
        for each in found if isinstance(found, tuple) else (found,):
            if each is not None and not arguments[1].hold(each):
                raise InvalidInput(f"{where} has to be {arguments[1]}; it is {each}.")
        return found
    if origin in (types.UnionType, typing.Union):
        return _value(next(each for each in arguments if each is not type(None)), value, folder, where)
    if origin is Literal:
        if value not in arguments or isinstance(value, bool) != isinstance(arguments[0], bool):
            near = difflib.get_close_matches(str(value), [str(each) for each in arguments], n=1)
            raise InvalidInput(
                f"{where} cannot be {value!r}.",
                hint=f"Did you mean {near[0]!r}?" if near else f"It is one of: {', '.join(arguments)}.",
            )
        return value
    if origin is tuple:
        several = value if isinstance(value, list) else [value]
        return tuple(_value(arguments[0], each, folder, where) for each in several)
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise InvalidInput(f"{where} is a table of keys, not {value!r}.")
        return read(typing.cast(type[Any], hint), value, folder=folder, where=where)
    return _plain(origin or hint, value, folder, where)


def _plain(kind: type, value: Any, folder: Path, where: str) -> Any:
    names = {int: "a whole number", float: "a number", bool: "true or false", dict: "a table of keys"}
    if kind is Path and isinstance(value, str) and value:
        try:
            return folder / Path(value).expanduser()
        except RuntimeError:
            raise InvalidInput(f"{where} is {value!r}, and nobody here is called so.") from None
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return math.inf if abs(value) > sys.float_info.max else float(value)
    if kind is not Path and isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise InvalidInput(f"{where} has to be {names.get(kind, 'text')}; it is {value!r}.")
