"""Makes files of models in other formats, in a process of its own: ggml may end the process that it is in.

`python -m freehold.models.workshop gguf SOURCE TARGET [--base GGUF] [--quantise KIND]` makes a GGUF of a
checkpoint's folder, of an adapter's, or of a GGUF in floats; `… hf SOURCE TARGET` a checkpoint's folder of a
GGUF. Each line on stdout is a JSON object: `{"done", "total"}` in bytes, at the end `{"made", "files"}`, or
`{"error": …}` and status 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from freehold.errors import FreeholdError, InvalidInput, Unavailable
from freehold.models.files import hash_of
from freehold.models.formats.adapter import CONFIG as ADAPTER
from freehold.models.formats.adapter import adapter_to_gguf
from freehold.models.formats.checkpoint import open_checkpoint
from freehold.models.formats.convert import Precision, to_gguf
from freehold.models.formats.huggingface import from_gguf
from freehold.models.formats.quantize import FILE_TYPES, Quantisation, quantize
from freehold.models.formats.special_tokens import read_special_tokens

TELL_SECONDS = 0.2
TEMPLATE_SECONDS = 2.0
"""Of processor time."""
TEMPLATE_BYTES = 2**30
PRECISIONS: dict[str, Precision] = {"F32": "f32", "F16": "f16", "BF16": "bf16"}


def main(arguments: list[str] | None = None) -> int:
    """Works, and gives the process's exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("to", choices=("gguf", "hf"))
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--base", type=Path)
    parser.add_argument("--quantise")
    given = parser.parse_args(arguments)
    try:
        if given.source.is_dir() and not (given.source / ADAPTER).exists():
            with bounded():
                read_special_tokens(given.source)
        if given.to == "hf":
            from_gguf(given.source, given.target, progress=Teller())
            say({"made": {"how": "convert", "to": "hf"}, "files": []})
        else:
            say(made(given.source, given.target, given.base, given.quantise))
    except MemoryError:
        say(Unavailable("There is not enough memory to convert this model.").as_json())
        return 1
    except FreeholdError as error:
        say(error.as_json())
        return 1
    return 0


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Time and memory for looking at a chat template, which is remembered then.

    jinja works constants out when it reads a template: a line of it may take hours, or gigabytes, in one step
    of the interpreter, so that only the system can end it. It ends this process.
    """
    before = resource.getrlimit(resource.RLIMIT_DATA)
    most = TEMPLATE_BYTES if before[1] == resource.RLIM_INFINITY else min(TEMPLATE_BYTES, before[1])
    resource.setrlimit(resource.RLIMIT_DATA, (most, before[1]))
    signal.setitimer(signal.ITIMER_PROF, TEMPLATE_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_DATA, before)


def made(source: Path, target: Path, base: Path | None, quantise: str | None) -> dict[str, Any]:
    """A GGUF of what is in `source`: how it was made, and the files with the weights that it was made of.

    A checkpoint keeps the precision that most of its weights have, unless it is quantised.

    Raises:
        FreeholdError: as `to_gguf`, `quantize` and `adapter_to_gguf`.
    """
    if source.is_dir() and (source / ADAPTER).exists():
        if quantise is not None:
            raise InvalidInput(
                "An adapter is not quantised: it is small, and adds to weights of any precision."
            )
        adapter_to_gguf(source, target, base=base, progress=Teller())
        how = {"how": "convert", "to": "f32"}
    elif quantise is None:
        how = {"how": "convert", "to": plain(source, target)}
    elif source.is_dir():
        floats = target.with_name(f"{target.name}.floats.part")
        try:
            how = {"how": "convert, quantise", "from": plain(source, floats), "to": quantise}
            quantize(floats, target, _kind(quantise), progress=Teller())
        finally:
            floats.unlink(missing_ok=True)
    else:
        quantize(source, target, _kind(quantise), progress=Teller())
        how = {"how": "quantise", "to": quantise}
    weights = sorted(source.glob("*.safetensors")) if source.is_dir() else []
    files = [{"name": path.name, "sha256": hash_of(path), "size": path.stat().st_size} for path in weights]
    return {"made": how, "files": files}


def plain(folder: Path, target: Path) -> Precision:
    """Converts a checkpoint in the precision that most of its tensors have, and gives it."""
    with open_checkpoint(folder) as checkpoint:
        kinds = Counter[str](checkpoint.kind(tensor) for tensor in checkpoint.tensors)
    precision = PRECISIONS[kinds.most_common(1)[0][0]]
    to_gguf(folder, target, precision=precision, progress=Teller())
    return precision


def _kind(quantise: str) -> Quantisation:
    """
    Raises:
        InvalidInput: there is no such quantisation.
    """
    for kind in FILE_TYPES:
        if quantise == kind:
            return kind
    raise InvalidInput(
        f"There is no quantisation {quantise[:40]!r}.", hint=f"Quantisations: {', '.join(FILE_TYPES)}."
    )


class Teller:
    """Says how far it is, now and then."""

    def __init__(self) -> None:
        self._said = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._said >= TELL_SECONDS or done == total:
            self._said = now
            say({"done": done, "total": total})


def say(value: dict[str, Any]) -> None:
    """One line; fails, and so ends the work, when nobody listens any more."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
