"""Examples for the reader: questions and statements beside passages that settle them, or do not.

Made of the public question sets that `datasets.py` reads, without SQuAD's half `b` and without the articles
kept back for calibration (`held_back`). What does not settle a question: the passages that search finds
beside the gold one, and the gold one when a name, a number or a direction in the question was exchanged.
Knows nothing of models.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from datasets import BenchPassage, BenchQuestion, BenchSet, dstc11, medquad, sample, squad
from made_questions import bank_made, helpcentre_made
from search import SCOPE, fill

from freehold.assistant.sentences import pieces
from freehold.knowledge.lexical import LexicalIndex
from freehold.knowledge.search import Search
from freehold.store.database import Database
from freehold.types import Query

HELD_BACK_READING = 1_000
"""Questions of `reading` that are never tuned on: the coefficients over the reader are fitted on them."""


@dataclass(frozen=True, slots=True)
class Example:
    """A text held against one passage."""

    text: str
    """A question, or a statement."""
    above: str
    """Title and headings of the passage."""
    passage: str
    settles: bool
    """Whether the passage answers the question, or supports the statement."""
    spans: tuple[tuple[int, int], ...] = ()
    """Where in `passage`, where that is known."""
    kind: str = ""


def held_back(article: str) -> bool:
    """Whether a document of half `a` is one that the reader never sees."""
    return hashlib.sha256(article.strip().lower().encode()).digest()[1] % 3 == 2


def places(passage: str, answers: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Where the answers stand in a passage: the first occurrence of each, whole words first."""
    found = []
    for answer in dict.fromkeys(a.strip() for a in answers if a.strip()):
        whole = re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", passage)
        match = whole or re.search(re.escape(answer), passage)
        if match:
            found.append(match.span())
    return tuple(found)


Find = Callable[[str], list[str]]
"""Ids of the passages that search finds for a text, best first."""


def of_questions(
    bench: BenchSet, find: Find, rng: random.Random, *, others: int, edits: int, kind: str
) -> Iterator[Example]:
    """Each question beside its gold passage, `others` that search finds, and `edits` of itself."""
    by_id = {passage.id: passage for passage in bench.passages}
    for question in bench.questions:
        gold = by_id[question.passage_ids[0]]
        if not question.answerable:
            yield Example(question.text, gold.title, gold.text, False, kind=f"{kind} adversarial")
            continue
        spans = places(gold.text, question.answers)
        if question.answers and not spans:
            continue
        yield Example(question.text, gold.title, gold.text, True, spans, kind)
        near = [
            by_id[name]
            for name in find(question.text)[:8]
            if name not in question.passage_ids and not places(by_id[name].text, question.answers)
        ]
        for other in rng.sample(near[:5], min(others, len(near[:5]))):
            yield Example(question.text, other.title, other.text, False, kind=f"{kind} other passage")
        for _ in range(edits):
            if (edited := edit(question.text, gold.text, question.answers, rng)) is not None:
                yield Example(edited, gold.title, gold.text, False, kind=f"{kind} edited")
        for statement, settles in told(question.text, question.answers, gold.text, rng):
            yield Example(statement, gold.title, gold.text, settles, spans if settles else (), f"{kind} told")


_OPPOSITES = (
    "first last|before after|increase decrease|increased decreased|increases decreases|north south"
    "|east west|northern southern|eastern western|largest smallest|larger smaller|biggest smallest"
    "|highest lowest|higher lower|most least|more fewer|maximum minimum|above below|oldest youngest"
    "|older younger|early late|earliest latest|begin end|began ended|start end|started ended"
    "|import export|win lose|won lost|men women|male female|man woman|inside outside|good bad"
    "|positive negative|strong weak|stronger weaker|rich poor|public private|open closed"
    "|allowed forbidden|can cannot|include exclude|included excluded|with without|legal illegal"
    "|possible impossible|winter summer|day night|long short|longer shorter|up down|left right"
    "|join leave|buy sell|accept reject|gain lose|hot cold|fast slow|new old|rise fall|rose fell"
    "|agree disagree|support oppose|supported opposed|always never|internal external|major minor"
    "|national international|same different|add remove|enable disable|create delete|send receive"
    "|incoming outgoing|debit credit|upper lower|friend enemy|ancient modern|urban rural"
    "|direct indirect"
)
_OPPOSITE: dict[str, str] = {}
for _pair in _OPPOSITES.split("|"):
    _a, _b = _pair.split()
    _OPPOSITE.setdefault(_a, _b)
    _OPPOSITE.setdefault(_b, _a)
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z][\w’'-]+(?:\s+(?:of |the )?[A-Z][\w’'-]+)*")
_NUMBER = re.compile(r"\b\d[\d,.]*\d\b|\b\d\b")
_VERB = re.compile(r"\b(is|are|was|were|did|does|do|can|could|will|would|should|has|have|had)\b", re.I)


