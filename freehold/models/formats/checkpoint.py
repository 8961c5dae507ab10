"""A Hugging Face folder of a Llama: its config and its tensors, read slice by slice when asked for.

Weights are safetensors, in one file or in shards that an index names. Pickles are never opened. Knows nothing
of the tokenizer: `vocabulary.py` reads that.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from freehold.errors import InvalidInput, ModelRejected
from freehold.models.formats import llama_config
from freehold.models.formats.floats import Floats, Kind
from freehold.models.formats.json_file import read_json
from freehold.models.formats.llama_config import LlamaConfig
from freehold.models.formats.llama_tensors import LlamaTensor, tensors
from freehold.models.formats.safetensors_file import SafetensorsFile

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pth", "*.pt", "*.pkl", "*.ckpt")
MAX_INDEX_BYTES = 16 * 2**20
_SHARD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.safetensors")
_UNUSED = re.compile(r"(model\.layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq|model\.rotary_emb\.inv_freq")
"""Written by old versions of transformers; follows from the config."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An open checkpoint whose tensors are all there, in the shapes that its config asks for."""

    config: LlamaConfig
    tensors: tuple[LlamaTensor, ...]
    files: Mapping[str, SafetensorsFile]
    """By the tensor's name."""

    def kind(self, tensor: LlamaTensor) -> Kind:
        """The float type that it is stored in."""
        return self.files[tensor.hugging_face].kind(tensor.hugging_face)

    def rows(self, tensor: LlamaTensor, first: int, last: int) -> Floats:
        """Rows `first` up to `last`, as stored."""
        return self.files[tensor.hugging_face].rows(tensor.hugging_face, first, last)


@contextlib.contextmanager
def open_checkpoint(folder: Path) -> Iterator[Checkpoint]:
    """Opens a folder for reading.

    Raises:
        InvalidInput: there is no such folder.
        ModelRejected: it holds no Llama that can be converted; the message says what is wrong with it.
    """
    if not folder.is_dir():
        raise InvalidInput(f"There is no folder {folder}.", hint="Name the folder that holds config.json.")
    config = llama_config.read(read_json(folder / "config.json"))
    wanted = tuple(tensors(config))
    with contextlib.ExitStack() as stack:
        files: dict[str, SafetensorsFile] = {}
        for path in _paths(folder):
            file = stack.enter_context(SafetensorsFile(path))
            for name in file.tensors:
                if name in files:
                    raise ModelRejected(f"The tensor {name[:100]} is in two files.", hint=_AGAIN)
                files[name] = file
        _check(wanted, files, config)
        yield Checkpoint(config, wanted, files)


def _paths(folder: Path) -> list[Path]:
    """The files that hold the weights."""
    if (folder / INDEX).exists():
        return _shards(folder)
    if (folder / SINGLE).exists():
        return [folder / SINGLE]
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    if pickles:
        raise ModelRejected(
            f"Its weights are pickled ({pickles[0]}), and a pickle can run any code when it is opened.",
            hint="Take the version of this model in safetensors.",
        )
    raise ModelRejected(f"{folder.name} holds no {SINGLE}.", hint="Name a folder with safetensors weights.")


def _shards(folder: Path) -> list[Path]:
    """The files that the index names. Names are plain, so that none outside the folder is read."""
    found = read_json(folder / INDEX, MAX_INDEX_BYTES).get("weight_map")
    if not isinstance(found, dict) or not found:
        raise ModelRejected(f"{INDEX} has no weight_map.", hint=_AGAIN)
    for name in found.values():
        if not isinstance(name, str) or not _SHARD.fullmatch(name):
            raise ModelRejected(f"{INDEX} names a file {str(name)[:80]!r}.", hint=_AGAIN)
        if not (folder / name).exists():
            raise ModelRejected(f"{name} is missing, which {INDEX} names.", hint=_AGAIN)
    return [folder / name for name in sorted(set(found.values()))]


def _check(
    wanted: tuple[LlamaTensor, ...], files: Mapping[str, SafetensorsFile], config: LlamaConfig
) -> None:
    for tensor in wanted:
        name = tensor.hugging_face
        if name not in files:
            raise ModelRejected(f"The tensor {name} is missing.", hint=_AGAIN)
        shape = files[name].tensors[name].shape
        if shape != tensor.shape:
            raise ModelRejected(
                f"The tensor {name} has the shape {list(shape)}, its config asks for {list(tensor.shape)}.",
                hint="Compare config.json with the publisher's.",
            )
        files[name].kind(name)
    known = {tensor.hugging_face for tensor in wanted}
    if config.tied:
        known.add("lm_head.weight")  # a copy of the embeddings, which transformers passes over too
    extra = sorted(name for name in files if name not in known and not _UNUSED.fullmatch(name))
    if extra:
        raise ModelRejected(
            f"The tensor {extra[0][:100]} is not a Llama's, and {len(extra) - 1} more.",
            hint="Merge adapters into the model first; bring other architectures as GGUF.",
        )


_AGAIN = "Copy or download the whole folder of the model again."
