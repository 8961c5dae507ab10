"""GGUF files: what their header says, and whether they are sound.

The reader takes nothing on trust: every count and length is held against the file's size before it is
believed, so a hostile file costs no memory and little time, and ends in ModelRejected. It reads the header
only (through a window of one MiB, not a memory map: a map of a file that shrinks kills the process). It does
not know whether the weights make sense; llama.cpp has the last word on loading them.
"""

from __future__ import annotations

import contextlib
import math
import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from freehold.errors import ModelRejected
from freehold.models.formats.cursor import AGAIN, Cursor
from freehold.models.formats.gguf_types import (
    ARRAY,
    CONTROL,
    FILE_TYPES,
    MAGIC,
    SCALARS,
    STRING,
    TENSOR_TYPES,
)

VERSIONS = (2, 3)
MAX_KEYS = 65_536
MAX_TENSORS = 100_000
MAX_KEY_BYTES = 65_535
MAX_NAME_BYTES = 63
KEPT_STRING_BYTES = 4_096
KEPT_ARRAY_ITEMS = 4_096
MAX_KEPT, MAX_CONTROL_TOKENS = 2_000_000, 16_384
"""Characters and numbers kept of all keys together; tokens that are commands."""
MAX_LAYERS = 4_096
MAX_SIZE = 2**24
"""Largest believable width or head count."""

