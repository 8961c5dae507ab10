"""Pairs of questions that differ in little: such as ask something else, and such as ask the same.

Edits and rewordings are made of real questions by the rules below, drawn with a seed. The words that the
rewordings put in are chosen here, not taken from the product's own lists.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Sequence

Edit = Callable[[str, random.Random], str | None]
"""A question changed, or None where there is nothing to change."""


def swapped(pairs: Sequence[tuple[str, str]]) -> Edit:
    """One of the words turned into its counterpart, in either direction."""
    ways = [*pairs, *((b, a) for a, b in pairs)]

    def edit(text: str, chance: random.Random) -> str | None:
        fit = [(a, b) for a, b in ways if re.search(rf"\b{re.escape(a)}\b", text, re.I)]
        if not fit:
            return None
        a, b = chance.choice(fit)
        return re.sub(rf"\b{re.escape(a)}\b", b, text, count=1, flags=re.I)

    return edit


def number(text: str, chance: random.Random) -> str | None:
    found = list(re.finditer(r"\d+", text))
    if not found:
        return None
    one = chance.choice(found)
    return text[: one.start()] + str(int(one[0]) + chance.choice((1, 2, 10))) + text[one.end() :]


def name(names: Sequence[str]) -> Edit:
    """A capitalised word within the question turned into another question's."""

    def edit(text: str, chance: random.Random) -> str | None:
        found = list(re.finditer(r"(?<=[a-z,] )[A-Z][a-z]{2,}", text))
        if not found:
            return None
        one = chance.choice(found)
        other = chance.choice(names)
        return None if other.lower() in text.lower() else text[: one.start()] + other + text[one.end() :]

    return edit


def negated(text: str, _chance: random.Random) -> str | None:
    if re.search(r"\b(?:not|no|never)\b|n't\b", text, re.I):
        return re.sub(r"\s\bnot\b|n't\b", "", text, count=1, flags=re.I)
    found = re.search(
        r"\b(?:can|could|will|would|should|do|does|did|is|are|was|were)(?: I| you| we| it| they)?\b", text
    )
    return None if found is None else text[: found.end()] + " not" + text[found.end() :]


def turned(text: str, _chance: random.Random) -> str | None:
    """From A to B becomes from B to A."""
    found = re.search(r"\bfrom (\w+) to (\w+)\b", text, re.I)
    return None if found is None else text.replace(found[0], f"from {found[2]} to {found[1]}")


def added(words: Sequence[str]) -> Edit:
    """Something that narrows the question, at its end."""

    def edit(text: str, chance: random.Random) -> str | None:
        return f"{text.rstrip(' ?.!')} {chance.choice(words)}?"

    return edit


def edits(names: Sequence[str]) -> dict[str, Edit]:
    """Changes after which the answer is another one."""
    return {
        "number": number,
        "name": name(names),
        "negation": negated,
        "from and to": turned,
        "question word": swapped(
            [
                ("when", "where"),
                ("who", "when"),
                ("how many", "how much"),
                ("why", "how"),
                ("what", "why"),
                ("where", "who"),
                ("how long", "how often"),
            ]
        ),
        "who does it": swapped([("I", "you"), ("my", "your"), ("me", "him"), ("we", "they")]),
        "may, must, can": swapped(
            [("can", "must"), ("can", "should"), ("do", "did"), ("will", "did"), ("is", "was")]
        ),
        "comparison": swapped(
            [
                ("more", "less"),
                ("before", "after"),
                ("first", "last"),
                ("most", "least"),
                ("minimum", "maximum"),
                ("over", "under"),
                ("largest", "smallest"),
                ("early", "late"),
            ]
        ),
        "quantifier": swapped(
            [("all", "some"), ("any", "every"), ("one", "two"), ("only", "also"), ("both", "either")]
        ),
        "unit": swapped(
            [
                ("days", "weeks"),
                ("year", "month"),
                ("hours", "minutes"),
                ("EUR", "USD"),
                ("euro", "dollar"),
                ("miles", "kilometres"),
                ("century", "decade"),
                ("pounds", "euros"),
            ]
        ),
        "opposite": swapped(
            [
                ("with", "without"),
                ("on", "off"),
                ("in", "out"),
                ("up", "down"),
                ("open", "close"),
                ("add", "remove"),
                ("send", "receive"),
                ("deposit", "withdraw"),
                ("activate", "deactivate"),
                ("from", "to"),
                ("to", "from"),
                ("top up", "withdrawal"),
                ("debit", "credit"),
                ("failed", "declined"),
                ("transfer", "payment"),
            ]
        ),
        "edition or time": added(
            [
                "on the Pro plan",
                "with the Basic plan",
                "in version 2",
                "on Android",
                "in Germany",
                "today",
                "next year",
                "after 30 days",
                "for children",
                "without a card",
                "abroad",
                "per month",
            ]
        ),
    }


