"""Embeds text with an ONNX encoder on onnxruntime.

Reads the folder that `freehold.models.minilm` makes; another encoder works if its folder has `model.onnx`
(inputs `input_ids` and `attention_mask`, outputs `sentence` and `tokens`) and `tokenizer.json`.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freehold.errors import ModelRejected, Unavailable
from freehold.models.onnx_runtime import runtime

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
        self.folder = folder
        self._threads = threads
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None
        manifest = _manifest(folder)
        self._expected: dict[str, str] = {
            name: facts["sha256"] for name, facts in manifest.get("files", {}).items()
        }
        self.max_tokens = int(manifest.get("max_tokens", DEFAULT_MAX_TOKENS))
        self.name = str(manifest.get("identity") or _identity(folder))
        self.dimensions = int(manifest["dimensions"]) if "dimensions" in manifest else self._width()

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

    def _run(self, outputs: list[str], text: str) -> tuple[list[NDArray[np.float32]], Any]:
        session, tokenizer = self._load()
        # Half a surrogate pair (JSON can carry one) is no text: a question mark takes its place.
        encoding = tokenizer.encode(text[:MAX_CHARS].encode(errors="replace").decode())
        ids = np.array([encoding.ids], dtype=np.int64)
        given = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        return session.run(outputs, given), encoding

    def _width(self) -> int:
        session, _ = self._load()
        return int(next(output for output in session.get_outputs() if output.name == "sentence").shape[-1])

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            with self._lock:
                if self._loaded is None:
                    self._loaded = self._open()
        return self._loaded

    def verify(self) -> None:
        """Compares the files with the checksums that were written with them; reads them, loads nothing.

        Raises:
            ModelRejected: one is damaged.
        """
        for name, expected in self._expected.items():
            if _sha256(self.folder / name) != expected:
                raise ModelRejected(
                    f"{name} of the embedding model in {self.folder} is damaged.",
                    hint="Delete that folder and run `make setup`.",
                )

    def _open(self) -> tuple[Any, Any]:
        from tokenizers import Tokenizer

        self.verify()
        onnxruntime = runtime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # an arena keeps the largest text's memory for ever
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            session = onnxruntime.InferenceSession(
                str(self.folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
            tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        except Exception as error:  # onnxruntime and tokenizers raise many kinds, tokenizers plain Exception
            raise ModelRejected(
                f"The embedding model in {self.folder} cannot be loaded: {error}",
                hint="Delete that folder and run `make setup`.",
            ) from error
        names = {output.name for output in session.get_outputs()}
        if not {"sentence", "tokens"} <= names:
            raise ModelRejected(
                f"model.onnx in {self.folder} gives {', '.join(sorted(names))};"
                " an embedding model gives `sentence` and `tokens`."
            )
        tokenizer.no_padding()
        tokenizer.enable_truncation(self.max_tokens)
        return session, tokenizer


def _manifest(folder: Path) -> dict[str, Any]:
    for name in ("model.onnx", "tokenizer.json"):
        if not (folder / name).is_file():
            raise Unavailable(f"There is no embedding model in {folder}.", hint="Run `make setup`.")
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelRejected(
            f"manifest.json in {folder} cannot be read: {error}.",
            hint="Delete that folder and run `make setup`.",
        ) from None
    if not isinstance(manifest, dict):
        raise ModelRejected(f"manifest.json in {folder} is not an object.")
    return manifest


def _identity(folder: Path) -> str:
    parts = "\n".join(_sha256(folder / name) for name in ("model.onnx", "tokenizer.json"))
    return f"{folder.name}-{hashlib.sha256(parts.encode()).hexdigest()[:12]}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
