"""A suite: questions with known answers, in files, read one at a time.

A suite is a file of questions, or a folder with `questions.jsonl` (or `.csv`, `.tsv`, each also `.gz`) that
may have `suite.toml` (what it is, where it is from) and knowledge of its own: `passages.jsonl`, or a folder
`documents`. Its version is a hash of what it holds, not of how that is written. Knows nothing of how
questions are answered.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import tomllib
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from freehold.errors import FreeholdError, InvalidInput, NotFound
from freehold.evaluation.questions import (
    PASSAGE_COLUMNS,
    QUESTION_COLUMNS,
    Defaults,
    OwnPassage,
    Question,
    QuestionRows,
    context_of,
    own_passage,
)
from freehold.evaluation.tables import Columns, Row, rows

LEFT_OUT = "left out"
"""The kind of questions whose passages were taken away."""
LOOK_UP_ROWS = 1000
"""Rows read between two looks at whether to stop."""
_ENDINGS = tuple(f"{form}{packed}" for packed in ("", ".gz") for form in (".jsonl", ".csv", ".tsv"))


class About(BaseModel):
    """`suite.toml`: what a suite is. All of it may be missing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    licence: str = ""
    source: str = ""
    """Where its questions are from."""
    description: str = ""
    columns: Mapping[str, str] = {}
    """Names of columns, where they are not the usual ones."""
    answerable: bool = True
    """Whether questions are answerable that do not say."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite that was read through once, and found sound."""

    name: str
    licence: str
    source: str
    description: str
    path: Path
    version: str
    """Hash of its questions and its knowledge."""
    knowledge: str | None
    """Hash of the knowledge that it brings; None when it asks about the assistant's."""
    count: int
    questions: Callable[[], Iterator[Question]]
    """Reads them anew, in their order."""
    passages: Callable[[], Iterator[OwnPassage]] | None = None
    documents: Path | None = None
    """A folder to be read like any other source."""

    def chosen(self, limit: int | None) -> Iterator[Question]:
        """All questions, or `limit` of them: always the same ones, however the file is ordered."""
        if limit is None or limit >= self.count:
            yield from self.questions()
            return
        drawn = heapq.nsmallest(limit, (_digest(question.id) for question in self.questions()))
        kept = set(drawn)
        yield from (question for question in self.questions() if _digest(question.id) in kept)

    def leaving_out(self, share: float) -> Suite:
        """The suite without a share of its gold passages; questions that only those answered should be
        refused from now on. Which ones is drawn by their ids, the same each time.

        Raises:
            InvalidInput: it brings no passages of its own.
        """
        if self.passages is None:
            raise InvalidInput(
                f"{self.path} brings no passages, so none can be left out.",
                hint="Only passages of a suite's own can be left out.",
            )
        gold = {each for question in self.questions() if question.answerable for each in question.passages}
        gone = frozenset(each for each in gold if _digest(f"left out {each}") < share * 2**64)
        passages = self.passages
        mark = hashlib.sha256("\0".join([self.version, *sorted(gone)]).encode()).hexdigest()[:16]
        return replace(
            self,
            name=f"{self.name}, {share:.0%} left out",
            version=mark,
            knowledge=mark,
            questions=lambda: (_without(question, gone) for question in self.questions()),
            passages=lambda: (passage for passage in passages() if passage.id not in gone),
        )


