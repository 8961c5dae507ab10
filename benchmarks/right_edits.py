"""Edits after which a true sentence says the same. Rules, so that some results are clumsy English."""

from __future__ import annotations

import random
import re

from judged import NAME, Edit

from freehold.types import Passage

_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()

_SYNONYMS = (
    "choose select", "show display", "begin start", "buy purchase", "need require", "let allow",
    "help assist", "change modify", "remove delete", "big large", "quick fast", "get receive", "use employ",
    "make create", "end finish", "ask request", "pay settle", "fix repair", "send dispatch", "keep retain",
    "many numerous", "costs charges", "fee charge", "phone telephone", "customers clients",
    "customer client", "company firm", "employees staff", "parcel package", "photos pictures",
    "information details", "located situated", "additional extra", "usually normally", "also additionally",
    "children kids", "bike bicycle", "open unlock", "specify state", "calculate compute",
    "immediately at-once", "several various", "because since",
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
    (r"\b(\d+) percent\b", r"\1%"), (r"\b(\d+)%", r"\1 percent"), (r"\b(\d+) hours\b", r"\1 h"),
    (r"\b7 days\b", "a week"),
    (r"\b14 days\b", "two weeks"), (r"\b24 hours\b", "one day"), (r"\b60 minutes\b", "an hour"),
    (r"\b(\d+) minutes\b", r"\1 min"), (r"\b(\d+) kg\b", r"\1 kilograms"),
    (r"\b(\d+) cm\b", r"\1 centimetres"), (r"\b(\d+) GB\b", r"\1 gigabytes"),
    (r"\$(\d[\d,.]*\d|\d)", r"\1 dollars"), (r"€ ?(\d[\d,.]*\d|\d)", r"\1 euros"),
    (r"\b(\d+),(\d{3})\b", r"\1\2"), (r"\b12 months\b", "a year"), (r"\b17:00\b", "5 pm"),
    (r"\b16:00\b", "4 p.m."), (r"\b09:00\b", "9 am"), (r"\b12:00\b", "noon"),
    (r"\b(\d+) euros\b", r"€\1"), (r"\b(\d+) dollars\b", r"$\1"),
)  # fmt: skip


def notation(text: str, passage: Passage, rng: random.Random) -> str | None:
    for pattern, instead in rng.sample(_NOTATIONS, len(_NOTATIONS)):
        if re.search(pattern, text):
            return re.sub(pattern, instead, text, count=1)
    return None


_PARTICIPLES = {
    "choose": "chosen", "select": "selected", "use": "used", "change": "changed", "open": "opened",
    "send": "sent", "create": "created", "delete": "deleted", "add": "added", "set": "set",
    "enter": "entered", "pay": "paid", "cancel": "cancelled", "view": "viewed", "find": "found",
    "edit": "edited", "make": "made", "post": "posted", "specify": "specified", "define": "defined",
    "export": "exported", "import": "imported", "see": "seen", "check": "checked", "accept": "accepted",
    "offer": "offered", "provide": "provided", "book": "booked", "collect": "collected",
    "return": "returned", "transfer": "transferred", "print": "printed", "apply": "applied",
}  # fmt: skip


def passive(text: str, passage: Passage, rng: random.Random) -> str | None:
    verbs = "|".join(_PARTICIPLES)
    if match := re.match(
        rf"(?:You|We) (can|must|cannot|will|should) ({verbs}) ((?:the|a|an|your|our) [a-z -]+?)"
        r"( (?:by|in|on|for|from|with|within|at|to|if|when) .*)?\.$",
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
    names = list(NAME.finditer(text))
    if not names or "*" in text:
        return None
    match = rng.choice(names)
    return f"{text[: match.start()]}**{match.group()}**{text[match.end() :]}"


RIGHT: dict[str, Edit] = {
    "synonyms": synonyms, "contraction": contraction, "reordered": reordered, "written out": written_out,
    "notation": notation, "passive": passive, "framed": framed, "part": part, "emphasised": emphasised,
}  # fmt: skip
