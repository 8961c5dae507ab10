# ruff: noqa: E501  # lists of words and patterns are read whole
"""Makes sentences for judging the check out of true ones: wrong by kind, and right by harmless edits.

    python benchmarks/edits.py FOLDER-OF-MARKDOWN… [--data FOLDER] [--show KIND]

A true sentence is one that stands in its passage. A wrong kind changes what it says (a number, a date,
a unit, a name, a negation, a comparison, a command, who does what to whom, a condition), or is a sentence of another
passage; a right kind says the same otherwise, so that strictness has its price counted. Edits are by rule and
not read one by one: a few wrong ones are true by chance, and some of both kinds are clumsy English. The lists
of synonyms here are not those of the code under test: it has none.
"""

from __future__ import annotations

import argparse
import itertools
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets import Half, bank, dstc11, half, squad

from freehold.assistant.sentences import pieces
from freehold.types import DocumentRef, Passage

MOST_PASSAGE_CHARS = 1_600
"""A longer section is cut between paragraphs, as ingest does."""
_LENGTHS = range(5, 41)
"""Words of the sentences that are edited."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A sentence with what is known of it."""

    id: str
    document: str
    """What the halves are split by."""
    passage: Passage
    sentence: str
    supported: bool
    kind: str
    source: str

    @property
    def half(self) -> Half:
        return half(self.document)


Edit = Callable[[str, Passage, random.Random], str | None]

_NUMBER = re.compile(r"(?<![\w.,-])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w]|[.,-]\d)")
_NAME = re.compile(r"(?<=[a-z,;] )(?:[A-Z][\w&-]+)(?: [A-Z][\w&-]+)*")
_CODE = re.compile(r"`([^`\n]+)`|https?://[^\s<>()\"'`]*\w|\b[\w.+-]+@[\w-]+(?:\.\w+)+")
_WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_AUX = r"is|are|was|were|can|will|must|should|may|does|do|has been|have been"


def number(text: str, passage: Passage, rng: random.Random) -> str | None:
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    match = rng.choice(found)
    whole = match.group()
    for _ in range(8):
        at = rng.choice([i for i, char in enumerate(whole) if char.isdigit()])
        digit = rng.choice([d for d in "123456789" if d != whole[at]])
        changed = whole[:at] + digit + whole[at + 1 :]
        if not re.search(rf"(?<!\d){re.escape(changed)}(?!\d)", passage.text):
            return text[: match.start()] + changed + text[match.end() :]
    return None


def number_of_another(text: str, passage: Passage, rng: random.Random) -> str | None:
    here = list(_NUMBER.finditer(text))
    there = {match.group() for match in _NUMBER.finditer(passage.text)} - {match.group() for match in here}
    if not here or not there:
        return None
    match = rng.choice(here)
    return text[: match.start()] + rng.choice(sorted(there)) + text[match.end() :]


def date(text: str, passage: Passage, rng: random.Random) -> str | None:
    for names in (_MONTHS, _DAYS):
        found = [
            match for match in re.finditer(rf"\b(?:{'|'.join(names)})\b", text) if match.group() != "May"
        ]
        if found:
            match = rng.choice(found)
            others = [name for name in names if name not in passage.text and name != "May"]
            return text[: match.start()] + rng.choice(others) + text[match.end() :] if others else None
    if years := list(re.finditer(r"\b(?:1[5-9]|20)\d\d\b(?!\d)", text)):
        match = rng.choice(years)
        year = str(int(match.group()) + rng.choice([-10, -3, -2, -1, 1, 2, 3, 10]))
        return None if year in passage.text else text[: match.start()] + year + text[match.end() :]
    return None


_UNIT_SWAPS = {
    "days": "weeks", "weeks": "days", "hours": "days", "minutes": "hours", "months": "weeks", "years": "months",
    "day": "week", "week": "month", "hour": "day", "minute": "hour", "month": "year", "year": "month",
    "euros": "dollars", "dollars": "euros", "percent": "euros", "kg": "g", "cm": "mm", "km": "miles", "MB": "GB",
    "GB": "MB", "seconds": "minutes", "million": "billion", "%": " euros", "$": "€", "€": "$", "metres": "feet",
    "miles": "kilometres", "°C": "°F", "kWh": "Wh", "mm": "cm", "ml": "l", "litres": "millilitres",
}  # fmt: skip


