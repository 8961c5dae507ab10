"""Writes docs/reference/ from the code that it describes.

`python scripts/docs.py` writes the pages, `--check` only says which of them have drifted (exit status 1).
"""

from __future__ import annotations

import sys
import textwrap
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from freehold.errors import FreeholdError

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"


def settings() -> str:
    """Every setting of `Config`."""
    from freehold.config import Config

    entries = []
    for name, field in Config.model_fields.items():
        entries.append(
            f"## `{name}`\n\n{field.description}\n\n"
            f"- Environment: `FREEHOLD_{name.upper()}`\n"
            f"- Type: {type_name(field.annotation)}{bounds(field.metadata)}\n"
            f"- Default: {default_of(name, field)}\n"
        )
    return page(
        "Settings",
        """
        A setting is taken from the first of these places that has it: a flag of the command (`--home`,
        `--host`, `--port`, `--no-demo`), the environment (`FREEHOLD_…`), the file `freehold.toml` in the data
        folder, the default. Settings are read once, when a command or the server starts: restart the server
        after changing one. A misspelt setting in `freehold.toml` is refused, not ignored.

        In `freehold.toml` a setting has its plain name, as in `port = 9000` or
        `allowed_egress = ["docs.example.com"]`. In the environment a list is written as JSON, as in
        `FREEHOLD_ALLOWED_EGRESS='["docs.example.com"]'`.
        """,
        *entries,
    )


def type_name(annotation: Any) -> str:
    """A type for people."""
    names = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}
    if annotation in names:
        return names[annotation]
    arguments = typing.get_args(annotation)
    if isinstance(annotation, types.UnionType):
        return (
            " or nothing".join(type_name(part) for part in arguments if part is not type(None))
            + " or nothing"
        )
    if typing.get_origin(annotation) is tuple:
        return f"list of {type_name(arguments[0])}"
    return str(annotation)


def bounds(constraints: list[Any]) -> str:
    """The limits a value has."""
    words = {"ge": "at least", "le": "at most", "min_length": "characters at least", "pattern": "one of"}
    found = []
    for constraint in constraints:
        for attribute, word in words.items():
            value = getattr(constraint, attribute, None)
            if value is None:
                continue
            if attribute == "pattern":
                found.append(f"{word} {', '.join(value.strip('^$()').split('|'))}")
            else:
                found.append(f"{word} {value}" if attribute != "min_length" else f"{value} {word}")
    return f", {', '.join(found)}" if found else ""


def default_of(name: str, field: Any) -> str:
    """The default for people; those that depend on the machine are described."""
    machine = {
        "home": "`freehold` in the user's data directory (`~/.local/share/freehold` on Linux)",
        "engine_threads": "the number of processors",
    }
    if field.default_factory is not None:
        return machine[name]
    if field.default is None:
        return "nothing"
    if field.default == ():
        return "empty"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def commands() -> str:
    """Every command of the terminal."""
    import typer

    from freehold.cli import make

    root: Any = typer.main.get_command(make())
    return page(
        "Commands",
        """
        Data goes to stdout, progress and errors to stderr. `--json` prints JSON for programs; without it and
        without a terminal, tables are tab-separated lines. An error is one line that says what was wrong and
        one that says what to do; `FREEHOLD_LOG_LEVEL=debug` adds where it happened. `NO_COLOR` is honoured.

        Exit status: 0 done; 1 failed; 2 wrong usage; 3 `freehold ask` found that the documents don't say;
        4 `freehold evaluate` fell short of a bar; 130 stopped by Ctrl-C.

        Commands talk to the server that runs on the data folder. When none runs, a command serves the folder
        to itself until it is done, on a port of its own that nobody else can use.
        """,
        "## `freehold`\n\nOptions before the command's name:\n\n" + options(root),
        *(command(entry, f"freehold {name}") for name, entry in root.commands.items()),
    )


