"""The process that turns passages into vectors, as kindly to others as the system lets it be.

Started by `embedding.Backfill` as `python -m freehold.knowledge.embedding_child FOLDER THREADS`. Each line
on stdin is a JSON array of texts; each answer on stdout a JSON line `{"dimensions": …}` followed by that
many float32 per text: the text's vector and those of its parts. It ends with its stdin.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

from freehold.engines.embedder import OnnxEmbedder
from freehold.errors import FreeholdError

NICENESS = 19


def main(folder: str, threads: str) -> int:
    """Answers until stdin ends; gives the exit status."""
    os.nice(NICENESS)
    answers = sys.stdout.buffer
    try:
        embedder = OnnxEmbedder(Path(folder), int(threads))
        for line in sys.stdin.buffer:
            vectors = embedder.embed_parts(json.loads(line))
            answers.write(json.dumps({"dimensions": vectors.shape[1]}).encode() + b"\n")
            answers.write(np.ascontiguousarray(vectors, dtype="<f4").tobytes())
            answers.flush()
    except FreeholdError as error:
        answers.write(json.dumps(error.as_json()).encode() + b"\n")
        answers.flush()
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at its end
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