def unit(text: str, passage: Passage, rng: random.Random) -> str | None:
    found = [
        (match, name)
        for name in _UNIT_SWAPS
        for match in re.finditer(
            rf"(?<=\d){re.escape(name)}" if name in "%°C" else rf"(?<=\d[\s-]){name}\b"
            if name.isalpha() else rf"{re.escape(name)}(?=\d)", text,
        )
    ]  # fmt: skip
    if not found:
        return None
    match, name = rng.choice(found)
    return text[: match.start()] + _UNIT_SWAPS[name] + text[match.end() :]


def entity(text: str, passage: Passage, rng: random.Random) -> str | None:
    """Another name of the same passage in the place of one."""
    here = list(_NAME.finditer(text))
    there = sorted({m.group() for m in _NAME.finditer(passage.text)} - {m.group() for m in here})
    there = [name for name in there if name not in text]
    if not here or not there:
        return None
    match = rng.choice(here)
    if any(match.group() in name or name in match.group() for name in there):
        return None
    return text[: match.start()] + rng.choice(there) + text[match.end() :]


def roles(text: str, passage: Passage, rng: random.Random) -> str | None:
    """Two names, or two things, in each other's place."""
    names = list(_NAME.finditer(text))
    pairs = [(a, b) for a, b in itertools.pairwise(names) if a.group() != b.group()]
    things = list(re.finditer(r"(?<=\b[Tt]he )[a-z]{4,}(?! (?:of|in)\b)", text))
    pairs += [(a, b) for a, b in itertools.pairwise(things) if a.group() != b.group()]
    pairs = [
        (a, b)
        for a, b in pairs
        if not re.search(
            r"\b(?:and|or|as|like|with|than|to|between|both)\b|[,;:(]", text[a.end() : b.start()]
        )
        and re.search(r"[a-z]{4,}", text[a.end() : b.start()])
    ]
    if not pairs:
        return None
    a, b = rng.choice(pairs)
    return text[: a.start()] + b.group() + text[a.end() : b.start()] + a.group() + text[b.end() :]


def negation(text: str, passage: Passage, rng: random.Random) -> str | None:
    for pattern, instead in (
        (r"\b(can)(?:not|'t)\b", r"\1"), (r"\b(do|does|is|are|was|were|has|have|will|must|should)n[o']t\b", r"\1"),
        (rf"\b({_AUX}) (?:not|never)\b", r"\1"), (r"\bno longer\b", "still"), (r"\bwithout\b", "with"),
    ):  # fmt: skip
        if re.search(pattern, text):
            return re.sub(pattern, instead, text, count=1)
    if re.search(r"\b(?:no|not|never|none|nor|neither)\b|n't\b", text):
        return None
    found = list(re.finditer(rf"\b(?:{_AUX})\b(?! (?:you|I|we|it|there)\b)", text))
    if not found:
        return None
    match = found[0]
    said = match.group()
    denied = (
        f"{said.split()[0]} not been" if " been" in said else "cannot" if said == "can" else f"{said} not"
    )
    return text[: match.start()] + denied + text[match.end() :]


_COMPARED = (
    ("at least", "at most"), ("at most", "at least"), ("more than", "less than"), ("less than", "more than"),
    ("fewer than", "more than"), ("before", "after"), ("after", "before"), ("minimum", "maximum"),
    ("maximum", "minimum"), ("up to", "at least"), ("within", "after"), ("no more than", "at least"),
    ("at least", "more than"), ("higher", "lower"), ("lower", "higher"), ("larger", "smaller"), ("above", "below"),
    ("below", "above"), ("longer", "shorter"), ("over", "under"), ("older", "younger"), ("most", "all"),
    ("some", "all"), ("usually", "always"), ("often", "always"), ("sometimes", "always"), ("always", "sometimes"),
    ("every", "some"), ("all", "some"), ("each", "some"), ("may", "must"), ("must", "may"), ("can", "must"),
    ("only", "always"), ("from", "up to"), ("exactly", "at most"), ("once", "twice"), ("both", "neither"),
)  # fmt: skip


