"""Files of a repository at one commit, from a copy on this machine: a clone, an archive, or a folder.

Nothing of the repository is run and no network is asked. A clone's files are held against the commit's hash.
An archive is a `.tar.gz` as forges give them, with the commit in its head (git writes it there), and is
believed; a plain folder says nothing of its commit, and is taken at its word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from freehold.errors import InvalidInput, NotFound
from freehold.training.archive import forwards
from freehold.training.git_objects import GitObjects

LARGEST = 20_000_000
"""Bytes of a file; larger ones are data, not text."""
MOST = 4_000_000_000
"""Bytes of all files that are wanted: what a corpus holds in memory, and no small archive may unpack to."""


class Mirror:
    """One commit of one repository."""

    def __init__(self, place: Path, commit: str) -> None:
        """
        Raises:
            NotFound: there is nothing at `place`, or the repository lacks the commit.
            InvalidInput: the archive is of another commit, or none.
            Unavailable: it is a repository and git is not installed.
        """
        self._place, self._commit = place, commit
        self._git = _git_folder(place)
        self._archive = place.is_file()
        self.certain = self._archive or self._git is not None
        """Whether these are the commit's files for sure; a plain folder cannot say."""
        if self._git is not None:
            with GitObjects(self._git) as objects:
                next(objects.files(commit), None)
        elif self._archive:
            _check_archive(place, commit)
        elif not place.is_dir():
            raise NotFound(f"There is no mirror {place}.")

    def files(self, patterns: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Paths and contents of the files that any of the patterns fits, ordered by path in a repository."""
        wanted = re.compile("|".join(map(as_regex, patterns)))
        kind = self._of_git if self._git is not None else self._of_archive if self._archive else self._plain
        total = 0
        for name, content in kind(wanted):
            total += len(content)
            if total > MOST:
                raise InvalidInput(
                    f"The mirror {self._place} has more than {MOST:,} bytes of such files.",
                    hint="Narrow the source's `files`.",
                )
            yield name, content

    def text(self, path: str) -> str | None:
        """One file, or None where the commit does not have it."""
        found = next(self.files([re.sub(r"([*?\[])", r"[\1]", path)]), None)
        return None if found is None else found[1].decode(errors="replace")

    def _of_git(self, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
        assert self._git is not None
        with GitObjects(self._git) as objects:
            for name, hash in objects.files(self._commit):
                if not wanted.fullmatch(name):
                    continue
                size = objects.size(hash, "blob")
                if size is None:  # a partial copy may lack a file
                    raise NotFound(f"The mirror {self._place} lacks the content of {name}.")
                if (content := objects.read(hash, "blob", LARGEST)) is not None:
                    yield name, content

    def _of_archive(self, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
        with self._place.open("rb") as file, forwards(file, str(self._place), packed=True) as archive:
            for member in archive:
                name = member.name.partition("/")[2]
                plain = member.isreg() and not member.issparse()
                if plain and member.size <= LARGEST and wanted.fullmatch(name):
                    content = archive.extractfile(member)
                    assert content is not None, "a regular file"
                    yield name, content.read()

    def _plain(self, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
        for path in sorted(each for each in self._place.rglob("*") if each.is_file()):
            name = path.relative_to(self._place).as_posix()
            if wanted.fullmatch(name) and not path.is_symlink() and path.stat().st_size <= LARGEST:
                yield name, path.read_bytes()


def as_regex(pattern: str) -> str:
    """A path's pattern as a regular expression."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[*?\[]\])", pattern)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(
        re.escape(part[1]) if re.fullmatch(r"\[[*?\[]\]", part) else meaning.get(part) or re.escape(part)
        for part in parts
    )


def _git_folder(place: Path) -> Path | None:
    for folder in (place, place / ".git"):
        if (folder / "HEAD").is_file() and (folder / "objects").is_dir():
            return folder
    return None


def _check_archive(place: Path, commit: str) -> None:
    with place.open("rb") as file, forwards(file, str(place), packed=True) as archive:
        found = archive.pax_headers.get("comment", "")
    if found != commit:
        raise InvalidInput(
            f"{place} is an archive of {found[:80] or 'no commit that it names'}, not of {commit}."
        )
