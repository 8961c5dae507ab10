"""What a corpus is made of, written down in TOML: public repositories at fixed commits, with their
licences."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from freehold.errors import InvalidInput, NotFound
from freehold.training.keys import Bounds, read

Form = Literal["markdown", "rst", "book"]


@dataclass(frozen=True, slots=True)
class Source:
    """`[[source]]`: files of one repository at one commit."""

    name: str
    """Short, and a file's name: the mirror is looked for under it."""
    url: str
    """Where the repository is to be had."""
    commit: str
    """All 40 digits of it."""
    licence: str
    """As SPDX writes it (`CC-BY-4.0`), or `public-domain`."""
    attribution: str
    """Who is to be named."""
    files: tuple[str, ...]
    """Which files: `docs/**/*.md`; `**` stands for any folders, `*` for any name."""
    form: Form
    """`markdown`, `rst`, or `book`: plain text in lines of fixed width, with a publisher's head and foot."""
    licence_file: str | None = None
    """The file that states the licence; `licence_says` has to stand in it, or nothing is built."""
    licence_says: str | None = None
    requires: str | None = None
    """A regular expression that has to match in a file's raw text; others are left out."""
    without: str | None = None
    """A regular expression that must not match in a file's raw text."""
    most: Annotated[int, Bounds(low=1)] | None = None
    """At most so many files, drawn by the hashes of their paths."""


@dataclass(frozen=True, slots=True)
class CorpusRecipe:
    """A corpus."""

    name: str
    source: tuple[Source, ...]
    validation: Annotated[float, Bounds(low=0, high=0.5)] = 0.01
    """Share of documents that are kept apart to measure on."""
    shortest: Annotated[int, Bounds(low=1)] = 200
    """Characters that a document has at least once it is clean."""
    prose: Annotated[float, Bounds(low=0, high=1)] = 0.65
    """Share of a document's characters that are letters at least; tables and dumps have fewer."""
    alike: Annotated[float, Bounds(above=0, high=1)] = 0.8
    """Share of five-word runs (Jaccard) from which two documents count as one."""
    overlap: Annotated[int, Bounds(low=5, high=50)] = 13
    """Words in a row shared with an evaluation set for which a document is dropped."""


def load(path: Path) -> CorpusRecipe:
    """The corpus in a file.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is not TOML, has a key that is not known, or a value that cannot be.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise NotFound(f"There is no corpus {path}.") from None
    except (OSError, ValueError, RecursionError) as error:  # as `recipe.load`
        raise InvalidInput(f"{path}: {error}.") from None
    recipe = read(CorpusRecipe, table, folder=path.resolve().parent, where=path.name)
    if not recipe.source:
        raise InvalidInput(f"{path.name} names no [[source]].")
    seen: set[str] = set()
    for source in recipe.source:
        _check(source, f"{path.name}: source {source.name!r}")
        if source.name in seen:
            raise InvalidInput(f"{path.name} has two sources called {source.name!r}.")
        seen.add(source.name)
    return recipe


def _check(source: Source, where: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", source.name):
        raise InvalidInput(f"{where}: the name is no file's name.", hint="Use letters, digits, `-` and `_`.")
    if not re.fullmatch(r"[0-9a-f]{40}", source.commit):
        raise InvalidInput(f"{where}: the commit is not 40 hexadecimal digits.")
    if not source.url.startswith("https://"):
        raise InvalidInput(f"{where}: the url does not begin with https://.")
    if not source.files:
        raise InvalidInput(f"{where} names no files.")
    if (source.licence_file is None) != (source.licence_says is None):
        raise InvalidInput(f"{where}: `licence_file` and `licence_says` go together.")
    if source.licence_file is None and source.requires is None:
        raise InvalidInput(
            f"{where}: nothing shows its licence.",
            hint="Name the file that states it (`licence_file`, `licence_says`), or what each file says"
            " of it (`requires`).",
        )
    for pattern in (source.requires, source.without):
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise InvalidInput(f"{where}: {pattern!r} is no regular expression: {error}.") from None