def comparison(text: str, passage: Passage, rng: random.Random) -> str | None:
    found = [
        (match, other)
        for one, other in _COMPARED
        for match in re.finditer(
            rf"\b{one}\b(?= (?:\S+ )?\d)"
            if one in ("from", "over", "within", "above", "below")
            else rf"\b{one}\b",
            text,
        )
        if not (one == "may" and match.group() == "May")
    ]
    if not found:
        return None
    match, other = rng.choice(found)
    return text[: match.start()] + other + text[match.end() :]


def quantifier_added(text: str, passage: Passage, rng: random.Random) -> str | None:
    match = re.match(r"(?:The )?([A-Za-z]+s) (can|are|have|must|may|will) ", text)
    if match and rng.random() < 0.5:
        word = rng.choice(["Only ", "All "])
        return word + text[0].lower() + text[1:]
    if match := re.search(r"\b(?:is|are|can|will) (?!not|be\b|only|always)", text):
        return f"{text[: match.end()]}{rng.choice(['only', 'always'])} {text[match.end() :]}"
    return None


def command(text: str, passage: Passage, rng: random.Random) -> str | None:
    found = [match for match in _CODE.finditer(text) if re.search(r"[\W_\d]", match.group().strip("`"))]
    if not found:
        return None
    match = rng.choice(found)
    code = match.group()
    parts = [
        part
        for part in re.finditer(r"[A-Za-z]{3,}|\d+", code)
        if part.group().lower() not in ("http", "https")
    ]
    if not parts:
        return None
    part = rng.choice(parts)
    word = part.group()
    other = str(int(word) + 1) if word.isdigit() else rng.choice([word[:-1], word + "s", word[::-1], "main"])
    changed = code[: part.start()] + other + code[part.end() :]
    return (
        None if changed.strip("`") in passage.text else text[: match.start()] + changed + text[match.end() :]
    )


_TURNS = (
    "increase decrease", "enable disable", "open close", "add remove", "allow block", "include exclude",
    "optional required", "manually automatically", "send receive", "buy sell", "internal external",
    "incoming outgoing", "debit credit", "sales purchase", "customer vendor", "sender recipient", "start stop",
    "first last", "public private", "online offline", "free paid", "new old", "early late", "accept reject",
    "accepted rejected", "fixed variable", "daily weekly", "monthly yearly", "import export", "upload download",
    "left right", "top bottom", "on off", "winter summer", "heating cooling", "domestic international",
)  # fmt: skip


def opposite(text: str, passage: Passage, rng: random.Random) -> str | None:
    found = [
        (match, other)
        for pair in _TURNS
        for one, other in (pair.split(), pair.split()[::-1])
        for match in re.finditer(rf"\b{one}(?=s?\b)", text)
        if one not in ("on", "right", "last", "new")
        or (one == "on" and re.search(r"\b(?:turn|switch)\w* on\b", text))
    ]
    if not found:
        return None
    match, other = rng.choice(found)
    return text[: match.start()] + other + text[match.end() :]


def condition_dropped(text: str, passage: Passage, rng: random.Random) -> str | None:
    if match := re.match(
        r"(?:If|When|Unless|Until|Once|As long as) [^,]{8,90}, ([a-zA-Z][^.]{15,}\.)$", text
    ):
        return match[1][0].upper() + match[1][1:]
    if match := re.match(
        r"([A-Z][^,.]{15,}?),? (?:if|unless|only if|when|provided that|until|except) [^.]{6,}\.$", text
    ):
        return match[1] + "."
    if re.search(r"\bonly \w", text):
        return re.sub(r"\bonly ", "", text, count=1)
    return None


_CONDITIONS = (
    "if you are an administrator", "unless it is older than a year", "if the owner has agreed in writing",
    "when you call the service line", "as long as you have a paid plan", "but only on working days",
    "provided that it was requested in advance", "if the order was placed online", "for members of the club",
)  # fmt: skip


