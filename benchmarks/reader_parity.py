"""Writes what the reader in torch gives the inputs of `tests/fixtures/reader_inputs.py`.

    python benchmarks/reader_parity.py

To be run after the shipped weights have changed; the tests hold the reader in numpy to it. Needs torch.
"""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from reader_model import ReaderModel
from safetensors.torch import load

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"


def main() -> None:
    sys.path.insert(0, str(FIXTURES))
    from reader_inputs import SEEDS, given

    weights = load(files("freehold.assistant").joinpath("reader.safetensors").read_bytes())
    model = ReaderModel().eval()
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    model.load_state_dict({name: value.float().reshape(shapes[name]) for name, value in weights.items()})
    seen = []
    for seed in SEEDS:
        text, above, passage = given(seed)
        wh = np.zeros(len(text.weights), np.float32)
        wh[text.wh] = 1
        heads = np.repeat([1.0, 0.0], [len(above), len(passage)]).astype(np.float32)
        inputs = (text.vectors, text.weights, wh, np.concatenate([above, passage]), heads)
        with torch.no_grad():
            odds, ends = model(*(torch.from_numpy(one)[None] for one in inputs))
        seen.append([round(float(odds), 5), np.round(ends[0, len(above) :].numpy(), 5).tolist()])
    target = FIXTURES / "reader_parity.json"
    target.write_text(json.dumps(seen) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
