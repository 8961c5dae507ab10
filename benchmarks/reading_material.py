"""What the reader is tuned on: questions, the passages that answer them, and passages that do not.

Every source is a public set, read as it is published:

- files in SQuAD's JSON format (SQuAD, SQuADShifts, PolicyQA and many others);
- SQuAD's development set, half `a` without the articles of `datasets.HELD`; half `b` is never looked at;
- `reading` (SQuAD-style questions, CC BY-SA), and of `t0` AdversarialQA (CC BY-SA 4.0) and Quoref (CC BY
  4.0);
- UnAnsQ's pairs of a question and its edit that the same paragraph does not answer (Zhu et al., 2019,
  "Learning to Ask Unanswerable Questions for Machine Reading Comprehension"; out of SQuAD 2.0, CC BY-SA 4.0),
  of whose training half the paragraphs are SQuAD's;
- what customers ask an assistant (`clinc150`, CC BY 3.0), of passages that have nothing to do with it.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from heapq import nlargest
from pathlib import Path

from datasets import HELD, clinc150, lines, sample, squad

Answer = tuple[str, int]
"""Its words and where they start."""

NEAR = 5
"""Passages of the same article kept as near ones."""
FAR_POOL = 3_000
"""Passages drawn to look for one of another article in."""
OFTEN = 3
"""How often an edit of one word must have been made by people to be made by us."""
EDITED = 0.3
"""Share of answerable questions that are edited where they can be."""
WORD = re.compile(r"[a-z0-9]+")
NUMBER = re.compile(r"\b\d[\d,.]*\b")
NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+(?: [A-Z][a-z]+)*")
NEGATED = {
    word: f"{word} not" for word in ("is", "are", "was", "were", "did", "does", "do", "can", "could", "has")
}


@dataclass(frozen=True, slots=True)
class Item:
    """A question and its passage; no answers means that it has none."""

    question: str
    passage: str
    title: str
    answers: tuple[Answer, ...]
    near: tuple[str, ...] = ()
    """Passages of its article that do not answer it."""
    far: str = ""
    """A passage of another article that does not."""
    edited: str = ""
    """The question changed so that its passage does not answer it."""


Asked = dict[str, dict[str, tuple[Answer, ...]]]
"""By passage: its questions and their answers."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of questions or claims."""

    file: Path
    most: int | None = None
    """Of these to take, drawn, beside all that people edited; all without a number."""
    alone: bool = False
    """Whether other passages of its articles may well answer its questions too (reviews, policies), so that
    none of them is asked as one that does not."""

    @classmethod
    def of(cls, argument: str, *, alone: bool = False) -> Source:
        """What FILE or FILE=N names."""
        file, _, most = argument.partition("=")
        return cls(Path(file), int(most) if most else None, alone)

    def drawn(self, items: Iterable[Item], seed: int) -> list[Item]:
        """As many as are to be taken."""
        found = list(items)
        return found if self.most is None else sample(found, self.most, seed)


def material(
    data: Path,
    squads: Sequence[Source],
    unansq: Path | None,
    made: Sequence[Item],
    seed: int,
) -> list[Item]:
    """Every item, with passages that do not answer it; `made` are of `reading_documents.py` and
    `reading_claims.py`."""
    draw = random.Random(seed)
    items: list[Item] = []
    people = {} if unansq is None else by_people(unansq)
    for source in squads:
        read = of_squad(source.file)
        found = [replace(item, edited=people.get(_plain(item.question), "")) for item in read]
        items += [item for item in found if item.edited]
        others = source.drawn((item for item in found if not item.edited), seed)
        items += [replace(item, near=()) for item in others] if source.alone else others
    items += [*of_half_a(data), *of_reading(data), *of_t0(data)]
    swaps: dict[str, list[str]] = {}
    if unansq is not None:
        items += of_unansq(unansq)
        swaps = edits_of(unansq)
    items = [
        item if item.edited or not item.answers else replace(item, edited=edited(item, swaps, draw))
        for item in items
    ]
    return _with_far([*items, *made, *of_elsewhere(data, seed)], draw)


