"""The file that a teacher's answers are written to: examples to train on, one a line, as they come.

Each line names the teacher. A line is written whole by one write, so that after kill -9 at most the last is
torn; that one is dropped when the file is gone on with. Knows nothing of who answers.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from freehold.errors import Conflict, InvalidInput
from freehold.training.examples import lines
from freehold.training.files import room
from freehold.training.prompts import Prompt, prompt_of

SETTLE_SECONDS = 5.0
"""At most so much work is lost when the power fails; a process that is killed loses none."""


class AnswerFile:
    """The answers of one teacher, asked in one way. Made by `answer_file`."""

    def __init__(self, path: Path, file: BinaryIO, teacher: Mapping[str, Any], there: set[str]) -> None:
        self.there = there
        """Digests of the prompts that are answered."""
        self._path = path
        self._file = file
        self._teacher = teacher
        self._settled_at = time.monotonic()

    def write(self, prompt: Prompt, text: str) -> None:
        """Half a character, which some endpoints send and no training data may have, becomes U+FFFD.

        Raises:
            NoRoom: the disk is full; what was written before is kept.
        """
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        with room(self._path):
            left = memoryview(_encoded(prompt.answered(whole, self._teacher)))
            while left:
                left = left[self._file.write(left) :]
        self.there.add(prompt.digest)
        if time.monotonic() - self._settled_at >= SETTLE_SECONDS:
            self.settle()

    def settle(self) -> None:
        """Waits until everything is on the disk."""
        with room(self._path):
            os.fsync(self._file.fileno())
        self._settled_at = time.monotonic()


@contextlib.contextmanager
def answer_file(path: Path, teacher: Mapping[str, Any]) -> Iterator[AnswerFile]:
    """Begins a file, or goes on with one. One process at a time has it.

    Raises:
        InvalidInput: it cannot be written, or is another kind of file; that one is left as it is.
        Conflict: another teacher wrote it, or another process is writing it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b", buffering=0)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"Another process is writing {path}.", hint="Wait for it, or stop it.") from None
        _drop_torn(path, file, teacher)
        there = set()
        for where, value in lines(path):
            if value.get("teacher") != teacher:
                raise Conflict(
                    f"{where} is not by this teacher, asked in this way: it says {_short(value)}, and asked "
                    f"is {_short({'teacher': teacher})}.",
                    hint="Name another file with --out.",
                )
            there.add(prompt_of(value, where).digest)
        held = AnswerFile(path, file, teacher, there)
        try:
            yield held
        finally:
            held.settle()


def _drop_torn(path: Path, file: BinaryIO, teacher: Mapping[str, Any]) -> None:
    """Cuts off a last line without end, if it began as one of this teacher's."""
    size = file.seek(0, os.SEEK_END)
    end = _end_of_last_line(file, size)
    if end == size:
        return
    file.seek(end)
    ours = _encoded({"teacher": dict(teacher)})[:-2]
    head = file.read(len(ours))
    if not ours.startswith(head):
        raise Conflict(
            f"The last line of {path} has no end, and is not by this teacher.",
            hint="Name another file with --out.",
        )
    file.truncate(end)


def _end_of_last_line(file: BinaryIO, size: int) -> int:
    """Bytes up to and with the last line break."""
    at = size
    while at:
        begin = max(0, at - 65_536)
        file.seek(begin)
        found = file.read(at - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        at = begin
    return 0


def _encoded(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False) + "\n").encode()


def _short(value: Mapping[str, Any]) -> str:
    return json.dumps(value.get("teacher"), ensure_ascii=False)[:200]