def condition_added(text: str, passage: Passage, rng: random.Random) -> str | None:
    if not re.search(r"[a-z]\.$", text) or re.search(r"\b(?:if|unless|when|provided)\b", text):
        return None
    return f"{text[:-1]} {rng.choice(_CONDITIONS)}."


_SYNONYMS = (
    "choose select", "show display", "begin start", "buy purchase", "need require", "let allow", "help assist",
    "change modify", "remove delete", "big large", "quick fast", "get receive", "use employ", "make create",
    "end finish", "ask request", "pay settle", "fix repair", "send dispatch", "keep retain", "many numerous",
    "costs charges", "fee charge", "phone telephone", "customers clients", "customer client", "company firm",
    "employees staff", "parcel package", "photos pictures", "information details", "located situated",
    "additional extra", "usually normally", "also additionally", "children kids", "bike bicycle", "open unlock",
    "specify state", "calculate compute", "immediately at-once", "several various", "because since",
)  # fmt: skip


def synonyms(text: str, passage: Passage, rng: random.Random) -> str | None:
    changed, count = text, 0
    for pair in _SYNONYMS:
        one, other = pair.replace("-", " ").split(" ", 1) if "-" in pair else pair.split()
        for word, instead in ((one, other), (other, one)):
            if count < 2 and re.search(rf"\b{word}\b", changed) and " " not in word:
                changed, count = re.sub(rf"\b{word}\b", instead, changed, count=1), count + 1
                break
    return changed if count else None


def contraction(text: str, passage: Passage, rng: random.Random) -> str | None:
    shorter = text
    for pattern, instead in (
        (r"\bcannot\b", "can't"), (r"\b(do|does|is|are|was|were|has|have) not\b", r"\1n't"),
        (r"\b(You|you|We|we|They|they) will\b", r"\1'll"), (r"\b(It|it|That|that) is\b", r"\1's"),
        (r"\b(You|you|We|we|They|they) are\b", r"\1're"),
    ):  # fmt: skip
        shorter = re.sub(pattern, instead, shorter)
    if shorter == text:
        shorter = re.sub(r"\b(do|does|is|are|was|were)n't\b", r"\1 not", re.sub(r"\bcan't\b", "cannot", text))
    return shorter if shorter != text else None


def reordered(text: str, passage: Passage, rng: random.Random) -> str | None:
    match = re.match(
        r"(If|When|To|After|Before|In|On|For|With|Once|Until) ([^,]{6,90}), ([a-zA-Z][^,;:]{12,}?)\.$", text
    )
    if not match:
        return None
    main = match[3] if re.match(r"(?:I|[A-Z]\w* [A-Z])\b", match[3]) else match[3][0].upper() + match[3][1:]
    return f"{main} {match[1].lower()} {match[2]}."


def written_out(text: str, passage: Passage, rng: random.Random) -> str | None:
    found = list(re.finditer(r"(?<![\w.,:/$€£-])(?:[2-9]|1[0-2])(?![\w:%/-]|[.,]\d)", text))
    if found:
        match = rng.choice(found)
        return text[: match.start()] + _WORDS[int(match.group())] + text[match.end() :]
    words = list(re.finditer(rf"\b(?:{'|'.join(_WORDS[2:])})\b", text))
    if not words:
        return None
    match = rng.choice(words)
    return text[: match.start()] + str(_WORDS.index(match.group())) + text[match.end() :]


_NOTATIONS: tuple[tuple[str, str], ...] = (
    (r"\b(\d+) percent\b", r"\1%"), (r"\b(\d+)%", r"\1 percent"), (r"\b(\d+) hours\b", r"\1 h"), (r"\b7 days\b", "a week"),
    (r"\b14 days\b", "two weeks"), (r"\b24 hours\b", "one day"), (r"\b60 minutes\b", "an hour"),
    (r"\b(\d+) minutes\b", r"\1 min"), (r"\b(\d+) kg\b", r"\1 kilograms"), (r"\b(\d+) cm\b", r"\1 centimetres"),
    (r"\b(\d+) GB\b", r"\1 gigabytes"), (r"\$(\d[\d,.]*\d|\d)", r"\1 dollars"), (r"€ ?(\d[\d,.]*\d|\d)", r"\1 euros"),
    (r"\b(\d+),(\d{3})\b", r"\1\2"), (r"\b12 months\b", "a year"), (r"\b17:00\b", "5 pm"), (r"\b16:00\b", "4 p.m."),
    (r"\b09:00\b", "9 am"), (r"\b12:00\b", "noon"), (r"\b(\d+) euros\b", r"€\1"), (r"\b(\d+) dollars\b", r"$\1"),
)  # fmt: skip