def of_squad(file: Path) -> Iterator[Item]:
    """Items of SQuAD's JSON format, with near passages of the same article."""
    for article in json.loads(file.read_bytes())["data"]:
        asked: Asked = defaultdict(dict)
        for paragraph in article["paragraphs"]:
            for one in paragraph["qas"]:
                found = tuple((answer["text"], answer["answer_start"]) for answer in one["answers"])
                asked[paragraph["context"]][one["question"].strip()] = found
        title = re.sub(r"\d+", "", article.get("title", "")).replace("_", " ").strip()
        yield from with_near(title, asked)


def of_half_a(data: Path, *, held: bool = False) -> Iterator[Item]:
    """Without the articles of HELD, or of these alone."""
    bench = squad(data)
    texts = {passage.id: passage.text for passage in bench.passages}
    articles: dict[str, Asked] = defaultdict(lambda: defaultdict(dict))
    for question in bench.questions:
        if question.half == "a" and (question.document in HELD) is held:
            text = texts[question.passage_ids[0]]
            answers = question.answers if question.answerable else ()
            articles[question.document][text][question.text] = places(text, answers)
    for title, asked in articles.items():
        yield from with_near(title, asked)


def of_reading(data: Path) -> Iterator[Item]:
    asked: Asked = defaultdict(dict)
    for line in lines(data / "reading" / "train.jsonl.gz"):
        answers = line["answers"]
        if found := places(line["passage"], [answers] if isinstance(answers, str) else answers):
            asked[line["passage"]][line["question"]] = found
    yield from with_near("", asked)


def of_t0(data: Path) -> Iterator[Item]:
    """AdversarialQA and Quoref, each by the one of its prompts that is taken apart most simply."""
    forms = {
        "adversarial_qa": re.compile(r".*?\nQuestion: (.*?)\nContext: (.*)", re.DOTALL),
        "quoref": re.compile(r"Read the following paragraph .*? the question: (.*?\?)\s*(.*)", re.DOTALL),
    }
    for line in lines(data / "t0" / "train.jsonl.gz"):
        task: str = line["task"]
        if task.endswith(("based_on", "Read_And_Extract_")):
            name = next((name for name in forms if task.startswith(name)), None)
            if name and (parts := forms[name].match(line["prompt"].strip())):
                found = places(parts[2], [line["completion"].strip()])
                if found and (name != "quoref" or parts[2].count(found[0][0]) == 1):
                    yield Item(parts[1], parts[2], "", found)


def of_unansq(folder: Path) -> Iterator[Item]:
    """The pairs of its development files, whose paragraphs stand beside them, and which are of SQuAD's
    training half; words are in lower case and apart, as it has them."""
    contexts = _columns(folder / "dev-context.txt")
    answered, unanswered = (_columns(folder / f"dev-{kind}answerable-questions.txt") for kind in ("", "un"))
    for (context, *_), (_, question, first, last), (_, edit, *_) in zip(
        contexts, answered, unanswered, strict=True
    ):
        words = context.split(" ")
        start = len(" ".join([*words[: int(first)], ""]))
        said = " ".join(words[int(first) : int(last) + 1])
        yield Item(question, context, "", ((said, start),))
        yield Item(edit, context, "", ())


def of_elsewhere(data: Path, seed: int) -> list[Item]:
    """Questions to an assistant that no passage answers; `_with_far` finds the passage."""
    asked = [question.text for question in clinc150(data, "train").questions]
    return [Item(text[:1].upper() + text[1:], "", "", ()) for text in sample(asked, 1_200, seed)]


def places(text: str, answers: Sequence[str]) -> tuple[Answer, ...]:
    return tuple((answer, text.index(answer)) for answer in answers if answer in text)


def with_near(title: str, asked: Asked) -> Iterator[Item]:
    shelf = Shelf(list(asked))
    for text, questions in asked.items():
        for question, answers in questions.items():
            near = (
                [other for other in shelf.near(question) if other != text and not _says(other, answers)]
                if answers
                else []
            )
            yield Item(question, text, title, answers, tuple(near[:NEAR]))