def edit(text: str, passage: str, keep: Sequence[str], rng: random.Random) -> str | None:
    """`text` asking (or saying) something else: a name, number or direction exchanged, or denied."""
    ways = [_other_name, _other_number, _other_way, _other_way, _other_name, _denied]
    rng.shuffle(ways)
    for way in ways:
        changed = way(text, passage, rng)
        if changed is not None and changed != text and not any(changed == answer for answer in keep):
            return changed
    return None


def _other_name(text: str, passage: str, rng: random.Random) -> str | None:
    own = list(_NAME.finditer(text))
    pool = [n for n in {m.group() for m in _NAME.finditer(passage)} if n.lower() not in text.lower()]
    if not own or not pool:
        return None
    match = rng.choice(own)
    return text[: match.start()] + rng.choice(sorted(pool)) + text[match.end() :]


def _other_number(text: str, passage: str, rng: random.Random) -> str | None:
    own = list(_NUMBER.finditer(text))
    if not own:
        return None
    match = rng.choice(own)
    pool = sorted({m.group() for m in _NUMBER.finditer(passage)} - {m.group() for m in own})
    if pool and rng.random() < 0.6:
        other = rng.choice(pool)
    else:
        digits = match.group().replace(",", "")
        try:
            value = float(digits)
        except ValueError:
            return None
        other = f"{value + rng.choice((-3, -2, -1, 1, 2, 3, 5, 10)):g}" if value < 3000 else f"{value * 2:g}"
    return text[: match.start()] + other + text[match.end() :]


def _other_way(text: str, passage: str, rng: random.Random) -> str | None:
    own = [m for m in re.finditer(r"\b[a-z]+\b", text) if m.group() in _OPPOSITE]
    if not own:
        return None
    match = rng.choice(own)
    return text[: match.start()] + _OPPOSITE[match.group()] + text[match.end() :]


def _denied(text: str, passage: str, rng: random.Random) -> str | None:
    if re.search(r"\b(not|never|no|n't)\b", text):
        return re.sub(r"\s*\b(not|never)\b", "", text, count=1)
    match = _VERB.search(text)
    if match is None:
        return None
    asks = re.match(r"(?:who|what|which|how many)\b", text, re.IGNORECASE)
    if asks or (text[:1].isupper() and match.start() > 4):
        return text[: match.end()] + " not" + text[match.end() :]
    return None


_SUBJECT = re.compile(r"^(?:who|what|which)\b", re.IGNORECASE)


def told(
    question: str, answers: Sequence[str], passage: str, rng: random.Random
) -> Iterator[tuple[str, bool]]:
    """A question and its answer as a statement, and the same with something wrong in it."""
    if not answers:
        return
    right = min(answers, key=len)
    if len(right.split()) > 12:
        return
    true = _statement(question, right)
    if rng.random() < 0.5:
        yield true, True
    wrong = _like(right, passage, rng)
    if wrong is not None and rng.random() < 0.4:
        yield _statement(question, wrong), False
    if rng.random() < 0.3 and (edited := edit(true, passage, answers, rng)) is not None:
        yield edited, False


def _statement(question: str, answer: str) -> str:
    bare = question.strip().rstrip("?. ").strip()
    if match := re.match(r"(?:what|who) (is|are|was|were) (?!the \w+ing\b)(.+)$", bare, re.IGNORECASE):
        rest = match[2]
        return f"{rest[0].upper()}{rest[1:]} {match[1].lower()} {answer}."
    if match := re.match(
        r"(?:who|what|which(?: \w+){1,3}?|what (?:\w+ ){1,2}?)\s*((?:is|are|was|were|has|have|had|can|could"
        r"|will|made|led|won|began|wrote|became|discovered|\w+ed)\b.+)$",
        bare,
        re.IGNORECASE,
    ):
        return f"{answer[0].upper()}{answer[1:]} {match[1]}."
    if match := re.match(r"(when|where|why|how) (did|was|were|is|are|does|do) (.+)$", bare, re.IGNORECASE):
        joiner = {"when": "in", "where": "in", "why": "because", "how": "by"}[match[1].lower()]
        verb = match[2].lower()
        rest = match[3]
        said = rest if verb in ("did", "does", "do") else f"{rest} ({verb})"
        joiner = (
            "" if re.match(r"(?:in|on|at|by|because|to|from|after|before|through|when)\b", answer) else joiner
        )
        return " ".join(f"{said[0].upper()}{said[1:]} {joiner} {answer}.".split())
    return f"{bare}? {answer[0].upper()}{answer[1:]}."


