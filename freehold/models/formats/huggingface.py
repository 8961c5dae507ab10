"""A Llama in GGUF back to the folder that Hugging Face's libraries read, bit for bit.

Only files that store floats: what a quantised file has rounded off does not come back, and a folder made from
it would pass for the original.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from freehold.disk import sync
from freehold.errors import Conflict, InvalidInput, ModelRejected
from freehold.models.formats.checkpoint import INDEX, SINGLE
from freehold.models.formats.floats import Floats, Kind, convert, from_float32, to_float32
from freehold.models.formats.gguf_file import GgufFile, open_gguf
from freehold.models.formats.gguf_llama import read_config
from freehold.models.formats.llama_config import LlamaConfig, written
from freehold.models.formats.llama_tensors import ROPE_DIVISORS, LlamaTensor, tensors, to_halves
from freehold.models.formats.new_file import Progress, new_file
from freehold.models.formats.safetensors_writer import Tensor, write
from freehold.models.formats.tokenizer_writer import end_ids, special_ids, tokenizer_files

SHARD_BYTES = 4 * 10**9
SLICE_VALUES = 2**20
DTYPES: dict[Kind, str] = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def from_gguf(source: Path, folder: Path, *, progress: Progress | None = None) -> None:
    """Writes the Llama in `source` into a new `folder`, which appears once all of it is on the disk.

    Raises:
        Conflict: there is such a folder.
        InvalidInput: it cannot be made.
        ModelRejected: it is no Llama, is quantised, or could not be loaded elsewhere with the same meaning.
        NoRoom: the disk is full. In every case nothing is left of the attempt.
    """
    if folder.exists():
        raise Conflict(f"There is a {folder} already.", hint="Name a folder that is not there yet.")
    with open_gguf(source) as file:
        config = read_config(file)
        wanted = list(tensors(config))
        _check(file, wanted)
        kind = file.kind("token_embd.weight")
        texts = tokenizer_files(file) | {
            "config.json": _json(_config(file, config, kind)),
            "generation_config.json": _json(_generation(file)),
        }
        part = folder.with_name(f".{uuid.uuid4().hex}.part")
        _make(part)
        try:
            for name, text in texts.items():
                _write_text(part / name, text)
            _write_weights(file, wanted, kind, part, progress)
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        sync(folder.parent)


def _make(folder: Path) -> None:
    try:
        folder.mkdir()
    except OSError as error:
        raise InvalidInput(
            f"No folder can be made in {folder.parent}: {error.strerror or error}.",
            hint="Look at its path and permissions.",
        ) from None


def _check(file: GgufFile, wanted: list[LlamaTensor]) -> None:
    for tensor in wanted:
        shape = file.shapes.get(tensor.gguf)
        if shape != tensor.shape:
            fault = "is missing" if shape is None else f"is {list(shape)}, not {list(tensor.shape)}"
            raise ModelRejected(f"The tensor {tensor.gguf} {fault}.", hint="Convert the model again.")
        file.kind(tensor.gguf)
    known = {tensor.gguf for tensor in wanted} | {ROPE_DIVISORS}
    if extra := [name for name in file.types if name not in known]:
        raise ModelRejected(
            f"The tensor {extra[0]} is not a plain Llama's.", hint="Serve this file as it is."
        )


def _write_weights(
    file: GgufFile, wanted: list[LlamaTensor], kind: Kind, folder: Path, progress: Progress | None
) -> None:
    planned = [_tensor(file, tensor, kind) for tensor in wanted]
    shards: list[list[Tensor]] = [[]]
    for tensor in planned:
        if shards[-1] and sum(one.size for one in shards[-1]) + tensor.size > SHARD_BYTES:
            shards.append([])
        shards[-1].append(tensor)
    total, done = sum(tensor.size for tensor in planned), 0

    def wrote(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done, total)

    count = len(shards)
    names = [f"model-{number:05}-of-{count:05}.safetensors" for number in range(1, count + 1)]
    for name, shard in zip(names if count > 1 else [SINGLE], shards, strict=True):
        write(folder / name, shard, wrote)
    if count > 1:
        places = {one.name: name for name, shard in zip(names, shards, strict=True) for one in shard}
        _write_text(folder / INDEX, _json({"metadata": {"total_size": total}, "weight_map": places}))


def _tensor(file: GgufFile, tensor: LlamaTensor, kind: Kind) -> Tensor:
    stored = file.kind(tensor.gguf)
    if len(tensor.shape) == 1 and stored != kind:
        # A GGUF keeps norms in float32; they go back to the type of the rest where nothing is lost by it.
        values = to_float32(file.rows(tensor.gguf, 0, tensor.shape[0]), stored)
        if np.array_equal(to_float32(from_float32(values, kind), kind), values):
            stored = kind
    return Tensor(tensor.hugging_face, stored, tensor.shape, partial(_pieces, file, tensor, stored))


def _pieces(file: GgufFile, tensor: LlamaTensor, kind: Kind) -> Iterator[Floats]:
    rows, *columns = tensor.shape
    unit = rows // tensor.heads if tensor.heads else 1
    step = max(1, SLICE_VALUES // (unit * (columns or [1])[0])) * unit
    for first in range(0, rows, step):
        last = min(rows, first + step)
        values = file.rows(tensor.gguf, first, last)
        if tensor.heads:
            values = to_halves(values, (last - first) // unit)
        yield convert(values, file.kind(tensor.gguf), kind, tensor.gguf)


def _config(file: GgufFile, config: LlamaConfig, kind: Kind) -> dict[str, Any]:
    special = special_ids(file)
    return written(config) | {
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": special["bos_token"],
        "eos_token_id": special["eos_token"],
        "pad_token_id": special.get("pad_token"),
        "torch_dtype": DTYPES[kind],
    }


def _generation(file: GgufFile) -> dict[str, Any]:
    special = special_ids(file)
    return {
        "bos_token_id": special["bos_token"],
        "eos_token_id": end_ids(file),
        "pad_token_id": special.get("pad_token"),
    }


def _write_text(path: Path, text: str) -> None:
    data = text.encode()
    with new_file(path, len(data)) as out:
        out.write(data)


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=2)