class Shelf:
    """Texts, to find those that share rare words with a question."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self.standing: dict[str, list[int]] = defaultdict(list)
        for number, text in enumerate(texts):
            for word in words_of(text):
                self.standing[word].append(number)

    def near(self, question: str) -> list[str]:
        """The nearest first, some twenty at most."""
        scores: dict[int, float] = defaultdict(float)
        for word in sorted(words_of(question)):
            standing = self.standing.get(word, [])
            if len(standing) <= max(len(self.texts) / 4, 10):
                for number in standing:
                    scores[number] += 1 / (1 + len(standing))
        return [self.texts[number] for number in nlargest(20, scores, key=lambda number: scores[number])]


def by_people(folder: Path) -> dict[str, str]:
    """By the letters of a question of SQuAD's training half: its edit by people."""
    return {_plain(question): edit for question, edit in _pairs(folder)}


def _pairs(folder: Path) -> Iterator[tuple[str, str]]:
    answered, unanswered = (_columns(folder / f"train-{kind}answerable-questions.txt") for kind in ("", "un"))
    for before, after in zip(answered, unanswered, strict=True):
        yield before[1], after[1]


def edits_of(folder: Path) -> dict[str, list[str]]:
    """By a word: what people put in its place so that a question was not answered any more."""
    made: Counter[tuple[str, str]] = Counter()
    for question, edit in _pairs(folder):
        old, new = question.split(), edit.split()
        changed = [
            one for one in SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if one[0] != "equal"
        ]
        if len(changed) == 1 and changed[0][0] == "replace":
            _, start, end, at, to = changed[0]
            if end - start == 1 and old[start].isalpha():
                made[old[start], " ".join(new[at:to])] += 1
    found: dict[str, list[str]] = defaultdict(list)
    for (old_word, new_words), count in made.items():
        if count >= OFTEN:
            found[old_word].append(new_words)
    return found


def edited(item: Item, swaps: dict[str, list[str]], draw: random.Random) -> str:
    """The question with a word turned to its opposite, a number or a name exchanged for another one of the
    article, or negated; empty when it was not drawn, or nothing of the kind can be done."""
    if draw.random() >= EDITED or not swaps:
        return ""
    ways = []
    words = item.question.split(" ")
    for at, word in enumerate(words):
        if others := swaps.get(word):
            ways.append(" ".join([*words[:at], draw.choice(others), *words[at + 1 :]]))
    for pattern in (NUMBER, NAME):
        there = {found for text in (item.passage, *item.near) for found in pattern.findall(text)}
        for found in pattern.finditer(item.question):
            if there - {found[0]}:
                other = draw.choice(sorted(there - {found[0]}))
                ways.append(item.question[: found.start()] + other + item.question[found.end() :])
    if draw.random() < 0.1 or not ways:
        verb = next((at for at, word in enumerate(words) if word in NEGATED), None)
        if verb is not None and draw.random() < 0.5:
            ways = [" ".join([*words[:verb], NEGATED[words[verb]], *words[verb + 1 :]])]
    return draw.choice(ways) if ways else ""


def _with_far(items: Sequence[Item], draw: random.Random) -> list[Item]:
    """Each item with the passage of another article that shares the rarest words with its question; a
    question that came without a passage is asked of that one."""
    titles = {item.passage: item.title for item in items if item.passage}
    shelf = Shelf(draw.sample(sorted(titles), min(FAR_POOL, len(titles))))
    done = []
    for item in items:
        if item.passage and not item.answers:
            done.append(item)
            continue

        own = (item.passage, *item.near)
        far = next(
            (
                other
                for other in shelf.near(item.question)
                if other not in own
                and (not item.title or titles[other] != item.title)
                and not _says(other, item.answers)
            ),
            "",
        )
        if item.passage:
            done.append(replace(item, far=far))
        elif far:
            done.append(replace(item, passage=far))
    return done


def _says(text: str, answers: Sequence[Answer]) -> bool:
    return any(answer.lower() in text.lower() for answer, _ in answers)


def words_of(text: str) -> set[str]:
    return set(WORD.findall(text.lower()))


def _plain(text: str) -> str:
    """Letters and digits alone: UnAnsQ has lost capitals and spaces."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _columns(file: Path) -> list[list[str]]:
    return [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines() if line]
