"""Embeds text with an ONNX encoder on onnxruntime.

Reads the folder that `freehold.models.minilm` makes; another encoder works if its folder has `model.onnx`
(inputs `input_ids` and `attention_mask`, outputs `sentence` and `tokens`) and `tokenizer.json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.engines.onnx_folder import OnnxFolder, as_text
from freehold.errors import ModelRejected

DEFAULT_MAX_TOKENS = 256
"""Where the manifest names no other window: what most sentence encoders were trained with."""

MAX_CHARS = 20_000
"""More characters than any window's tokens have; the rest of a longer text is not even looked at."""


PARTS, PART_SHARE, LEAST_PART = 3, 0.4, 20
"""Parts of a text that get vectors of their own, each part's share of the tokens, and its fewest tokens."""


class OnnxEmbedder:
    """Implements `freehold.engines.base.Embedder`.

    The model is read at the first use, so that making one costs nothing; one text at a time is the
    fastest way through an int8 model on a CPU, so nothing is padded or batched.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """Raises:
        Unavailable: `folder` holds no model.
        ModelRejected: what it holds is not a model's folder.
        """
        self._model = OnnxFolder(
            folder,
            "embedding model",
            gives=("sentence", "tokens"),
            window=DEFAULT_MAX_TOKENS,
            threads=threads,
        )
        manifest = self._model.manifest
        self.name, self.max_tokens = self._model.name, self._model.max_tokens
        try:
            self.dimensions = int(manifest["dimensions"]) if "dimensions" in manifest else self._width()
        except (TypeError, ValueError):
            raise ModelRejected(
                f"How many dimensions the vectors of the embedding model in {folder} have cannot be told.",
                hint="manifest.json beside it says so: `dimensions`.",
            ) from None

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of unit length, shape (len(texts), dimensions); texts are cut at the model's window."""
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            vectors[row] = self._run(["sentence"], text)[0][0][0]
        return vectors

    def embed_parts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of texts and of PARTS overlapping parts of each, in one row a text; all of unit length.

        Shape (len(texts), (1 + PARTS) * dimensions). A part's vector is the mean of its tokens', read within
        the whole text, so parts cost no more than the whole.
        """
        rows = np.empty((len(texts), 1 + PARTS, self.dimensions), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            (sentence, tokens), _ = self._run(["sentence", "tokens"], text)
            row[0] = sentence[0]
            inner = tokens[0][1:-1]  # without the special tokens at both ends
            width = max(min(len(inner), LEAST_PART), int(np.ceil(len(inner) * PART_SHARE)))
            for part, start in enumerate(np.linspace(0, len(inner) - width, PARTS).round().astype(int), 1):
                mean = inner[start : start + width].mean(axis=0) if width else sentence[0]
                row[part] = mean / max(float(np.linalg.norm(mean)), 1e-12)
        return rows.reshape(len(texts), -1)

    def embed_tokens(self, text: str) -> tuple[NDArray[np.float32], list[tuple[int, int]]]:
        """One vector of unit length per token, shape (tokens, dimensions), and each token's place in `text`.

        Special tokens are left out, so an empty text has none.
        """
        (output,), encoding = self._run(["tokens"], text)
        real = [i for i, special in enumerate(encoding.special_tokens_mask) if not special]
        vectors = output[0][real]
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return (vectors / np.maximum(norms, 1e-12)).astype(np.float32), [encoding.offsets[i] for i in real]

    def verify(self) -> None:
        """Compares the files with the checksums that were written with them; reads them, loads nothing.

        Raises:
            ModelRejected: one is damaged.
        """
        self._model.verify()

    def _run(self, outputs: list[str], text: str) -> tuple[list[NDArray[np.float32]], Any]:
        session, tokenizer = self._model.load()
        encoding = tokenizer.encode(as_text(text[:MAX_CHARS]))
        ids = np.array([encoding.ids], dtype=np.int64)
        given = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        return session.run(outputs, given), encoding

    def _width(self) -> int:
        session, _ = self._model.load()
        return int(next(output for output in session.get_outputs() if output.name == "sentence").shape[-1])