_CONTRACTIONS = [
    ("what is", "what's"),
    ("where is", "where's"),
    ("who is", "who's"),
    ("how is", "how's"),
    ("do not", "don't"),
    ("does not", "doesn't"),
    ("did not", "didn't"),
    ("is not", "isn't"),
    ("cannot", "can't"),
    ("can not", "can't"),
    ("i am", "I'm"),
    ("i have", "I've"),
    ("has not", "hasn't"),
    ("have not", "haven't"),
    ("will not", "won't"),
    ("was not", "wasn't"),
    ("it is", "it's"),
    ("are not", "aren't"),
    ("could not", "couldn't"),
]
_SYNONYMS = [
    ("buy", "purchase"),
    ("begin", "start"),
    ("photo", "picture"),
    ("phone", "telephone"),
    ("delete", "erase"),
    ("change", "modify"),
    ("change", "alter"),
    ("incorrect", "wrong"),
    ("get", "obtain"),
    ("allowed", "permitted"),
    ("immediately", "right away"),
    ("need to", "have to"),
    ("sign in", "log in"),
    ("help", "assist"),
    ("fix", "repair"),
    ("big", "large"),
    ("quickly", "fast"),
    ("information", "info"),
    ("choose", "pick"),
    ("show", "display"),
    ("children", "kids"),
    ("require", "need"),
    ("movie", "film"),
    ("maximum", "max"),
    ("find out", "learn"),
    ("receive", "get"),
    ("close", "shut"),
    ("cost", "price"),
    ("stop", "halt"),
    ("answer", "reply"),
    ("job", "occupation"),
    ("country", "nation"),
    ("build", "construct"),
    ("often", "frequently"),
    ("happen", "occur"),
    ("important", "significant"),
    ("explain", "clarify"),
    ("fee", "charge"),
    ("declined", "rejected"),
    ("topping up", "recharging"),
    ("refund", "reimbursement"),
    ("still", "yet"),
    ("arrive", "come"),
    ("verify", "confirm"),
    ("reason", "cause"),
    ("main", "principal"),
]
_BEFORE = [
    "Hi, {}",
    "Hello! {}",
    "Please, {}",
    "Could you please tell me {}",
    "Can you tell me {}",
    "I'd like to know {}",
    "Good morning, {}",
    "Hey there, {}",
    "Do you know {}",
    "I was wondering {}",
    "Quick question: {}",
    "I want to find out {}",
    "Sorry to bother you, {}",
    "Excuse me, {}",
    "Any chance you could tell me {}",
]
_AFTER = [
    "{}, please?",
    "{} Thanks!",
    "{} Thank you in advance.",
    "{} thx",
    "{} Please help.",
    "{} Cheers",
    "{}!!",
]
_WH = re.compile(r"(?:how|what|when|where|who|which|why)\b", re.I)


