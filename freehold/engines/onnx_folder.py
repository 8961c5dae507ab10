"""A folder that holds an ONNX model, its tokenizer and, in `manifest.json`, what they should be.

Knows nothing of what the model computes.
"""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

from freehold.disk import sha256_of
from freehold.errors import ModelRejected, Unavailable
from freehold.models.onnx_runtime import runtime

FILES = ("model.onnx", "tokenizer.json")


class OnnxFolder:
    """The model in a folder, loaded at its first use. Thread-safe."""

    def __init__(
        self,
        folder: Path,
        what: str,
        *,
        gives: tuple[str, ...],
        window: int,
        threads: int = 1,
    ) -> None:
        """`what` the model is, in words for an error; `gives` the outputs that it must have.

        A text of more than `window` tokens is cut, unless the manifest names another window; of two texts
        that together have more, the longer one.

        Raises:
            Unavailable: `folder` holds no model.
            ModelRejected: what it holds is not a model's folder.
        """
        self.folder = folder
        self._what, self._gives, self._threads = what, gives, threads
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None
        self.manifest = self._manifest()
        """Empty when there is none."""
        try:
            files = self.manifest.get("files", {}).items()
            self._expected = {str(name): str(facts["sha256"]) for name, facts in files}
            self.max_tokens = int(self.manifest.get("max_tokens", window))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ModelRejected(
                f"manifest.json in {folder} does not say what it should.",
                hint="Delete that folder and run `make setup`.",
            ) from None
        self.name = str(self.manifest.get("identity") or self._identity())

    def load(self) -> tuple[Any, Any]:
        """The onnxruntime session and the tokenizer, which pads nothing.

        Raises:
            ModelRejected: a file is damaged, cannot be loaded or gives something else.
        """
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
            path = self.folder / name
            if not path.is_file() or sha256_of(path) != expected:
                raise ModelRejected(
                    f"{name} of the {self._what} in {self.folder} is damaged.",
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
                f"The {self._what} in {self.folder} cannot be loaded: {error}",
                hint="Delete that folder and run `make setup`.",
            ) from error
        names = {output.name for output in session.get_outputs()}
        if not set(self._gives) <= names:
            raise ModelRejected(
                f"model.onnx in {self.folder} gives {', '.join(sorted(names))};"
                f" the {self._what} gives {' and '.join(f'`{name}`' for name in self._gives)}."
            )
        tokenizer.no_padding()
        tokenizer.enable_truncation(self.max_tokens)  # the longest first
        return session, tokenizer

    def _manifest(self) -> dict[str, Any]:
        for name in FILES:
            if not (self.folder / name).is_file():
                raise Unavailable(f"There is no {self._what} in {self.folder}.", hint="Run `make setup`.")
        try:
            manifest = json.loads((self.folder / "manifest.json").read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ModelRejected(
                f"manifest.json in {self.folder} cannot be read: {error}.",
                hint="Delete that folder and run `make setup`.",
            ) from None
        if not isinstance(manifest, dict):
            raise ModelRejected(f"manifest.json in {self.folder} is not an object.")
        return manifest

    def _identity(self) -> str:
        parts = "\n".join(sha256_of(self.folder / name) for name in FILES)
        return f"{self.folder.name}-{hashlib.sha256(parts.encode()).hexdigest()[:12]}"


def as_text(text: str) -> str:
    """Half a surrogate pair (JSON can carry one) is no text: a question mark takes its place."""
    return text.encode(errors="replace").decode()