def notation(text: str, passage: Passage, rng: random.Random) -> str | None:
    for pattern, instead in rng.sample(_NOTATIONS, len(_NOTATIONS)):
        if re.search(pattern, text):
            return re.sub(pattern, instead, text, count=1)
    return None


_PARTICIPLES = {
    "choose": "chosen", "select": "selected", "use": "used", "change": "changed", "open": "opened", "send": "sent",
    "create": "created", "delete": "deleted", "add": "added", "set": "set", "enter": "entered", "pay": "paid",
    "cancel": "cancelled", "view": "viewed", "find": "found", "edit": "edited", "make": "made", "post": "posted",
    "specify": "specified", "define": "defined", "export": "exported", "import": "imported", "see": "seen",
    "check": "checked", "accept": "accepted", "offer": "offered", "provide": "provided", "book": "booked",
    "collect": "collected", "return": "returned", "transfer": "transferred", "print": "printed", "apply": "applied",
}  # fmt: skip


def passive(text: str, passage: Passage, rng: random.Random) -> str | None:
    verbs = "|".join(_PARTICIPLES)
    if match := re.match(
        rf"(?:You|We) (can|must|cannot|will|should) ({verbs}) ((?:the|a|an|your|our) [a-z -]+?)( (?:by|in|on|for|from|with|within|at|to|if|when) .*)?\.$",
        text,
    ):
        thing = match[3][0].upper() + match[3][1:]
        return f"{thing} {match[1]} be {_PARTICIPLES[match[2]]}{match[4] or ''}."
    return None


def framed(text: str, passage: Passage, rng: random.Random) -> str | None:
    if not re.match(r"(?:The|You|If|It|We|To|Your|A|An|There|When)\b", text):
        return None
    before = rng.choice(
        ["Yes, ", "Please note that ", "Sure, ", "In short, ", "Unfortunately, ", "Of course: "]
    )
    return before + text[0].lower() + text[1:]


def part(text: str, passage: Passage, rng: random.Random) -> str | None:
    match = re.match(r"([A-Z][^,;:()]{20,}?)(?:, and|; |, which|, so) [^.]{12,}\.$", text)
    return f"{match[1]}." if match and not re.match(r"(?:If|When|Unless|To|As)\b", text) else None


def emphasised(text: str, passage: Passage, rng: random.Random) -> str | None:
    names = list(_NAME.finditer(text))
    if not names or "*" in text:
        return None
    match = rng.choice(names)
    return f"{text[: match.start()]}**{match.group()}**{text[match.end() :]}"


WRONG: dict[str, Edit] = {
    "number": number, "number of another": number_of_another, "date": date, "unit": unit, "entity": entity,
    "roles": roles, "negation": negation, "comparison": comparison, "quantifier added": quantifier_added,
    "command": command, "opposite": opposite, "condition dropped": condition_dropped,
    "condition added": condition_added,
}  # fmt: skip
RIGHT: dict[str, Edit] = {
    "synonyms": synonyms, "contraction": contraction, "reordered": reordered, "written out": written_out,
    "notation": notation, "passive": passive, "framed": framed, "part": part, "emphasised": emphasised,
}  # fmt: skip


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
    names = sorted({name for _, passage in passages for name in _NAME.findall(passage.text)})
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
            if (match := next(iter(_NAME.finditer(text)), None)) and names:
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
    r"\?|\b(?:would you|do you|can i|let me|shall i|i can|i will|anything else|help you|happy to|sorry|i'm|i am|thank"
    r"|no problem|sounds great|hope|reservation|mixed)\b",
    re.IGNORECASE,
)


def paraphrases(folder: Path) -> Iterator[Judged]:
    """DSTC11's human answers that rest on one cited passage, without their small talk: naturally supported."""
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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
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
