"""A run carried to a machine that reaches nothing: code, recipe, model, tokenizer, data in one archive.

There it needs only `needs.LIBRARIES` and what they bring.
What comes back (`results`) is an archive too: the finished model, or the checkpoint to go on from.
"""

from __future__ import annotations

import ast
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import freehold
from freehold.errors import InvalidInput, NotFound
from freehold.training.needs import requirements
from freehold.training.parcel import pack
from freehold.training.places import ADAPTER, CHECKPOINT, METRICS, MODEL, REFERENCE, RUN
from freehold.training.recipe import Recipe, load

ENTRY = ("freehold", "freehold.training", "freehold.training.__main__")
README = """\
A training run of Freehold, to be carried out without a network, in this folder.

    python -m freehold.training run recipe.toml --folder out --minutes 9

ends after so many minutes with a checkpoint (exit status 3) and goes on from it when it is given again, also
after a crash, until its last line says "done" (exit status 0). Without --minutes it runs to its end.

    python -m freehold.training pack --folder out --to back.tar --part-mb 45   what goes back
    python -m freehold.training unpack back.tar.000 --folder out               or goes on on another machine

Needed are Python 3.11 or newer and

    pip install {packages}

Other versions will do; the same losses to the last digit take the same versions.
"""


def bundle(path: Path, target: Path, *, part_bytes: int | None = None) -> list[Path]:
    """Packs the run of a recipe's file; gives the archive's parts.

    Raises:
        NotFound, InvalidInput: what the recipe names cannot be used.
        NoRoom: the disk is full.
    """
    recipe = load(path)
    files: dict[str, Path | bytes] = dict(code())
    moved: dict[Path, str] = {}
    for name, source in _named(recipe):
        if source not in moved:
            moved[source] = name
            files |= dict(_files(name, source))
    table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    files["recipe.toml"] = _toml(_moved(table, recipe, moved)).encode()
    files["README.txt"] = README.format(packages=requirements()).encode()
    return pack(files, target, part_bytes=part_bytes)


def results(folder: Path, target: Path, *, part_bytes: int | None = None) -> list[Path]:
    """Packs what a run's folder holds that is worth carrying: its result, or else its checkpoint.

    Raises:
        NotFound: there is neither.
    """
    names = [name for name in (MODEL, ADAPTER) if (folder / name).is_dir()]
    if not names and (folder / CHECKPOINT).is_dir():
        names = [CHECKPOINT]
    if not names:
        raise NotFound(f"There is neither a model nor a checkpoint in {folder}.")
    files: dict[str, Path | bytes] = {}
    for name in (*names, RUN, METRICS, REFERENCE):
        if (folder / name).exists():
            files |= dict(_files(name, folder / name))
    return pack(files, target, part_bytes=part_bytes)


def code() -> Iterator[tuple[str, Path]]:
    """Our modules that a run imports, however late, by their paths within the archive."""
    root = Path(freehold.__file__).parent
    waiting, seen = list(ENTRY), set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        path = _source(root, module)
        if path is None:
            continue  # a name inside a module
        yield path.relative_to(root.parent).as_posix(), path
        parent = module.rpartition(".")[0]
        waiting += [*_imports(path), *([parent] if parent else [])]


def _source(root: Path, module: str) -> Path | None:
    stem = root.parent.joinpath(*module.split("."))
    return next((path for path in (stem / "__init__.py", stem.with_suffix(".py")) if path.is_file()), None)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.split(".")[0] == "freehold")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "freehold":
            yield str(node.module)
            yield from (f"{node.module}.{each.name}" for each in node.names)


def _named(recipe: Recipe) -> Iterator[tuple[str, Path]]:
    """What the recipe names, under the names that it gets in the archive."""
    if recipe.model.start is not None:
        yield "start", recipe.model.start
    if recipe.model.tokenizer is not None:
        yield "tokenizer", recipe.model.tokenizer
    for kind, paths in (("train", recipe.data.train), ("evaluation", recipe.data.evaluation)):
        for number, path in enumerate(paths):
            yield f"data/{kind}-{number}{path.suffix if path.is_file() else ''}", path
    if recipe.distillation is not None:
        yield "data/teacher.cache", recipe.distillation.cache


def _files(name: str, source: Path) -> Iterator[tuple[str, Path]]:
    if source.is_file():
        yield name, source
        return
    for path in sorted(source.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(source).parts):
            yield f"{name}/{path.relative_to(source).as_posix()}", path


def _moved(table: dict[str, Any], recipe: Recipe, moved: dict[Path, str]) -> dict[str, Any]:
    """The recipe's table with the archive's paths in place of its own."""
    model, data = recipe.model, recipe.data
    for key, path in (("start", model.start), ("tokenizer", model.tokenizer)):
        if path is not None:
            table["model"][key] = moved[path]
    for key, paths in (("train", data.train), ("evaluation", data.evaluation)):
        if paths:
            table["data"][key] = [moved[path] for path in paths]
    if recipe.distillation is not None:
        table["distillation"]["cache"] = moved[recipe.distillation.cache]
    return table


def _toml(table: dict[str, Any], above: str = "") -> str:
    """A table as TOML; JSON's texts, numbers and lists are TOML's too."""
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    lines = [f"{json.dumps(key)} = {_written(value)}" for key, value in plain.items()]
    for key, value in table.items():
        if isinstance(value, dict):
            name = f"{above}{json.dumps(key)}"
            lines += ["", f"[{name}]", _toml(value, f"{name}.")]
    return "\n".join(lines) + "\n"


def _written(value: Any) -> str:
    """
    Raises:
        InvalidInput: a date, or a table within a list, which no key of a recipe is.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        raise InvalidInput(f"The recipe has a value that is not carried: {str(value)[:80]}.") from None
    return text.replace("\x7f", "\\u007f")  # the one character that JSON lets stand and TOML does not
