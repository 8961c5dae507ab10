"""Makes sentences for judging the check out of true ones: wrong by kind, and right by harmless edits.

    python benchmarks/edits.py FOLDER-OF-MARKDOWN… [--data FOLDER] [--show KIND]

A true sentence is one that stands in its passage. A wrong kind (wrong_edits.py) changes what it says: a
number, a date, a unit, a name, a negation, a comparison, a command, who does what to whom, a condition; or it
is a sentence of another passage. A right kind (right_edits.py) says the same otherwise, so that strictness
has its price counted. Edits are by rule and not read one by one: a few wrong ones are true by chance, and
some of both kinds are clumsy English. The check has no synonyms, but its opposites, negations, bounds and
units are lists too, and they overlap with those that the edits are made by: what is caught of `opposite`,
`negation`, `comparison` and `unit` says how well rules catch rules, more than how well they catch what a
model would write.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from datasets import bank, dstc11, squad
from judged import NAME, Judged
from options import described
from right_edits import RIGHT
from wrong_edits import WRONG

from freehold.assistant.sentences import pieces
from freehold.types import DocumentRef, Passage

MOST_PASSAGE_CHARS = 1_600
"""A longer section is cut between paragraphs, as ingest does."""
_LENGTHS = range(5, 41)
"""Words of the sentences that are edited."""


def true_sentences(passage: Passage) -> Iterator[str]:
    """The passage's own sentences, whole and on one line; no questions and no lead-ins."""
    for piece in pieces(passage.text):
        said = " ".join(passage.text[piece.start : piece.end].split())
        if (
            piece.kind == "sentence"
            and re.match(r"[A-Z`*\[\"0-9]", said)
            and said.endswith(".")
            and len(said.split()) in _LENGTHS
            and not re.search(r"\]\(|<|>|\{|\||!\[", said)
        ):
            yield said


def edits(
    source: str, passages: Sequence[tuple[str, Passage]], per_passage: int, seed: int = 0
) -> Iterator[Judged]:
    """Sentences of each kind, at most `per_passage` true ones edited of each passage; every edit of each."""
    names = sorted({name for _, passage in passages for name in NAME.findall(passage.text)})
    told = [(document, passage, list(true_sentences(passage))) for document, passage in passages]
    said = [(document, sentence) for document, _, sentences in told for sentence in sentences]
    for at, (document, passage, sentences) in enumerate(told):
        rng = random.Random(f"{seed} {source} {at}")
        for number_, text in enumerate(rng.sample(sentences, min(per_passage, len(sentences)))):
            name = f"{source}-{at}-{number_}"

            def judged(
                kind: str,
                sentence: str,
                supported: bool,
                name: str = name,
                document: str = document,
                passage: Passage = passage,
            ) -> Judged:
                return Judged(f"{name}-{kind}", document, passage, sentence, supported, kind, source)

            yield judged("same", text, True)
            for kinds, supported in ((WRONG, False), (RIGHT, True)):
                for kind, edit in kinds.items():
                    changed = edit(text, passage, rng)
                    if changed and changed != text and (supported or changed not in passage.text):
                        yield judged(kind, changed, supported)
            if (match := next(iter(NAME.finditer(text)), None)) and names:
                others = [one for one in rng.sample(names, min(20, len(names))) if one not in passage.text]
                others = [one for one in others if one not in passage.document.title]
                if others:
                    yield judged("name", text[: match.start()] + others[0] + text[match.end() :], False)
            near = [s for d, s in said if d == document and s not in passage.text]
            far = [s for _, s in (rng.choice(said) for _ in range(4)) if s not in passage.text]
            if near:
                yield judged("sentence of the same document", rng.choice(near), False)
            if far:
                yield judged("sentence of another document", far[0], False)


def markdown(folders: Sequence[Path]) -> list[tuple[str, Passage]]:
    """Sections of Markdown files as passages."""
    found: list[tuple[str, Passage]] = []
    for path in sorted(path for folder in folders for path in folder.rglob("*.md")):
        found += [
            (path.stem, passage) for passage in sections(path.read_text("utf-8"), path.stem, len(found))
        ]
    return found