def _like(answer: str, passage: str, rng: random.Random) -> str | None:
    """Another answer of the same sort out of the passage."""
    if re.search(r"\d", answer):
        pool = {m.group() for m in _NUMBER.finditer(passage)} - {answer}
        numbers = [n for n in sorted(pool) if n not in answer]
        return (
            _NUMBER.sub(rng.choice(numbers), answer, count=1) if numbers and _NUMBER.search(answer) else None
        )
    if answer[:1].isupper():
        names = sorted({m.group() for m in _NAME.finditer(passage) if m.group() not in answer})
        names = [n for n in names if answer not in n]
        return rng.choice(names) if names else None
    chunks = re.findall(r"\b(?:the|a|an) [a-z-]+(?: [a-z-]+)?", passage)
    chunks = [c for c in chunks if c not in answer and answer not in c]
    return rng.choice(chunks) if chunks else None


_SHORTER = (
    (re.compile(r",\s+which [^,.;]+,"), ""),
    (re.compile(r"\s*\([^()]*\)"), ""),
    (
        re.compile(r"^(?:However|Therefore|In addition|Moreover|For example|Additionally|Also|Then|Thus), ?"),
        "",
    ),
    (re.compile(r"\bdo not\b"), "don't"),
    (re.compile(r"\bcannot\b"), "can't"),
    (re.compile(r"\bis not\b"), "isn't"),
    (re.compile(r"\bthere are\b"), "you find"),
    (re.compile(r"\bin order to\b"), "to"),
    (re.compile(r"\bapproximately\b"), "about"),
    (re.compile(r"\bpurchase\b"), "buy"),
    (re.compile(r"\brequires\b"), "needs"),
    (re.compile(r"\bdisplays\b"), "shows"),
    (re.compile(r"\bselect\b"), "choose"),
    (re.compile(r"\bChoose\b"), "Select"),
    (re.compile(r"\bin 1(\d{3})\b"), r"in the year 1\1"),
)


def of_sentences(passages: Sequence[BenchPassage], rng: random.Random, kind: str) -> Iterator[Example]:
    """Sentences of passages, worded a little otherwise, beside their passage; edited; beside another one."""
    for at, passage in enumerate(passages):
        found = [p for p in pieces(passage.text) if p.kind == "sentence" and 40 < p.end - p.start < 260]
        if not found:
            continue
        piece = rng.choice(found)
        said = passage.text[piece.start : piece.end]
        reworded = said
        for pattern, other in _SHORTER:
            reworded = pattern.sub(other, reworded)
        reworded = _reordered(reworded, rng)
        yield Example(
            reworded, passage.title, passage.text, True, ((piece.start, piece.end),), f"{kind} sentence"
        )
        if (edited := edit(reworded, passage.text, (), rng)) is not None:
            yield Example(edited, passage.title, passage.text, False, kind=f"{kind} sentence edited")
        if rng.random() < 0.4:
            other = passages[(at + rng.randrange(1, 4)) % len(passages)]
            if said not in other.text:
                yield Example(reworded, other.title, other.text, False, kind=f"{kind} sentence elsewhere")


def _reordered(said: str, rng: random.Random) -> str:
    match = re.match(
        r"^((?:When|If|After|Before|In|On|By|During|For|Although|While)\b[^,]{5,80}), (\w[^,]+)\.$", said
    )
    if match and rng.random() < 0.7:
        head, tail = match[1], match[2]
        return f"{tail[0].upper()}{tail[1:]} {head[0].lower()}{head[1:]}."
    return said