def command(entry: Any, name: str) -> str:
    """One command, or a group and what is in it."""
    if hasattr(entry, "commands"):
        inner = "\n".join(command(each, f"{name} {below}") for below, each in entry.commands.items())
        own = f"## `{name}`\n\n{entry.help}\n" if entry.invoke_without_command else ""
        return "\n".join(part for part in (own and f"{own}\n{options(entry)}", inner) if part)
    words = [parameter_name(each) for each in entry.params if each.param_type_name == "argument"]
    usage = " ".join([name, *words])
    text = textwrap.dedent(entry.help or "").strip()
    return f"## `{name}`\n\n{text}\n\n```sh\n{usage}\n```\n\n{options(entry)}"


def parameter_name(parameter: Any) -> str:
    """An argument as usage shows it."""
    shown = parameter.metavar or parameter.name.upper()
    return shown if parameter.required or shown.startswith("[") else f"[{shown}]"


def options(entry: Any) -> str:
    """The arguments and options of a command as a list."""
    lines = []
    for parameter in entry.params:
        if getattr(parameter, "hidden", False):
            continue
        if parameter.param_type_name == "argument":
            name = f"`{parameter.metavar or parameter.name.upper()}`"
        else:
            spelt = ", ".join((*parameter.opts, *parameter.secondary_opts))
            value = "" if parameter.is_flag else f" {parameter.metavar or 'TEXT'}"
            name = f"`{spelt}{value}`"
        default = parameter.default
        given = default is not None and not callable(default) and not parameter.is_flag
        tail = (
            f" Default: `{getattr(default, 'value', default)}`." if given and not parameter.required else ""
        )
        lines.append(f"- {name}: {parameter.help}{tail}")
    return "\n".join(lines) + "\n" if lines else ""


def errors() -> str:
    """Every error code."""
    entries = []
    for kind in tree(FreeholdError):
        summary = (kind.__doc__ or "").strip()
        if kind is FreeholdError:
            summary = "A fault in Freehold itself; the server's log says where."
        entries.append(f"## `{kind.code}`\n\n{summary} HTTP status {kind.status}.\n")
    return page(
        "Errors",
        """
        An error has one shape in every HTTP interface, `code` being stable:

        ```json
        {"error": {"code": "not_found", "message": "What was wrong.", "hint": "What to do, or null."}}
        ```

        In a stream an error is the event `error` with the same data, and the stream ends. `Retry-After` is
        sent where the server knows when trying again makes sense. The terminal prints message and hint.
        """,
        *entries,
    )


def tree(kind: type[FreeholdError]) -> Iterator[type[FreeholdError]]:
    """`kind` and everything below it, as the tree is drawn."""
    yield kind
    for below in kind.__subclasses__():
        yield from tree(below)


def interface() -> str:
    """Every endpoint."""
    import api_reference

    return page(
        "The API",
        """
        Every endpoint, as `GET /openapi.json` describes it to programs. Send a key as
        `Authorization: Bearer KEY`. Errors have one shape: [Errors](errors.md). Times are seconds since 1970.
        """,
        *api_reference.entries(api_reference.describe()),
    )


def recipes() -> str:
    """Every key of a training recipe."""
    import recipe_reference

    return page(
        "Training recipes",
        """
        A recipe is a TOML file that `freehold train run` reads; [Train models](../guides/train.md) shows
        one. A key that is not known is refused, and the nearest one named. Paths are relative to the
        recipe's folder.
        """,
        *recipe_reference.entries(),
    )


def page(title: str, introduction: str, *entries: str) -> str:
    """A page of Markdown."""
    parts = [f"# {title}", textwrap.dedent(introduction).strip(), *(entry.strip() for entry in entries)]
    return "\n\n".join(parts) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings,
    "cli.md": commands,
    "errors.md": errors,
    "api.md": interface,
    "recipes.md": recipes,
}


def main() -> int:
    check = "--check" in sys.argv[1:]
    drifted = []
    for name, write in PAGES.items():
        path, wanted = REFERENCE / name, write()
        if path.exists() and path.read_text() == wanted:
            continue
        drifted.append(name)
        if not check:
            path.write_text(wanted)
    for name in drifted:
        print(f"docs/reference/{name} {'has drifted: run `make docs`' if check else 'written'}")
    return 1 if check and drifted else 0


if __name__ == "__main__":
    sys.exit(main())
