"""Public question sets in the layout of docs/benchmarks.md, and SQuAD's own JSON, read as suites.

A folder is known by its name, as long as it has no `suite.toml` that says otherwise. Their terms are
their publishers'; what is read here is asked of Freehold, never kept by it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from freehold.errors import InvalidInput
from freehold.evaluation.questions import OwnPassage, Question
from freehold.evaluation.suite import About, Draft, Suite, beside, drafted, load
from freehold.evaluation.tables import Row, rows

ABOUT = {
    "squad": About(
        name="squad", licence="CC BY-SA 4.0", source="SQuAD 1.1 and 2.0, development set (Rajpurkar et al.)"
    ),
    "medquad": About(name="medquad", licence="CC BY 4.0", source="MedQuAD (Ben Abacha and Demner-Fushman)"),
    "dstc11": About(
        name="dstc11", licence="CDLA-Sharing-1.0", source="DSTC11 track 5, validation set (Amazon)"
    ),
    "banking77": About(
        name="banking77", licence="CC BY 4.0", source="Banking77, test set (PolyAI)", answerable=False
    ),
}
LARGEST_JSON = 512 * 2**20
"""Bytes of a JSON file that is read whole."""


def suite(
    path: Path, columns: Mapping[str, str] | None = None, look_up: Callable[[], None] = lambda: None
) -> Suite:
    """Any suite: a public set, or one of the organisation's own. See `suite.load`."""
    return load(path, columns, readers=(public, squad_json), look_up=look_up)


def public(path: Path, named: Mapping[str, str]) -> Draft | None:
    """A folder of a public set."""
    name = path.resolve().name
    if name not in ABOUT or not path.is_dir() or (path / "suite.toml").exists():
        return None
    file = beside(path, {"dstc11": "conversations", "banking77": "test"}.get(name, "questions"))
    if file is None:
        return None
    read: Callable[[], Iterator[Row]] = partial(rows, file)
    return drafted(
        ABOUT[name],
        partial(_answered, file) if name == "dstc11" else read,
        named,
        passages=beside(path, "passages"),
        unanswerable_kind={"squad": "adversarial", "banking77": "another subject"}.get(name, "unanswerable"),
    )


def _answered(file: Path) -> Iterator[Row]:
    """Turns that ask for knowledge and were answered from it; the others are about bookings."""
    return (
        row for row in rows(file) if row.values.get("knowledge_seeking") and row.values.get("passage_ids")
    )


def squad_json(path: Path, named: Mapping[str, str]) -> Draft | None:
    """SQuAD as its publishers give it: `{"data": [{"title", "paragraphs": [{"context", "qas"}]}]}`."""
    if path.suffix != ".json" or not path.is_file():
        return None
    with path.open("rb") as file:
        opening = file.read(4096)
    if b'"data"' not in opening and b'"version"' not in opening:
        return None
    if path.stat().st_size > LARGEST_JSON:
        raise InvalidInput(
            f"{path} is larger than {LARGEST_JSON >> 20} MiB.", hint="Convert it to JSON Lines."
        )
    try:
        articles = json.loads(path.read_text(encoding="utf-8-sig"))["data"]
        paragraphs = [
            (f"{article['title']}#{number}", str(article["title"]), str(each["context"]), list(each["qas"]))
            for article in articles
            for number, each in enumerate(article["paragraphs"], 1)
        ]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidInput(f"{path} is not SQuAD's JSON: {type(error).__name__}: {error}.") from None
    return Draft(
        ABOUT["squad"].model_copy(update={"name": path.stem}),
        partial(_squad_questions, path, paragraphs),
        lambda: (OwnPassage(name, title, title, text) for name, title, text, _ in paragraphs),
    )


def _squad_questions(path: Path, paragraphs: list[tuple[str, str, str, Any]]) -> Iterator[Question]:
    for name, _, _, asked in paragraphs:
        for each in asked:
            try:
                answers = tuple(dict.fromkeys(str(answer["text"]) for answer in each["answers"]))
                answerable = not each.get("is_impossible", False)
                yield Question(
                    id=str(each["id"]),
                    text=str(each["question"]).strip(),
                    passages=(name,),
                    answers=answers if answerable else (),
                    answerable=answerable,
                    kind="" if answerable else "adversarial",
                )
            except (KeyError, TypeError) as error:
                raise InvalidInput(f"{path}, paragraph {name!r}: a question lacks {error}.") from None
