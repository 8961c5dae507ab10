"""Files of a repository at one commit, from a copy on this machine: a clone, an archive, or a folder.

Nothing of the repository is run and no network is asked. An archive is a `.tar.gz` as forges give them, with
the commit in its head (git writes it there); a plain folder says nothing of its commit, and is taken at its
word.
"""

from __future__ import annotations

import re
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from freehold.errors import InvalidInput, NotFound, Unavailable

LARGEST = 20_000_000
"""Bytes of a file; larger ones are data, not text."""


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
            self._run("cat-file", "-e", f"{commit}^{{commit}}")
        elif self._archive:
            _check_archive(place, commit)
        elif not place.is_dir():
            raise NotFound(f"There is no mirror {place}.")

    def files(self, patterns: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Paths and contents of the files that any of the patterns fits, ordered by path in a repository."""
        wanted = re.compile("|".join(map(as_regex, patterns)))
        if self._git is not None:
            yield from self._of_git(wanted)
        elif self._archive:
            yield from self._of_archive(wanted)
        else:
            for path in sorted(each for each in self._place.rglob("*") if each.is_file()):
                name = path.relative_to(self._place).as_posix()
                if wanted.fullmatch(name) and not path.is_symlink() and path.stat().st_size <= LARGEST:
                    yield name, path.read_bytes()

    def text(self, path: str) -> str | None:
        """One file, or None where the commit does not have it."""
        found = next(self.files([re.sub(r"([*?\[])", r"[\1]", path)]), None)
        return None if found is None else found[1].decode(errors="replace")

    def _of_git(self, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
        listed = self._run("ls-tree", "-r", "-z", "-l", self._commit).split(b"\0")
        chosen: list[tuple[str, bytes]] = []
        for entry in filter(None, listed):
            facts, _, raw = entry.partition(b"\t")
            mode, _, blob, size = facts.split()
            name = raw.decode(errors="replace")
            if mode.startswith(b"100") and size.isdigit() and int(size) <= LARGEST and wanted.fullmatch(name):
                chosen.append((name, blob))
        with subprocess.Popen(
            self._command("cat-file", "--batch"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdin is not None and process.stdout is not None
            for name, blob in chosen:
                process.stdin.write(blob + b"\n")
                process.stdin.flush()
                head = process.stdout.readline().split()
                if len(head) != 3:  # a partial copy may lack a file
                    raise NotFound(f"The mirror {self._place} lacks the content of {name}.")
                content = process.stdout.read(int(head[2]))
                process.stdout.read(1)
                yield name, content
            process.stdin.close()

    def _of_archive(self, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
        with tarfile.open(self._place, "r|*") as archive:
            for member in archive:
                name = member.name.partition("/")[2]
                if member.isreg() and member.size <= LARGEST and wanted.fullmatch(name):
                    content = archive.extractfile(member)
                    assert content is not None, "a regular file"
                    yield name, content.read()

    def _command(self, *arguments: str) -> list[str]:
        return ["git", "--no-pager", "-c", "safe.directory=*", f"--git-dir={self._git}", *arguments]

    def _run(self, *arguments: str) -> bytes:
        try:
            return subprocess.run(self._command(*arguments), check=True, capture_output=True).stdout
        except FileNotFoundError:
            raise Unavailable("Reading a repository needs git, which is not installed.") from None
        except subprocess.CalledProcessError:
            raise NotFound(
                f"The mirror {self._place} has no commit {self._commit}.",
                hint="Bring the mirror up to date, or name a commit that it has.",
            ) from None


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
    try:
        with tarfile.open(place, "r:*") as archive:
            found = archive.pax_headers.get("comment", "")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InvalidInput(f"{place} is not an archive: {error}.") from None
    if found != commit:
        raise InvalidInput(f"{place} is an archive of {found or 'no commit that it names'}, not of {commit}.")