NOT_GENERATING = frozenset(
    ("bert modern-bert nomic-bert nomic-bert-moe jina-bert-v2 jina-bert-v3 neo-bert eurobert gemma-embedding"
     " t5encoder clip wavtokenizer-dec").split()
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GgufFacts:
    """What a GGUF file's header says of the model in it."""

    version: int
    file_size: int
    name: str
    architecture: str
    parameters: int
    quantisation: str
    """The file's label, such as Q4_K_M; without one, the type that most bytes have."""
    context_length: int
    """Tokens it was made for."""
    layers: int
    embedding_length: int
    heads: int
    kv_width: int
    """Numbers a token leaves in the cache, keys and values of all layers together."""
    vocabulary: int
    has_chat_template: bool
    """Without one, conversations are put to it as ChatML, llama.cpp's own default."""
    tensors: int
    tensor_bytes: int
    expected_size: int
    """Bytes up to the last tensor's end; a shorter file is truncated."""
    control_tokens: tuple[str, ...]
    """Texts that its tokenizer takes for commands, such as the end of a turn."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, for a database or an interface; without the control tokens."""
        values = asdict(self) | {"chat_format": "own" if self.has_chat_template else "chatml"}
        del values["control_tokens"]
        return values


def read_header(path: Path) -> GgufFacts:
    """Reads the header of the GGUF file at `path`; does not look at how much of the data is there.

    Raises:
        ModelRejected: it is not the header of a model that generates text; the message says why.
    """
    with header(path) as found:
        return found.facts(path.stem)


@contextlib.contextmanager
def header(path: Path) -> Iterator[Header]:
    """The header of an open GGUF file of any kind, its keys and tensors read.

    Raises:
        ModelRejected: it is no sound header; the message says why.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise ModelRejected(f"{path.name} is not a file.", hint="Name a .gguf file.")
            yield Header(Cursor(file.fileno(), found.st_size, path.name))
    except OSError as error:
        raise ModelRejected(
            f"{path.name} cannot be read: {error.strerror or error}.",
            hint="Look at its path and permissions.",
        ) from None


def check_sound(path: Path) -> GgufFacts:
    """What the header says, of a file that also holds all the data its header speaks of.

    Raises:
        ModelRejected: as `read_header`, or because the file is shorter than its header says.
    """
    facts = read_header(path)
    check_size(path, facts.file_size, facts.expected_size)
    return facts


def check_size(path: Path, size: int, expected: int) -> None:
    """
    Raises:
        ModelRejected: the file is shorter than its header says.
    """
    if expected > size:
        raise ModelRejected(f"{path.name} is truncated: it has {size:,} bytes of {expected:,}.", hint=AGAIN)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a FIFO without a writer would block


class Header:
    """One pass over a GGUF header: every key, and the name, type and shape of every tensor."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.wrong = cursor.wrong
        self.values: dict[str, Any] = {}
        """Numbers, short strings and short arrays of numbers."""
        self.lengths: dict[str, int] = {}
        """Every key: entries of its array, bytes of its string, else 1."""
        self.places: dict[str, int] = {}
        """Where the entries of an array begin."""
        self.shapes: dict[str, tuple[int, ...]] = {}
        """Every tensor, in the file's order; the dimension that is contiguous in memory comes first."""
        self.types: dict[str, str] = {}
        self.offsets: dict[str, int] = {}
        """Where each tensor begins, counted from `data`."""
        self.spans: dict[str, tuple[int, int]] = {}
        """Where the type and value of each key begin and end."""
        self.bytes_by_type: dict[str, int] = {}
        self._kept = 0
        self.parameters = 0
        self.version, tensors, keys = self._counts()
        for _ in range(keys):
            self._pair()
        self.data, self.end = self._tensors(tensors)
        """Where the first tensor begins in the file, and the last one ends."""

    def facts(self, stem: str) -> GgufFacts:
        """What it says of a model that generates text.

        Raises:
            ModelRejected: it is of no such model.
        """
        if "token_embd.weight" not in self.shapes and self.kind == "model":
            raise self.wrong("it has no token embeddings")
        architecture = self._architecture()
        layers = self._size(f"{architecture}.block_count", limit=MAX_LAYERS)
        width = self._size(f"{architecture}.embedding_length")
        heads = self._heads(f"{architecture}.attention.head_count", None, layers)
        kv_heads = self._heads(f"{architecture}.attention.head_count_kv", heads, layers)
        head_width = max(1, width // (max(heads) or 1))
        key_width = self._size(f"{architecture}.attention.key_length", head_width)
        value_width = self._size(f"{architecture}.attention.value_length", head_width)
        label, name = self.values.get("general.file_type", -1), self.values.get("general.name")
        return GgufFacts(
            version=self.version,
            file_size=self.cursor.size,
            name=name if isinstance(name, str) and name.strip() else stem,
            architecture=architecture,
            parameters=self.parameters,
            quantisation=(FILE_TYPES.get(label) if isinstance(label, int) else None) or self.usual_type(),
            context_length=self._size(f"{architecture}.context_length", limit=2**31 - 1),
            layers=layers,
            embedding_length=width,
            heads=max(heads),
            kv_width=sum(kv_heads) * (key_width + value_width),
            vocabulary=self.lengths["tokenizer.ggml.tokens"],
            has_chat_template=self.lengths.get("tokenizer.chat_template", 0) > 0,
            tensors=len(self.shapes),
            tensor_bytes=sum(self.bytes_by_type.values()),
            expected_size=self.end,
            control_tokens=self._control_tokens(),
        )

    @property
    def kind(self) -> str:
        """What the file holds: `model`, `adapter`, …"""
        return str(self.values.get("general.type", "model"))[:40]

    def usual_type(self) -> str:
        """The type that most bytes have."""
        return max(self.bytes_by_type, key=lambda of: self.bytes_by_type[of])

    def _counts(self) -> tuple[int, int, int]:
        cursor = self.cursor
        if cursor.size < 24 or cursor.take(4) != MAGIC:
            raise ModelRejected(
                f"{cursor.name} is not a GGUF file.",
                hint="Weights are served as GGUF; convert others, or take a .gguf file of the same model.",
            )
        version = cursor.number("<I")
        if version and not version & 0xFFFF:
            raise self.wrong("it is big-endian", "Take the little-endian file of this model.")
        if version not in VERSIONS:
            raise self.wrong(
                f"version {version} is unknown (versions 2 and 3 are)", "Convert the model again."
            )
        tensors, keys = cursor.number("<Q"), cursor.number("<Q")
        if not 0 < tensors <= min(MAX_TENSORS, cursor.size // 32):
            raise self.wrong(f"it claims {tensors:,} tensors in {cursor.size:,} bytes")
        if not 0 < keys <= min(MAX_KEYS, cursor.size // 13):
            raise self.wrong(f"it claims {keys:,} keys in {cursor.size:,} bytes")
        return version, tensors, keys

    def _pair(self) -> None:
        cursor = self.cursor
        key = cursor.text(MAX_KEY_BYTES, "a key")
        if key in self.lengths:
            raise self.wrong(f"the key {key[:80]!r} stands in it twice")
        start = cursor.at
        kind = cursor.number("<I")
        if kind in SCALARS:
            self.values[key] = cursor.number(SCALARS[kind])
            self.lengths[key] = 1
        elif kind == STRING:
            self.lengths[key] = length = cursor.number("<Q")
            if length > KEPT_STRING_BYTES:
                cursor.skip(length)
            else:
                self.values[key] = cursor.take(length).decode(errors="replace")
        elif kind == ARRAY:
            self._array(key)
        else:
            raise self.wrong(f"the key {key[:80]!r} has the unknown type {kind}")
        self.spans[key] = start, cursor.at
        self._kept += len(kept) if isinstance(kept := self.values.get(key), str | list) else 0
        if self._kept > MAX_KEPT:
            raise self.wrong("its keys hold more than any model's")

    def _array(self, key: str) -> None:
        cursor = self.cursor
        of, count = cursor.number("<I"), cursor.number("<Q")
        self.lengths[key], self.places[key] = count, cursor.at
        if of == STRING:
            cursor.skip_strings(count, f"the key {key[:80]!r}")
        elif of not in SCALARS:
            raise self.wrong(f"the key {key[:80]!r} is an array of the type {of}")
        elif count > cursor.size // struct.calcsize(SCALARS[of]):
            raise self.wrong(f"the key {key[:80]!r} claims {count:,} entries")
        elif count > KEPT_ARRAY_ITEMS:
            cursor.skip(count * struct.calcsize(SCALARS[of]))
        else:
            form = f"<{count}{SCALARS[of][1]}"
            self.values[key] = list(struct.unpack(form, cursor.take(struct.calcsize(form))))

    def _tensors(self, count: int) -> tuple[int, int]:
        """Where the first of them begins in the file, and the last one ends."""
        alignment = self.values.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 0 < alignment <= 2**16 or alignment & (alignment - 1):
            raise self.wrong(f"its alignment is {alignment}")
        cursor = self.cursor
        expected = end = 0
        for _ in range(count):
            name = cursor.text(MAX_NAME_BYTES, "a tensor's name")
            if name in self.shapes:
                raise self.wrong(f"the tensor {name} stands in it twice")
            label, weights, size = self._tensor_size(name)
            offset = cursor.number("<Q")
            if offset % alignment:
                raise self.wrong(f"the tensor {name} is misaligned: it starts at {offset:,}")
            if offset != expected:
                fault = "overlaps the one before" if offset < expected else "leaves a gap before it"
                raise self.wrong(f"the tensor {name} {fault}: it starts at {offset:,}, not {expected:,}")
            self.offsets[name], end = offset, offset + size
            expected = -(-end // alignment) * alignment
            self.bytes_by_type[label] = self.bytes_by_type.get(label, 0) + size
            self.parameters += weights
        data = -(-cursor.at // alignment) * alignment
        return data, data + end

    def _tensor_size(self, name: str) -> tuple[str, int, int]:
        """Its type, weights and bytes; the file may yet be too short for them."""
        cursor = self.cursor
        count = cursor.number("<I")
        if not 1 <= count <= 4:
            raise self.wrong(f"the tensor {name} has {count} dimensions")
        shape = [cursor.number("<Q") for _ in range(count)]
        kind = cursor.number("<I")
        if kind not in TENSOR_TYPES:
            raise self.wrong(f"the tensor {name} has the unknown type {kind}")
        label, block, block_bytes = TENSOR_TYPES[kind]
        weights = math.prod(shape)
        if not 0 < weights < 2**48 or shape[0] % block:
            raise self.wrong(f"the tensor {name} has the impossible shape {shape} for {label}")
        self.shapes[name], self.types[name] = tuple(shape), label
        return label, weights, weights // block * block_bytes

    def _architecture(self) -> str:
        """Which family it is of, when that family generates text and its tokenizer is here."""
        architecture = self.values.get("general.architecture")
        if self.kind != "model":
            raise self.wrong(f"it holds a {self.kind}, not a model", "Name the model's own file.")
        if not isinstance(architecture, str) or not architecture:
            raise self.wrong("general.architecture is missing")
        if architecture in NOT_GENERATING:
            raise self.wrong(f"a {architecture} model does not generate text", "Take a chat model.")
        parts = self.values.get("split.count", 1)
        if parts != 1:
            raise self.wrong(
                f"it is one of {parts} parts", "Join them with llama.cpp's llama-gguf-split --merge first."
            )
        if not self.values.get("tokenizer.ggml.model") or not self.lengths.get("tokenizer.ggml.tokens"):
            raise self.wrong("its tokenizer is missing", "Convert the model again, tokenizer included.")
        return architecture

    def _control_tokens(self) -> tuple[str, ...]:
        """Walks the vocabulary once more, as far as its last control token."""
        cursor = self.cursor
        tokens, types = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"
        if tokens not in self.places or self.lengths.get(types) != self.lengths[tokens]:
            return ()
        cursor.at = self.places[types]
        wanted = [index for index, kind in enumerate(cursor.integers(self.lengths[types])) if kind == CONTROL]
        if len(wanted) > MAX_CONTROL_TOKENS:
            raise self.wrong(f"{len(wanted):,} of its tokens are commands")
        cursor.at = self.places[tokens]
        found = []
        for index, before in zip(wanted, [-1, *wanted], strict=False):
            cursor.skip_strings(index - before - 1, tokens)
            length = cursor.number("<Q")
            if length <= KEPT_STRING_BYTES:
                found.append(cursor.take(length).decode(errors="replace"))
            else:
                cursor.skip(length)
        return tuple(found)

    def _size(self, key: str, default: int | None = None, limit: int = MAX_SIZE) -> int:
        value = self.values.get(key, default)
        if value is None:
            raise self.wrong(f"{key[:80]} is missing", "Convert the model again.")
        if not isinstance(value, int) or not 0 < value <= limit:
            raise self.wrong(f"{key[:80]} is {str(value)[:40]}")
        return value

    def _heads(self, key: str, default: list[int] | None, layers: int) -> list[int]:
        """Heads of each layer: one number or a list; zero without attention."""
        value = self.values.get(key, default)
        if value is None:
            raise self.wrong(f"{key[:80]} is missing", "Convert the model again.")
        counts = value if isinstance(value, list) else [value] * layers
        if len(counts) != layers or not all(isinstance(n, int) and 0 <= n <= MAX_SIZE for n in counts):
            raise self.wrong(f"{key[:80]} makes no sense for {layers} layers")
        return counts
