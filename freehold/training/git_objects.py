"""Objects of a copied git repository, by their hashes and held against them.

Of the copy only `objects/` is looked at. Its settings and hooks can name programs to run, its list of
replacements can put one commit in another's place, and a copy that was made without all files can have git
ask the network for them: git is given a folder of our own instead, which has none of that.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from freehold.errors import InvalidInput, NotFound, Unavailable

LARGEST_TREE = 64 * 2**20
"""Bytes of one folder's list of names; a hundred thousand files take four million."""
MOST_FILES = 5_000_000
"""In one commit: a folder that holds itself ten times, ten times over, takes a few bytes and has no end."""
DEEPEST = 200
FOLDER, FILE = "40000", "100"


class GitObjects:
    """Reads while its context is open."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the one that holds `objects`."""
        self._folder = folder
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> GitObjects:
        home = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="freehold-mirror-")))
        (home / "refs").mkdir()
        (home / "objects").mkdir()
        (home / "HEAD").write_text("ref: refs/heads/none\n")
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_OBJECT_DIRECTORY": str((self._folder / "objects").absolute()),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ALLOW_PROTOCOL": "none",
        }
        command = ["git", f"--git-dir={home}", "cat-file"]
        try:
            self._sizes, self._contents = (
                self._stack.enter_context(_talk([*command, how], environment))
                for how in ("--batch-check", "--batch")
            )
        except FileNotFoundError:
            self._stack.close()
            raise Unavailable("Reading a repository needs git, which is not installed.") from None
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def files(self, commit: str) -> Iterator[tuple[str, str]]:
        """Path and hash of every plain file of a commit, in git's order; links and modules are left out.

        Raises:
            NotFound: there is no such commit here, or a folder of it is missing.
            InvalidInput: something here is not what its hash says.
        """
        found = self.read(commit, "commit", LARGEST_TREE)
        if found is None or not found.startswith(b"tree "):
            raise NotFound(
                f"The mirror {self._folder} has no commit {commit}.",
                hint="Bring the mirror up to date, or name a commit that it has.",
            )
        waiting = [("", found[5:45].decode(errors="replace"))]
        count = 0
        while waiting:
            path, hash = waiting.pop()
            if not path.endswith("/") and path:
                yield path, hash
                continue
            tree = self.read(hash, "tree", LARGEST_TREE)
            if tree is None:
                raise NotFound(f"The mirror {self._folder} lacks the folder {path or '/'}.")
            inner = list(_entries(tree, path))
            count += len(inner)
            if count > MOST_FILES or path.count("/") > DEEPEST:
                raise InvalidInput(f"The commit {commit} in {self._folder} has files without end.")
            waiting += reversed(inner)

    def read(self, hash: str, kind: str, most: int) -> bytes | None:
        """The content of an object; None where it is missing, of another kind, or larger than `most`.

        Raises:
            InvalidInput: it is not what its hash says.
        """
        found = self.size(hash, kind)
        if found is None or found > most:
            return None
        _ask(self._contents, hash)
        head = _out(self._contents).readline().split()
        if len(head) != 3:
            return None
        content = _out(self._contents).read(int(head[2]))
        _out(self._contents).read(1)
        headed = b"%s %d\0" % (kind.encode(), len(content)) + content
        if hashlib.sha1(headed).hexdigest() != hash:  # noqa: S324 - git names its objects so
            raise InvalidInput(
                f"The mirror {self._folder} is damaged or forged: its object {hash} is another.",
                hint="Clone the repository again.",
            )
        return content

    def size(self, hash: str, kind: str) -> int | None:
        """Bytes of an object of this kind; None where there is none."""
        _ask(self._sizes, hash)
        head = _out(self._sizes).readline().split()
        return int(head[2]) if len(head) == 3 and head[1] == kind.encode() else None


@contextlib.contextmanager
def _talk(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _ask(process: subprocess.Popen[bytes], hash: str) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it ended: its answers are at their end too
        process.stdin.write(hash.encode() + b"\n")
        process.stdin.flush()


def _out(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout is not None
    return process.stdout


def _entries(tree: bytes, path: str) -> Iterator[tuple[str, str]]:
    """Plain files and folders of a tree; the paths of folders end with a slash."""
    at = 0
    while at < len(tree):
        space, end = tree.find(b" ", at), tree.find(b"\0", at)
        if not at < space < end:
            return  # git itself stops at what it cannot read
        mode, name = tree[at:space].decode(errors="replace"), tree[space + 1 : end].decode(errors="replace")
        hash = tree[end + 1 : end + 21].hex()
        if mode == FOLDER:
            yield f"{path}{name}/", hash
        elif mode.startswith(FILE) and len(mode) == 6:
            yield f"{path}{name}", hash
        at = end + 21