def politely(text: str, chance: random.Random) -> str | None:
    if chance.random() < 0.4:
        return chance.choice(_AFTER).format(text)
    frame = chance.choice(_BEFORE)
    if not frame.startswith(
        ("Hi", "Hello", "Good", "Hey", "Quick", "Excuse", "Sorry", "Please")
    ) and not _WH.match(text):
        return None
    return frame.format(text[0].lower() + text[1:] if not text.startswith("I ") else text)


def contracted(text: str, chance: random.Random) -> str | None:
    return swapped(_CONTRACTIONS)(text, chance)


def synonym(text: str, chance: random.Random) -> str | None:
    return swapped(_SYNONYMS)(text, chance)


def reordered(text: str, _chance: random.Random) -> str | None:
    """The last phrase with a preposition goes to the front."""
    found = re.fullmatch(
        r"(.{8,}?) ((?:in|on|at|for|from|during|after|before|with|under|since) [\w' ]{3,40}?)[?.!]*", text
    )
    if found is None or re.search(r"\b(?:to|of|and|or)\b", found[2]):
        return None
    return f"{found[2][0].upper()}{found[2][1:]}, {found[1][0].lower()}{found[1][1:]}?"


def mistyped(text: str, chance: random.Random) -> str | None:
    """One letter left out, doubled, swapped or wrong, in a word of at least five letters."""
    found = list(re.finditer(r"\b[a-z]{5,}\b", text))
    if not found:
        return None
    word = chance.choice(found)
    at = word.start() + chance.randrange(1, len(word[0]) - 1)
    kind = chance.randrange(4)
    put = ("", text[at] * 2, text[at + 1] + text[at], chance.choice("aeioustnr"))[kind]
    made = text[:at] + put + text[at + (2 if kind == 2 else 1) :]
    return None if made == text else made


def restyled(text: str, chance: random.Random) -> str | None:
    return chance.choice((str.lower, str.upper, lambda t: t.rstrip("?.! "), lambda t: f"  {t}  ?"))(text)


def rephrased(text: str, chance: random.Random) -> str | None:
    """The ways people ask how to do something, what it costs, and whether they can."""
    ways = [
        (
            r"how (?:do|can|should) I (.+?)\?*",
            (
                "How to {}?",
                "What do I need to do to {}?",
                "What's the best way to {}?",
                "What are the steps to {}?",
                "I need to know how to {}",
                "Is there a way to {}?",
            ),
        ),
        (
            r"can I (.+?)\?*",
            ("Is it possible to {}?", "Am I able to {}?", "Could I {}?", "Am I allowed to {}?"),
        ),
        (
            r"how much (?:does|do) (.+?) cost\?*",
            ("What is the price of {}?", "How much is {}?", "What does {} cost?"),
        ),
        (
            r"what (?:is|are) the (?:cost|price)s? (?:of|for) (.+?)\?*",
            ("How much does {} cost?", "How much is {}?"),
        ),
        (r"why (?:is|was) (my .+?) (\w+ed)\?*", ("What is the reason {} was {}?", "Why has {} been {}?")),
    ]
    for pattern, frames in ways:
        if found := re.fullmatch(pattern, text.strip(), re.I):
            return chance.choice(frames).format(*found.groups())
    return None


REWORDINGS: dict[str, Edit] = {
    "letter case, marks": restyled,
    "politeness": politely,
    "contractions": contracted,
    "order of the parts": reordered,
    "synonyms": synonym,
    "slips of the finger": mistyped,
    "another way of asking": rephrased,
}


def made(texts: Iterable[str], edit: Edit, count: int, seed: str) -> list[tuple[str, str]]:
    """At most `count` pairs of a question and what the edit made of it."""
    chance = random.Random(seed)
    pool = list(dict.fromkeys(texts))
    chance.shuffle(pool)
    pairs = []
    for text in pool:
        other = edit(text, chance)
        if other is not None and other != text:
            pairs.append((text, other))
        if len(pairs) == count:
            break
    return pairs
