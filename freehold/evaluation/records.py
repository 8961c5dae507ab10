"""The records of a run: JSON lines, appended as questions are answered, whole or not there.

A record that a crash cut in half is noticed and taken away, so that its question is asked again. Where a
question has several records (it failed, and was asked again) the last one counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from freehold.errors import Conflict, NoRoom, NotFound

FILE = "records.jsonl"


class Records:
    """The records in one folder. One writer at a time."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._file: BinaryIO | None = None

    def open(self) -> set[str]:
        """Makes ready to append; gives the ids of the questions that need not be asked again.

        Raises:
            NoRoom: the disk is full.
        """
        whole = self._sound_length()
        try:
            self._file = self.path.open("ab", buffering=0)  # else what found no room is tried again later
            self._file.truncate(whole)
        except OSError as error:
            raise NoRoom(f"{self.path} cannot be written: {error.strerror}.") from error
        done: set[str] = set()
        for record in self:
            if record["outcome"] == "failed":
                done.discard(record["id"])
            else:
                done.add(record["id"])
        return done

    def append(self, record: Mapping[str, Any]) -> None:
        """Adds a record; it outlives this process when this returns.

        Raises:
            NoRoom: the disk is full; nothing of the record stays.
        """
        assert self._file is not None, "opened before"
        data = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        at, done = os.fstat(self._file.fileno()).st_size, 0
        try:
            while done < len(data):
                done += self._file.write(data[done:])
        except OSError as error:
            self._file.truncate(at)
            raise NoRoom(f"{self.path} cannot be written: {error.strerror}.") from error

    def close(self) -> None:
        """Ends appending; the records are on disk then."""
        if self._file is not None:
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """All records, oldest first, those included that a later one replaces.

        Raises:
            Conflict: a line in the midst of them is damaged.
        """
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield json.loads(line)
                except ValueError:
                    raise Conflict(
                        f"{self.path}, line {number}: the record is damaged.",
                        hint="Remove that line; its question is asked again.",
                    ) from None

    def latest(self) -> Iterator[dict[str, Any]]:
        """The one record of each question that counts, in the order of their writing."""
        last: dict[str, int] = {}
        for number, record in enumerate(self):
            last[record["id"]] = number
        yield from (record for number, record in enumerate(self) if last[record["id"]] == number)

    def _sound_length(self) -> int:
        """Bytes up to the end of the last whole line."""
        if not self.path.exists():
            return 0
        with self.path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            while end > 0:
                begin = max(0, end - 65_536)
                file.seek(begin)
                if (at := file.read(end - begin).rfind(b"\n")) >= 0:
                    return begin + at + 1
                end = begin
        return 0


def records_in(folder: Path) -> Records:
    """The records of a finished or unfinished run's folder.

    Raises:
        NotFound: there are none.
    """
    records = Records(folder)
    if not records.path.is_file():
        raise NotFound(f"There is no run in {folder}.", hint=f"A run's folder has {FILE} in it.")
    return records
