"""FaithBench: summaries of 7B and smaller models, in which people marked what the source does not say.

Bao and others, "FaithBench: A Diverse Hallucination Benchmark for Summarization by Modern LLMs", NAACL 2025;
the samples were chosen for being hard to judge by machine. Read from `batch_*.json`, the files of
`data_for_release` in its repository, which are under CC BY-NC-SA 4.0: to measure by, not to fit on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from judged import Judged

from freehold.assistant.draft import Draft
from freehold.tasks.answer import bare
from freehold.types import DocumentRef, Passage

SMALL = (
    "Mistral-7B-Instruct-v0.3",
    "Phi-3-mini-4k-instruct",
    "Qwen2.5-7B-Instruct",
    "Meta-Llama-3.1-8B-Instruct",
)
"""The summarisers of at most eight billion parameters."""


def faithbench(folder: Path) -> Iterator[Judged]:
    """Each sentence beside its source: wrong where an annotator marked a part of it as unwanted.

    Sentences in which only something benign or questionable was marked are left out, and lead-ins to a list.
    """
    for path in sorted(folder.glob("batch_*.json")):
        for sample in json.loads(path.read_text("utf-8"))["samples"]:
            model = sample["metadata"]["summarizer"].rpartition("/")[2]
            if model not in SMALL:
                continue
            name = hashlib.sha256(sample["source"].encode()).hexdigest()[:12]
            source = sample["source"]
            passage = Passage(0, 1, DocumentRef(0, "", name), (), source, 0, len(source))
            for at, (sentence, marks) in enumerate(_sentences(sample)):
                unwanted = sorted(mark for mark in marks if mark.startswith("Unwanted"))
                if sentence.endswith(":") or (marks and not unwanted):
                    continue
                kind = unwanted[-1].rpartition(".")[2].lower() if unwanted else "holds"
                yield Judged(
                    f"{path.stem}-{sample['sample_id']}-{at}",
                    name,
                    passage,
                    sentence,
                    not marks,
                    kind,
                    "faithbench",
                )


def _sentences(sample: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """A summary's sentences, as the product cuts them, with the labels of the spans that touch them."""
    summary, draft, at = sample["summary"], Draft(), 0
    for _, sentence in [*draft.add(summary), *draft.finish()]:
        start = summary.index(sentence, at)
        at = start + len(sentence)
        yield (
            bare(sentence),
            {
                label
                for mark in sample["annotations"]
                if mark["summary_start"] < at and mark["summary_end"] > start
                for label in mark["label"]
            },
        )