def reading(data: Path) -> tuple[BenchSet, BenchSet]:
    """The set `reading`: what is tuned on, and what is held back; parted by passage."""
    numbers: dict[str, str] = {}
    questions = []
    with gzip.open(data / "reading" / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            name = numbers.setdefault(line["passage"], f"reading-{len(numbers)}")
            answers = line["answers"]
            answers = (answers,) if isinstance(answers, str) else tuple(answers)
            questions.append(BenchQuestion(line["id"], line["question"], (name,), name, answers))
    held = {one.id for one in sample(questions, HELD_BACK_READING, seed=1)}
    kept = {one.passage_ids[0] for one in questions if one.id in held}
    whole = tuple(BenchPassage(name, name, "", text) for text, name in numbers.items())
    return (
        BenchSet("reading", whole, tuple(q for q in questions if q.passage_ids[0] not in kept)),
        BenchSet("reading-held", whole, tuple(q for q in questions if q.passage_ids[0] in kept)),
    )


def of_t0(data: Path, rng: random.Random) -> Iterator[Example]:
    """What `t0` has of questions beside a paragraph, and of sentences that do or do not say the same."""
    seen = set()
    with gzip.open(data / "t0" / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            task, prompt, answer = line["task"], line["prompt"], line["completion"].strip()
            if task.startswith("adversarial_qa") and task.endswith("based_on"):
                match = re.search(r"Question: (.+?)\nContext: (.+)$", prompt.strip(), re.DOTALL)
            elif task == "quoref_Find_Answer" or task == "sciq_Direct_Question":
                match = re.search(r"(?:paragraph: |question:)\s*(.+?)\s*Q: (.+?)\s*A:", prompt, re.DOTALL)
                match = match and re.match(r"(?s)(.+)\0(.+)", f"{match[2]}\0{match[1]}")
            elif task == "duorc_SelfRC_question_answering":
                match = re.search(r"Question: (.+?)\n.*?Context: (.+)$", prompt.strip(), re.DOTALL)
            elif task == "paws_labeled_final_Concatenation":
                match = re.search(r"Sentence 1: (.+?)\nSentence 2: (.+?)\nQuestion", prompt, re.DOTALL)
                if match and (match[1], match[2]) not in seen:
                    seen.add((match[1], match[2]))
                    yield Example(match[2].strip(), "", match[1].strip(), answer.lower() == "yes", (), "paws")
                continue
            elif task == "glue_mrpc_equivalent":
                match = re.search(r"two sentences.*?\n(.+?)\n(.+?)\n", prompt, re.DOTALL)
                if match and answer.lower() in ("equivalent", "not equivalent"):
                    yield Example(
                        match[2].strip(), "", match[1].strip(), answer.lower() == "equivalent", (), "mrpc"
                    )
                continue
            elif task == "wiki_qa_Is_This_True_":
                match = re.search(r'Question: (.+?)\?+\nWould "(.+?)" be', prompt, re.DOTALL)
                if match:
                    yield Example(
                        f"{match[1]}?", "", match[2].strip(), answer.lower() == "yes", (), "wiki_qa"
                    )
                continue
            else:
                continue
            if not match:
                continue
            question, passage = match[1].strip().strip('"'), match[2].strip()
            spans = places(passage, (answer,))
            if (question, passage) in seen:
                continue
            seen.add((question, passage))
            if spans:
                yield Example(question, "", passage, True, spans, task.split("_")[0])
                if (edited := edit(question, passage, (answer,), rng)) is not None:
                    yield Example(edited, "", passage, False, kind="t0 edited")
            elif re.search(r"no answer|insufficient|can't|not answerable", answer, re.IGNORECASE):
                yield Example(question, "", passage, False, kind="t0 unanswerable")


def of_places(data: Path, rng: random.Random) -> Iterator[Example]:
    """`dstc11`, half `a`: a customer's question beside its place's notes; the human reply as a statement."""
    bench = dstc11(data)
    by_id = {passage.id: passage for passage in bench.passages}
    by_place: dict[str, list[BenchPassage]] = {}
    for passage in bench.passages:
        by_place.setdefault(passage.document, []).append(passage)
    for question in bench.questions:
        if question.half == "b":
            continue
        gold = [by_id[name] for name in question.passage_ids]
        text = question.text
        if question.history and rng.random() < 0.4:
            earlier = [said for role, said in question.history if role == "user"]
            text = f"{earlier[-1]}\n{text}" if earlier else text
        chosen = rng.choice(gold)
        yield Example(text, chosen.title, chosen.text, True, ((0, len(chosen.text)),), "place")
        others = [p for p in by_place[question.document] if p.id not in question.passage_ids]
        for other in rng.sample(others, min(2, len(others))):
            yield Example(text, other.title, other.text, False, kind="place other passage")
        if len(gold) == 1 and "faq" in gold[0].id and question.answers:
            reply = question.answers[0]
            told = [reply[p.start : p.end] for p in pieces(reply) if not reply[p.start : p.end].endswith("?")]
            if told:
                yield Example(
                    told[0], gold[0].title, gold[0].text, True, ((0, len(gold[0].text)),), "place told"
                )
                if others:
                    other = rng.choice(others)
                    yield Example(told[0], other.title, other.text, False, kind="place told elsewhere")
                if (edited := edit(told[0], gold[0].text, (), rng)) is not None:
                    yield Example(edited, gold[0].title, gold[0].text, False, kind="place told edited")


def of_topics(data: Path, rng: random.Random, count: int) -> Iterator[Example]:
    """`medquad`, half `a`: a question beside the beginning of its answer, and beside another of its topic."""
    bench = medquad(data)
    by_id = {passage.id: passage for passage in bench.passages}
    topics: dict[str, list[BenchPassage]] = {}
    for passage in bench.passages:
        topics.setdefault(passage.document, []).append(passage)
    names = sorted(topics)
    asked = sample([q for q in bench.questions if q.half == "a"], count, seed=2)
    for question in asked:
        gold = by_id[question.passage_ids[0]]
        yield Example(question.text, gold.title, gold.text[:900], True, (), "topic")
        same = [p for p in topics[gold.document] if p.id != gold.id]
        other = rng.choice(same) if same and rng.random() < 0.6 else rng.choice(topics[rng.choice(names)])
        if other.id != gold.id:
            yield Example(question.text, other.title, other.text[:900], False, kind="topic other passage")


def of_help(bench: BenchSet, find: Find, rng: random.Random) -> Iterator[Example]:
    """A help centre's headings as questions, beside what stands under them and what search finds besides."""
    by_id = {passage.id: passage for passage in bench.passages}
    for question in bench.questions:
        if not question.text.endswith("?"):
            continue
        gold = by_id[rng.choice(question.passage_ids)]
        yield Example(question.text, gold.title, gold.text, True, (), "help")
        near = [by_id[name] for name in find(question.text)]
        near = [passage for passage in near if passage.document != question.document][:5]
        for other in rng.sample(near, min(2, len(near))):
            yield Example(question.text, other.title, other.text, False, kind="help other passage")


def tuned_on(bench: BenchSet) -> BenchSet:
    """What the reader may see of a set: half `a` without the documents that are held back."""
    seen = [q for q in bench.questions if q.half == "a" and not held_back(q.document)]
    return replace(bench, questions=tuple(seen))


def looked_at(bench: BenchSet) -> BenchSet:
    """The questions of half `a` that the reader never saw: for the loss during tuning and for calibration."""
    seen = [q for q in bench.questions if q.half == "a" and held_back(q.document)]
    return replace(bench, questions=tuple(seen))


@contextmanager
def finder(bench: BenchSet) -> Iterator[Find]:
    """Production search by words alone over a set's passages."""
    with tempfile.TemporaryDirectory(prefix="freehold-bench-") as home:
        database = Database(Path(home) / "freehold.db")
        fill(database, bench)
        lexical = LexicalIndex(Path(home) / "index", database)
        lexical.open()
        search = Search(database, lexical)
        names = {number: passage.id for number, passage in enumerate(bench.passages, 1)}

        def find(text: str) -> list[str]:
            found = search.search(Query(text), sources=SCOPE, limit=10).passages
            return [names[one.passage.id] for one in found]

        yield find
        lexical.close()
        database.close()


def examples(data: Path) -> tuple[list[Example], list[Example]]:
    """What the reader is tuned on, and what it is looked at with meanwhile; the same for the same data."""
    rng = random.Random(0)
    bench = squad(data)
    read, held = reading(data)
    with finder(bench) as find:
        found = list(of_questions(tuned_on(bench), find, rng, others=2, edits=1, kind="squad"))
        looked = list(of_questions(looked_at(bench), find, rng, others=1, edits=0, kind="squad"))
    with finder(read) as find:
        found += of_questions(read, find, rng, others=2, edits=1, kind="reading")
    used = {question.passage_ids[0] for question in tuned_on(bench).questions}
    kept = {question.passage_ids[0] for question in held.questions}
    found += of_sentences([p for p in bench.passages if p.id in used], rng, "squad")
    found += of_sentences([p for p in read.passages if p.id not in kept], rng, "reading")
    for made in (bank_made(data), helpcentre_made(data)):
        with finder(made) as find:
            found += of_help(tuned_on(made), find, rng)
    found += of_t0(data, rng)
    found += of_places(data, rng)
    found += of_topics(data, rng, 1500)
    return found, looked