Reader = Callable[[Path, Mapping[str, str]], "Draft | None"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A suite as it was found, not read through yet."""

    about: About
    questions: Callable[[], Iterator[Question]]
    passages: Callable[[], Iterator[OwnPassage]] | None = None
    documents: Path | None = None


def load(
    path: Path,
    columns: Mapping[str, str] | None = None,
    *,
    readers: tuple[Reader, ...] = (),
    look_up: Callable[[], None] = lambda: None,
) -> Suite:
    """Reads a suite through once: every row is checked before the first question is asked.

    `columns` names columns by what they hold; `readers` are asked first whether the path is theirs;
    `look_up` is called now and then, and may raise to end the reading.

    Raises:
        NotFound: there is nothing at the path, or no questions in it.
        InvalidInput: something in it cannot be used; says file and line.
    """
    if not path.exists():
        raise NotFound(
            f"There is no suite {path}.", hint="Name a file of questions, or a folder that has one."
        )
    named = dict(columns or {})
    draft = next((found for read in readers if (found := read(path, named)) is not None), None)
    if draft is None:
        draft = _folder(path, named) if path.is_dir() else _file(path, About(), named)
    whole = hashlib.sha256()
    knowledge, known = _knowledge(path, draft, look_up)
    whole.update((knowledge or "").encode())
    ids = _Ids()
    for question in draft.questions():
        whole.update(_written(question))
        ids.add(question.id)
        if ids.count % LOOK_UP_ROWS == 0:
            look_up()
        missing = None if known is None else next((p for p in question.passages if p not in known), None)
        if missing is not None:
            raise InvalidInput(
                f"{path}: question {question.id!r} names passage {missing!r}, which is not there."
            )
        _check_documents(draft, question)
    if not ids.count:
        raise NotFound(f"There are no questions in {path}.")
    ids.freeze(path, (question.id for question in draft.questions()), "question")
    return Suite(
        name=draft.about.name or _stem(path),
        licence=draft.about.licence,
        source=draft.about.source,
        description=draft.about.description,
        path=path,
        version=whole.hexdigest()[:16],
        knowledge=knowledge,
        count=ids.count,
        questions=draft.questions,
        passages=draft.passages,
        documents=draft.documents,
    )


def drafted(
    about: About,
    questions: Callable[[], Iterator[Row]],
    named: Mapping[str, str],
    *,
    passages: Path | None = None,
    documents: Path | None = None,
    unanswerable_kind: str = "unanswerable",
) -> Draft:
    """A suite of these rows. Rows that carry their passage with them bring it as the suite's own."""
    columns = Columns(QUESTION_COLUMNS, {**about.columns, **named})
    reader = QuestionRows(columns, Defaults(about.answerable, unanswerable_kind=unanswerable_kind))
    own: Callable[[], Iterator[OwnPassage]] | None = None
    if passages is not None:
        own = partial(_passages, passages)
    elif documents is None and any("context" in columns.of(row) for row in _first(questions)):
        own = partial(_contexts, questions, columns)
    return Draft(about, lambda: map(reader.question, questions()), own, documents)


def _folder(folder: Path, named: Mapping[str, str]) -> Draft:
    about = _about(folder / "suite.toml")
    questions = beside(folder, "questions")
    if questions is None:
        raise NotFound(
            f"There are no questions in {folder}.",
            hint="A suite's folder has questions.jsonl or questions.csv.",
        )
    documents = folder / "documents"
    passages = beside(folder, "passages")
    if passages is not None and documents.is_dir():
        raise InvalidInput(f"{folder} has both passages and documents.", hint="Keep one of them.")
    about = about.model_copy(update={"name": about.name or folder.resolve().name})
    return drafted(
        about,
        partial(rows, questions),
        named,
        passages=passages,
        documents=documents if documents.is_dir() else None,
    )


def _file(path: Path, about: About, named: Mapping[str, str]) -> Draft:
    """One file of questions; in JSON Lines a first object `{"suite": {…}}` says what it is."""
    first = next(rows(path), None)
    headed = first is not None and set(first.values) == {"suite"}
    if first is not None and headed:
        about = _checked(path, first.values["suite"])

    def questions() -> Iterator[Row]:
        return (row for row in rows(path) if not (headed and set(row.values) == {"suite"}))

    return drafted(about, questions, named)


def beside(folder: Path, name: str) -> Path | None:
    """The folder's file of that name, in whichever form.

    Raises:
        InvalidInput: there are several.
    """
    found = [path for ending in _ENDINGS if (path := folder / f"{name}{ending}").is_file()]
    if len(found) > 1:
        raise InvalidInput(
            f"{folder} has both {found[0].name} and {found[1].name}.", hint="Keep one of them."
        )
    return found[0] if found else None


def _about(path: Path) -> About:
    if not path.exists():
        return About()
    try:
        return _checked(path, tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: {error}.") from None


def _checked(path: Path, values: Any) -> About:
    try:
        return About.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(
            f"{path}: {name or 'the header'}: {first['msg']}.",
            hint=f"A suite may say: {', '.join(About.model_fields)}.",
        ) from None


def _first(questions: Callable[[], Iterator[Row]]) -> Iterator[Row]:
    row = next(questions(), None)
    if row is not None:
        yield row


def _passages(path: Path) -> Iterator[OwnPassage]:
    columns = Columns(PASSAGE_COLUMNS)
    return (own_passage(row, columns) for row in rows(path))


def _contexts(questions: Callable[[], Iterator[Row]], columns: Columns) -> Iterator[OwnPassage]:
    seen: set[int] = set()
    for row in questions():
        passage = context_of(row, {thing: row.values[name] for thing, name in columns.of(row).items()})
        if passage is not None and (digest := _digest(passage.id)) not in seen:
            seen.add(digest)
            yield passage


def _knowledge(path: Path, draft: Draft, look_up: Callable[[], None]) -> tuple[str | None, _Ids | None]:
    """The hash of what the suite brings, and the ids of its passages."""
    if draft.documents is not None:
        whole = hashlib.sha256()
        for file in sorted(each for each in draft.documents.rglob("*") if each.is_file()):
            whole.update(f"{file.relative_to(draft.documents)}\0".encode())
            with file.open("rb") as data:
                whole.update(hashlib.file_digest(data, "sha256").digest())
        return whole.hexdigest()[:16], None
    if draft.passages is None:
        return None, None
    whole, ids = hashlib.sha256(), _Ids()
    for passage in draft.passages():
        whole.update(json.dumps([passage.id, passage.document, passage.title, passage.text]).encode())
        ids.add(passage.id)
        if ids.count % LOOK_UP_ROWS == 0:
            look_up()
    ids.freeze(path, (passage.id for passage in draft.passages()), "passage")
    return whole.hexdigest()[:16], ids


def _check_documents(draft: Draft, question: Question) -> None:
    if draft.documents is None:
        return
    root = draft.documents.resolve()
    for location in question.documents:
        try:
            file = (root / location).resolve()
            there = file.is_relative_to(root) and file.is_file()
        except (OSError, ValueError):  # what no file can be called
            there = False
        if not there:
            raise InvalidInput(
                f"Question {question.id!r} names document {location!r}, which is not in {root}."
            )


def _written(question: Question) -> bytes:
    """What a version is made of; a field that is added later joins only where it says something."""
    history = [[turn.role, turn.text] for turn in question.history]
    gold = [question.passages, question.documents, question.quotes, question.answers]
    asked = [question.id, question.text, history, gold, question.answerable, question.kind]
    return json.dumps(asked).encode()


def _without(question: Question, gone: frozenset[str]) -> Question:
    left = tuple(each for each in question.passages if each not in gone)
    if left == question.passages or not question.answerable:
        return question
    if left:
        return replace(question, passages=left)
    return replace(question, passages=(), quotes=(), answers=(), answerable=False, kind=LEFT_OUT)


def _stem(path: Path) -> str:
    name = path.resolve().name
    for ending in (".gz", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt"):
        name = name.removesuffix(ending)
    return name or "suite"


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


class _Ids:
    """Many ids in eight bytes each: whether one is there twice, or is there at all."""

    def __init__(self) -> None:
        self._digests = array("Q")
        self._sorted: np.ndarray[Any, np.dtype[np.uint64]] | None = None

    @property
    def count(self) -> int:
        return len(self._digests)

    def add(self, name: str) -> None:
        self._digests.append(_digest(name))

    def freeze(self, path: object, again: Iterator[str], what: str) -> None:
        """From now on it can be asked.

        Raises:
            InvalidInput: an id was added twice; `again` gives them once more, to say which.
        """
        self._sorted = np.sort(np.frombuffer(self._digests, dtype=np.uint64))
        twice = self._sorted[1:][self._sorted[1:] == self._sorted[:-1]]
        if len(twice):
            name = next((each for each in again if _digest(each) == int(twice[0])), "")
            raise InvalidInput(
                f"{path}: there are two {what}s with the id {name!r}.", hint="Give each its own."
            )

    def __contains__(self, name: str) -> bool:
        if self._sorted is None:
            raise FreeholdError("The ids were not frozen.")
        at = int(np.searchsorted(self._sorted, np.uint64(_digest(name))))
        return at < len(self._sorted) and int(self._sorted[at]) == _digest(name)
