"""Reads SentencePiece's own `tokenizer.model`, for folders that have no tokenizer.json.

It is a protocol buffer (sentencepiece_model.proto): pieces in field 1 (text 1, score 2, type 3), how it was
trained in field 2, how text is normalised in field 3. Only those are read, by a few lines here rather than by
a library and its schema.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from freehold.errors import ModelRejected
from freehold.models.formats.pieces import BYTE, NORMAL, Pieces

MAX_BYTES = 64 * 2**20
BPE = 2
VARINT, EIGHT, TEXT, FOUR = 0, 1, 2, 5

Field = tuple[int, int | bytes]


def read_sentencepiece(path: Path) -> Pieces:
    """
    Raises:
        ModelRejected: it is no SentencePiece model, or one of another kind than BPE.
    """
    data = _read(path)
    texts: dict[int, str] = {}
    types: dict[int, int] = {}
    scores: dict[int, float] = {}
    kind, prefix = 1, True  # the format's defaults
    for number, value in _fields(data):
        if number == 1 and isinstance(value, bytes):
            id = len(texts)
            texts[id], scores[id], type_ = _piece(value)
            if type_ != NORMAL:
                types[id] = type_
        elif number == 2 and isinstance(value, bytes):
            kind = _number(value, 3, kind)
        elif number == 3 and isinstance(value, bytes):
            prefix = bool(_number(value, 3, prefix))
    if not texts:
        raise _wrong("it holds no pieces")
    if kind != BPE:
        raise _wrong(f"it is of SentencePiece's kind {kind}, a Llama's is BPE")
    return Pieces("llama", "default", texts, types, scores, (), "always" if prefix else "never", None)


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise _wrong("it is no file")
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise _wrong(f"it has more than {MAX_BYTES:,} bytes")
    return data


def _piece(data: bytes) -> tuple[str, float, int]:
    text, score, type_ = "", 0.0, NORMAL
    for number, value in _fields(data):
        if number == 1 and isinstance(value, bytes):
            try:
                text = value.decode()
            except UnicodeDecodeError:
                raise _wrong("a piece is not UTF-8") from None
        elif number == 2 and isinstance(value, bytes) and len(value) == 4:
            (score,) = struct.unpack("<f", value)
        elif number == 3 and isinstance(value, int):
            type_ = value
    if not text or not NORMAL <= type_ <= BYTE:
        raise _wrong(f"a piece has the text {text[:40]!r} and the type {type_}")
    return text, score, type_


def _number(data: bytes, wanted: int, default: int) -> int:
    for number, value in _fields(data):
        if number == wanted and isinstance(value, int):
            return value
    return default


def _fields(data: bytes) -> Iterator[Field]:
    """Number and value of each field of a message."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == VARINT:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        size = {EIGHT: 8, FOUR: 4}.get(wire, 0)
        if wire == TEXT:
            size, at = _varint(data, at)
        elif not size:
            raise _wrong(f"a field has the wire type {wire}")
        if size > len(data) - at:
            raise _wrong("it is truncated")
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise _wrong("it is truncated")
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise _wrong("a number has no end")


def _wrong(what: str) -> ModelRejected:
    return ModelRejected(
        f"tokenizer.model is not a SentencePiece model of a Llama: {what}.",
        hint="Bring the folder with its tokenizer.json.",
    )
