"""Claims for the reader, which a passage answers when it says the same.

- Sentences with people's labels: the JSON lines of FEVER's symmetric set, of Fool Me Twice and of WiCE;
  BEGIN's columns, and those of FaithDial's audit of three models and of what people wrote; SummEdits'
  summaries, of which models changed words and people judged what came of it; and e-SNLI's folder, for SNLI's
  descriptions of pictures.
- Edits by rule of sentences of half `a` of `squad` and of other files in SQuAD's format.

What is said in part is not said. Sentences that claim nothing are left out.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from datasets import HELD, half, sample
from edits import edits, of_set
from reading_material import Item, Source, words_of

from freehold.types import DocumentRef, Passage

SUPPORTED = {"SUPPORTS", "supported", "Fully attributable", "entailment"}
MOST_EDITS = 8_000
"""Edited sentences, right and wrong ones each."""
EDITED_PASSAGES = 5_000
"""Passages, beside half `a`, whose sentences are edited."""
NEIGHBOURHOOD = 180
"""Words of a long document among which a sentence of its summary is looked for."""
SENTENCE = re.compile(r"\S.*?(?:[.!?]+(?=\s|$)|$)", re.DOTALL)
APART = re.compile(r" (?=[.,!?;:)]|'\w|n't)|(?<=\() ")
"""Spaces that tokenised text has and written text has not."""


def of_claims(path: Path) -> Iterator[Item]:
    """Of a file, or of e-SNLI's folder."""
    if path.is_dir():
        return _of_snli(path)
    if path.suffix == ".json":
        return _of_summaries(json.loads(path.read_bytes()))
    if path.suffix == ".csv":
        return _of_audit(path)
    return _of_lines(path)


def _of_lines(file: Path) -> Iterator[Item]:
    with file.open(encoding="utf-8", newline="") as read:
        rows = (
            csv.DictReader(read, delimiter="\t", quoting=csv.QUOTE_NONE)
            if file.suffix == ".tsv"
            else map(json.loads, read)
        )
        for row in rows:
            claim = row.get("claim") or row.get("text") or row["response"]
            label = row.get("label") or row["begin_label"]
            evidence = row.get("evidence") or row.get("knowledge")
            if evidence is None:
                told = [part["text"] for part in (*row["gold_evidence"], *row["retrieved_evidence"][:8])]
                evidence = sorted(set(told))
            text = evidence if isinstance(evidence, str) else " ".join(evidence)
            if label != "Generic" and text:
                yield claimed(claim, text, row.get("wikipedia_page", ""), label in SUPPORTED)


def _of_audit(file: Path) -> Iterator[Item]:
    """A response may have several labels; one that is not of one mind is held to be the worse."""
    with file.open(encoding="utf-8", newline="") as read:
        for row in csv.DictReader(read):
            text = row.get("knowledge") or row.get("evidence") or ""
            response = next(row[name] for name in ("ctrl", "doha", "gpt2", "response") if name in row)
            judged = row.get("begin_label") or row.get("BEGIN") or ""
            labels = {one.strip().lower() for one in judged.split(",")}
            invented = any("hallucination" in one for one in labels)
            if text and response and (invented or labels == {"entailment"}):
                yield claimed(written(response), written(text), "", not invented)


def _of_summaries(rows: Sequence[dict[str, Any]]) -> Iterator[Item]:
    """The sentences of a summary that were changed; of one that says what its document does not, where one
    alone was."""
    seen = set()
    for row in rows:
        before = [one[0] for one in SENTENCE.finditer(row["original_summary"])]
        now = [one[0] for one in SENTENCE.finditer(row["summary"])]
        supported = str(row["label"]) == "1"
        changed = now if row["id"].endswith("_og") else [one for one in now if one not in before]
        if supported or len(changed) == 1:
            for claim in changed:
                text = _around(row["doc"], max(before, key=lambda one: len(words_of(one) & words_of(claim))))
                if (claim, text) not in seen:
                    seen.add((claim, text))
                    yield claimed(claim, text, "", supported)


def _around(document: str, sentence: str) -> str:
    """The part of a document that shares most words with a sentence."""
    wanted = words_of(sentence)
    found = list(re.finditer(r"\S+", document))
    starts = range(0, max(len(found) - NEIGHBOURHOOD // 2, 1), NEIGHBOURHOOD // 4)
    parts = [found[at : at + NEIGHBOURHOOD] for at in starts]
    texts = [document[part[0].start() : part[-1].end()] for part in parts]
    return max(texts, key=lambda text: len(wanted & words_of(text)))


def _of_snli(folder: Path) -> Iterator[Item]:
    for part in ("dev", "test"):
        columns = [
            (folder / f"{name}.{part}").read_text(encoding="utf-8").splitlines()
            for name in ("s1", "s2", "labels")
        ]
        for said, claim, label in zip(*columns, strict=True):
            yield claimed(written(claim), written(said), "", label.strip() in SUPPORTED)


def written(text: str) -> str:
    """Text as it is written, of text as it is tokenised."""
    return APART.sub("", " ".join(text.split()))


def of_edits(data: Path, files: Sequence[Source], seed: int) -> Iterator[Item]:
    """Sentences of half `a` and of files, right and wrong ones by rule, as many of each."""
    passages = [one for one in of_set("squad", data) if half(one[0]) == "a" and one[0] not in HELD]
    others = [one for source in files if not source.alone for one in _passages(source.file)]
    passages += sample(others, EDITED_PASSAGES, seed)
    made = [one for one in edits("squad", passages, per_passage=1, seed=seed) if one.kind != "same"]
    for supported in (True, False):
        for one in sample([one for one in made if one.supported is supported], MOST_EDITS, seed):
            yield claimed(one.sentence, one.passage.text, one.passage.document.title, supported)


def _passages(file: Path) -> Iterator[tuple[str, Passage]]:
    for at, article in enumerate(json.loads(file.read_bytes())["data"]):
        title = article.get("title", "").replace("_", " ")
        for paragraph in article["paragraphs"]:
            text, document = paragraph["context"], DocumentRef(at + 1, title, title)
            yield title, Passage(at + 1, 1, document, (), text, 0, len(text))


def claimed(claim: str, text: str, title: str, supported: bool) -> Item:
    """The answer to a claim is the sentence that shares most words with it."""
    if not supported:
        return Item(claim, text, title, ())
    wanted = words_of(claim)
    sentences = list(SENTENCE.finditer(text))
    best = max(sentences, key=lambda one: len(wanted & words_of(one[0])) - 0.02 * len(one[0].split()))
    return Item(claim, text, title, ((best[0], best.start()),))
