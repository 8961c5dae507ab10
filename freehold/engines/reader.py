"""Reads a text for the answer to a question, with an ONNX reader on onnxruntime.

Reads the folder that `freehold.models.reader` makes; another extractive reader works if its folder has
`model.onnx` (inputs `input_ids` and `token_type_ids`, output `spans`) and a `tokenizer.json` that joins a
question and a text as the reader was tuned with.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from freehold.engines.onnx_folder import OnnxFolder, as_text

MAX_TOKENS = 384
"""Question and text together; of more, the longer of the two loses its end."""
MAX_QUESTION_CHARS = 300
"""A longer question is cut, so that room for the text is left: some 70 tokens of English, but up to three a
character of Korean."""
MAX_TEXT_CHARS = 4_000
"""More characters than the window's tokens have."""
READINGS_KEPT = 32
"""A question is put to the same passages again while its answer is composed; a reading has some 7 KB."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader makes of a question and a text, in log odds."""

    starts: NDArray[np.float32]
    """That the answer starts at each token of the text, shape (tokens,)."""
    ends: NDArray[np.float32]
    """That it ends there."""
    places: NDArray[np.int64]
    """Where each token stands in the text, shape (tokens, 2)."""
    nothing: float
    """That the text has no answer: to be compared with a start and an end together."""


class OnnxReader:
    """An extractive reader (BERT with two log odds a token; Devlin et al., 2018, section 4.2 and 4.3).

    The model is loaded at the first use. Knows nothing of sentences, nor whether what it finds is true.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """Raises:
        Unavailable: `folder` holds no model.
        ModelRejected: what it holds is not a model's folder.
        """
        self._model = OnnxFolder(folder, "reader", gives=("spans",), window=MAX_TOKENS, threads=threads)
        self.name = self._model.name
        self._kept = lru_cache(READINGS_KEPT)(self._read)

    def read(self, question: str, text: str) -> Reading:
        """What of `text`, as far as the window reaches, may answer `question`; not to be written to."""
        return self._kept(question, text)

    def _read(self, question: str, text: str) -> Reading:
        session, tokenizer = self._model.load()
        encoding = tokenizer.encode(as_text(question[:MAX_QUESTION_CHARS]), as_text(text[:MAX_TEXT_CHARS]))
        given = {
            "input_ids": np.array([encoding.ids], np.int64),
            "token_type_ids": np.array([encoding.type_ids], np.int64),
        }
        spans = session.run(["spans"], given)[0][0]
        own = [at for at, sequence in enumerate(encoding.sequence_ids) if sequence == 1]
        return Reading(
            starts=spans[own, 0],
            ends=spans[own, 1],
            places=np.array([encoding.offsets[at] for at in own], np.int64).reshape(-1, 2),
            nothing=float(spans[0].sum()),
        )

    def verify(self) -> None:
        """Compares the files with the checksums that were written with them.

        Raises:
            ModelRejected: one is damaged.
        """
        self._model.verify()
