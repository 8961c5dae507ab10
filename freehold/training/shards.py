"""Token shards: a corpus as files of token numbers, documents one after another, with a manifest.

    manifest.json             {"format": 1, "dtype", "vocabulary", "tokenizer", "tokens", "files", …}
    00000.tokens.npy          uint16 or uint32 (tokens)
    00000.starts.npy          int64 (documents): where each begins in the file

Whole documents stand in one file. The manifest is written last, so a folder without one is unfinished.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from freehold.errors import InvalidInput, NotFound

MANIFEST = "manifest.json"
SHARD_TOKENS = 2**25


class ShardWriter:
    """Writes a folder of shards, document by document; `close` makes it whole."""

    def __init__(
        self, folder: Path, *, vocabulary: int, tokenizer: str, shard_tokens: int = SHARD_TOKENS
    ) -> None:
        """`tokenizer` is its hash (`tokens.tokenizer_hash`); token numbers lie below `vocabulary`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
        self._folder = folder
        self._vocabulary = vocabulary
        self._tokenizer = tokenizer
        self._shard_tokens = shard_tokens
        self._dtype = np.dtype(np.uint16 if vocabulary <= 2**16 else np.uint32)
        self._documents: list[npt.NDArray[Any]] = []
        self._held = 0
        self._files: list[dict[str, Any]] = []

    def add(self, tokens: Sequence[int]) -> None:
        """One document, its begin and end tokens included.

        Raises:
            InvalidInput: a token number outside the vocabulary.
        """
        array = np.asarray(tokens, dtype=np.int64)
        if array.size == 0:
            return
        if array.min() < 0 or array.max() >= self._vocabulary:
            raise InvalidInput(f"A token number lies outside the vocabulary of {self._vocabulary}.")
        if self._held and self._held + array.size > self._shard_tokens:
            self._flush()
        self._documents.append(array.astype(self._dtype))
        self._held += array.size

    def close(self, facts: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Writes what is left and the manifest, `facts` (sources, licences) in it; gives the manifest."""
        self._flush()
        manifest = {
            "format": 1,
            "dtype": self._dtype.name,
            "vocabulary": self._vocabulary,
            "tokenizer": self._tokenizer,
            "tokens": sum(each["tokens"] for each in self._files),
            "documents": sum(each["documents"] for each in self._files),
            "files": self._files,
            **(facts or {}),
        }
        fresh = self._folder / f".{MANIFEST}.new"
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(manifest, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._folder / MANIFEST)
        return manifest

    def _flush(self) -> None:
        if not self._documents:
            return
        name = f"{len(self._files):05d}"
        lengths = [document.size for document in self._documents]
        tokens = np.concatenate(self._documents)
        starts = np.cumsum([0, *lengths[:-1]], dtype=np.int64)
        for ending, array in (("tokens", tokens), ("starts", starts)):
            with (self._folder / f"{name}.{ending}.npy").open("wb") as file:
                np.save(file, array, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
        self._files.append(
            {
                "name": name,
                "tokens": int(tokens.size),
                "documents": len(lengths),
                "sha256": hashlib.sha256(tokens.tobytes()).hexdigest(),
            }
        )
        self._documents, self._held = [], 0


@dataclass(frozen=True, slots=True)
class Shards:
    """A folder of shards, read through memory maps."""

    folder: Path
    manifest: Mapping[str, Any]
    tokens: tuple[npt.NDArray[Any], ...]
    starts: tuple[npt.NDArray[np.int64], ...]

    @classmethod
    def open(cls, folder: Path) -> Shards:
        """The shards of a folder; lengths are checked, hashes are not (`check` does).

        Raises:
            NotFound: there is no manifest.
            InvalidInput: files and manifest disagree.
        """
        path = folder / MANIFEST
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            if manifest["format"] != 1:
                raise InvalidInput(f"{path} was written by a newer Freehold.", hint="Update this one.")
            names = [(each["name"], each["tokens"], each["documents"]) for each in manifest["files"]]
            hashes = (manifest["tokenizer"], *(each["sha256"] for each in manifest["files"]))
            if not all(isinstance(each, str) for each in hashes):
                raise ValueError("its manifest has a hash that is none")
            tokens = tuple(_array(folder, f"{name}.tokens.npy", mmap_mode="r") for name, *_ in names)
            starts = tuple(_array(folder, f"{name}.starts.npy") for name, *_ in names)
        except FileNotFoundError as error:
            raise NotFound(
                f"{error.filename} is not there: {folder} holds no finished token shards."
            ) from None
        except (OSError, ValueError, KeyError, TypeError, RecursionError, MemoryError) as error:
            raise InvalidInput(f"The token shards in {folder} cannot be read: {error}.") from None
        for (name, count, documents), these, begins in zip(names, tokens, starts, strict=True):
            if these.shape != (count,) or begins.shape != (documents,):
                raise InvalidInput(f"Shard {name} in {folder} is not as long as its manifest says.")
        return cls(folder, manifest, tokens, starts)

    def check(self) -> None:
        """Reads every token.

        Raises:
            InvalidInput: a file's hash is not the manifest's.
        """
        for entry, tokens in zip(self.manifest["files"], self.tokens, strict=True):
            if hashlib.sha256(tokens.tobytes()).hexdigest() != entry["sha256"]:
                raise InvalidInput(f"Shard {entry['name']} in {self.folder} was changed.")


def _array(folder: Path, name: str, *, mmap_mode: Literal["r"] | None = None) -> npt.NDArray[Any]:
    """
    Raises:
        OSError, ValueError, MemoryError: the folder has no such file, or it holds no array.
    """
    if Path(name).name != name:
        raise ValueError(f"it names a file {name[:80]!r}")
    found = np.load(folder / name, mmap_mode=mmap_mode, allow_pickle=False)
    if not isinstance(found, np.ndarray):
        raise ValueError(f"{name} holds no array")
    return found
