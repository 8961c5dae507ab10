"""A teacher's k most likely tokens at every scored position of a dataset, in one file.

    4,096 bytes     JSON, padded with spaces: format, k, temperature, dtypes, vocabulary, tokenizer, dataset,
                    positions, teacher, licence
    then records    k token numbers (little-endian), k log-probabilities (float16), most likely first

Records follow the dataset's own order, so a file that was cut off goes on where its last record ends.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from freehold.errors import InvalidInput, NotFound
from freehold.training.data import Dataset
from freehold.training.rows import Rows
from freehold.training.sequence import Sequence

HEADER_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Header:
    """What a cache holds and whom it is from."""

    k: int
    temperature: float
    vocabulary: int
    """Of the teacher's tokenizer."""
    tokenizer: str
    """Hash of the tokenizer."""
    dataset: str
    """`fingerprint` of what was read."""
    positions: int
    """Records of a whole file."""
    teacher: str
    licence: str
    format: int = 1

    @property
    def record(self) -> np.dtype[Any]:
        """One record, as it stands in the file."""
        number = "<u2" if self.vocabulary <= 2**16 else "<u4"
        return np.dtype([("tokens", number, (self.k,)), ("logs", "<f2", (self.k,))])

    def as_bytes(self) -> bytes:
        written = json.dumps(asdict(self)).encode()
        if len(written) >= HEADER_BYTES:
            raise InvalidInput("The teacher's name is too long for the file's header.")
        return written.ljust(HEADER_BYTES - 1) + b"\n"


_ANY = Header(1, 1.0, 1, "", "", 0, "", "")
"""By which the types of a header's values are told."""


def fingerprint(dataset: Dataset) -> str:
    """Equal for datasets that score the same tokens in the same order."""
    if isinstance(dataset.sequences, Rows):
        return hashlib.sha256(f"{dataset.digest} {dataset.sequences.context}".encode()).hexdigest()
    whole = hashlib.sha256()
    for sequence in dataset.sequences:
        for array in (sequence.tokens, sequence.at):
            whole.update(len(array).to_bytes(8, "little"))
            whole.update(array.tobytes())
    return whole.hexdigest()


class CacheWriter:
    """Writes a cache, or goes on with one that was cut off."""

    def __init__(self, path: Path, header: Header) -> None:
        """
        Raises:
            InvalidInput: the file is there and holds something else; it is left as it is.
            OSError: it cannot be written.
        """
        self._header = header
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or _begun(path, header):
            path.write_bytes(header.as_bytes())
        elif header_of(path) != header:
            raise InvalidInput(
                f"{path} is another teacher's file, or of other examples.",
                hint="Name another file, or delete this one.",
            )
        self.done = (path.stat().st_size - HEADER_BYTES) // header.record.itemsize
        """Whole records that are there."""
        self._file = path.open("r+b")
        self.forget_after(self.done)

    def forget_after(self, records: int) -> None:
        """Keeps only so many records."""
        self.done = records
        self._file.truncate(HEADER_BYTES + records * self._header.record.itemsize)
        self._file.seek(0, os.SEEK_END)

    def add(self, tokens: npt.NDArray[Any], logs: npt.NDArray[Any]) -> None:
        """Records of the next positions: tokens and log-probabilities (n, k)."""
        records = np.empty(len(tokens), dtype=self._header.record)
        records["tokens"] = tokens
        records["logs"] = logs
        self._file.write(records.tobytes())
        self._file.flush()
        self.done += len(records)

    def close(self) -> None:
        """Ends the writing; what was written lasts."""
        os.fsync(self._file.fileno())
        self._file.close()


@dataclass(frozen=True, slots=True)
class Cache:
    """A whole cache, read through a memory map."""

    header: Header
    records: npt.NDArray[Any]
    firsts: npt.NDArray[np.int64]
    """Number of each sequence's first record, and of all records."""

    @classmethod
    def open(cls, path: Path, dataset: Dataset, *, tokenizer: str) -> Cache:
        """The cache of this dataset.

        Raises:
            NotFound: there is no such file.
            InvalidInput: it is of another vocabulary, of other examples, or unfinished.
        """
        header = header_of(path)
        if header.tokenizer != tokenizer:
            raise InvalidInput(
                f"The teacher of {path} has another vocabulary than the student.",
                hint="Distil by its answers instead: objective `supervised`, with [teacher].",
            )
        if header.dataset != fingerprint(dataset):
            raise InvalidInput(
                f"{path} was made from other examples than [data] names.",
                hint="Make it again from the same files, with the same context.",
            )
        size = path.stat().st_size - HEADER_BYTES
        if size != header.positions * header.record.itemsize:
            raise InvalidInput(
                f"{path} is unfinished: {size // header.record.itemsize:,} of {header.positions:,} records.",
                hint="Run the teacher again; it goes on where it stopped.",
            )
        counts = [sequence.at.size for sequence in each_of(dataset)]
        records = np.memmap(path, dtype=header.record, mode="r", offset=HEADER_BYTES)
        return cls(header, records, np.cumsum([0, *counts]))

    def of(self, number: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Tokens and log-probabilities (n, k) of one sequence's scored positions."""
        part = self.records[self.firsts[number] : self.firsts[number + 1]]
        return part["tokens"].astype(np.int64), part["logs"].astype(np.float32)


def each_of(dataset: Dataset) -> Iterator[Sequence]:
    """The dataset's sequences in their order."""
    return (dataset.sequences[number] for number in range(len(dataset)))


def header_of(path: Path) -> Header:
    """A cache's header.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is no cache, or was written by a newer Freehold.
    """
    try:
        with path.open("rb") as file:
            values = json.loads(file.read(HEADER_BYTES))
        if values.get("format") != 1:
            raise InvalidInput(f"{path} was written by a newer Freehold.", hint="Update this one.")
        found = Header(**values)
        for name, value in values.items():
            if type(value) is not type(getattr(_ANY, name)) or (
                name in ("k", "temperature", "vocabulary") and not value > 0
            ):
                raise ValueError(f"its {name} is {str(value)[:40]}")
        return found
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.") from None
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput(f"{path} is no file of a teacher's probabilities: {error}.") from None


def _begun(path: Path, header: Header) -> bool:
    """Whether a file is the beginning of this header, of which a crash left no more."""
    whole = header.as_bytes()
    with path.open("rb") as file:
        start = file.read(HEADER_BYTES)
    return len(start) < HEADER_BYTES and whole.startswith(start)