def sections(text: str, name: str, first: int = 0) -> Iterator[Passage]:
    """The text under each heading, long ones cut between paragraphs."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    title, path, number_ = name, [""] * 6, first
    for match in re.finditer(r"^(#{1,6}) +([^\n]*)\n((?:(?!^#{1,6} ).*\n?)*)", text, re.MULTILINE):
        level = len(match[1])
        title = match[2] if level == 1 else title
        path = [*path[: level - 1], match[2], *[""] * (6 - level)]
        body = ""
        for block in [*match[3].split("\n\n"), None]:
            if block is None or len(body) + len(block) > MOST_PASSAGE_CHARS:
                if body.strip():
                    number_ += 1
                    above = tuple(part for part in path[1:] if part)
                    document = DocumentRef(number_, title, f"{name}.md")
                    yield Passage(number_, 1, document, above, body.strip("\n"), 0, len(body.strip("\n")))
                body = ""
            body += f"{block}\n\n" if block is not None else ""


def of_set(name: str, folder: Path) -> list[tuple[str, Passage]]:
    """Passages of a public set; `bank` in sections."""
    bench = {"bank": bank, "squad": squad, "dstc11": dstc11}[name](folder)
    found = []
    for at, one in enumerate(bench.passages):
        if name == "bank":
            found += [
                (one.document, part) for part in sections(f"# {one.title}\n{one.text}", one.id, at * 100)
            ]
        else:
            document = DocumentRef(at + 1, one.title, one.id)
            found.append((one.document, Passage(at + 1, 1, document, (), one.text, 0, len(one.text))))
    return found


_CHAT = re.compile(
    r"\?|\b(?:would you|do you|can i|let me|shall i|i can|i will|anything else|help you|happy to|sorry|i'm"
    r"|i am|thank|no problem|sounds great|hope|reservation|mixed)\b",
    re.IGNORECASE,
)


def paraphrases(folder: Path) -> Iterator[Judged]:
    """DSTC11's human answers that rest on one cited passage, without their small talk: they hold."""
    bench = dstc11(folder)
    texts = {passage.id: passage for passage in bench.passages}
    for at, question in enumerate(bench.questions):
        if len(question.passage_ids) != 1:
            continue
        one = texts[question.passage_ids[0]]
        said = [part.strip() for part in re.split(r"(?<=[.!?])\s+", question.answers[0])]
        kept = [part for part in said if part and not _CHAT.search(part) and len(part.split()) > 3]
        if len(kept) != 1:
            continue
        passage = Passage(at + 1, 1, DocumentRef(at + 1, one.title, one.id), (), one.text, 0, len(one.text))
        yield Judged(
            f"dstc11-{question.id}", question.document, passage, kept[0], True, "paraphrase", "dstc11"
        )


def main() -> None:
    parser = described(__doc__)
    parser.add_argument("folders", type=Path, nargs="*", help="folders of Markdown documents")
    parser.add_argument("--data", type=Path, help="folder of the public question sets: bank, squad, dstc11")
    parser.add_argument("--per-passage", type=int, default=2, help="true sentences edited of each passage")
    parser.add_argument("--show", help="print the edits of one kind instead of the counts")
    options = parser.parse_args()
    made = list(edits("documents", markdown(options.folders), options.per_passage))
    if options.data:
        for name in ("bank", "squad"):
            made += edits(name, of_set(name, options.data), options.per_passage)
        made += paraphrases(options.data)
    if options.show:
        for one in made:
            if one.kind == options.show:
                print(one.sentence)
        return
    for (supported, kind), count in sorted(Counter((one.supported, one.kind) for one in made).items()):
        print(f"{'right' if supported else 'wrong'}  {kind:32} {count:,}")


if __name__ == "__main__":
    main()
