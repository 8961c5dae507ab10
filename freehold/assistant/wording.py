"""A question's wording, read so that two questions can be told to be the same, or not.

Everything in a question counts unless it stands in a short list of words that never change an answer
(politeness, articles, `do`). What counts keeps its order, within the clause or the preposition it belongs
to: "from Paris to Rome" and "to Rome from Paris" agree, "from Rome to Paris" does not. Knows English's
small words only; other languages agree letter by letter or not at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from freehold.assistant.slips import mended

Chunk = tuple[str, tuple[str, ...]]
"""What leads it (a preposition, a question word, or nothing), and its words in order."""

_EDGES = ".,;:!?\"'()[]{}…*_~|`。？！、，；：（）「」"
_DASHES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": " - ", "\u00ad": None})
_FUNCTION = frozenset(
    """a all am an and any are as at be by can do for go he her him his how i if in is it its may me mine my
    no not of off on once only or our out own so some than that the them then they this to too up us was we
    were what when where which who whom why will with you your""".split()
)
"""Small words; one of them in capitals ("the US", "IT support") is another word."""
_CONTRACTED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), put)
    for pattern, put in (
        (r"\b(?:can't|cant|cannot)\b", "can not"),
        (r"\b(?:won't|wont)\b", "will not"),
        (r"\bshan't\b", "shall not"),
        (r"\b(do|does|did|is|are|was|were|has|have|had|could|would|should|must|need)(?:n't|nt)\b", r"\1 not"),
        (r"\b(i'm|im)\b", "i am"),
        (r"\b(i've|ive)\b", "i have"),
        (r"\b(what|where|who|how|when|why|it|that|there|here|he|she)'s\b", r"\1 is"),
        (r"\b(what|where|who|how)s\b", r"\1 is"),
        (r"\b(\w+)'re\b", r"\1 are"),
        (r"\b(\w+)'ve\b", r"\1 have"),
        (r"\b(\w+)'ll\b", r"\1 will"),
        (r"\b(\w+)'d\b", r"\1 would"),
        (r"\b(\w+s)'(?=\s|$)", r"\1"),
        (r"\b(\w+)'s\b", r"\1"),
        (r"\bgonna\b", "going to"),
        (r"\bwanna\b", "want to"),
        (r"\bu\b", "you"),
        (r"\bur\b", "your"),
        (r"\be-?mails?\b", "email"),
    )
)
_WH = "how|what|when|where|who|whom|whose|which|why"
_I = "(?:i|we|one|someone|somebody)"
_ASK = rf"(?=(?:{_WH}|if|whether)\b)"
_OPENINGS = re.compile(
    r"^(?:(?:(?:hi|hello|hey|hiya|dear|good (?:morning|afternoon|evening|day)|greetings)"
    r"(?: (?:there|all|team|everyone|sir|madam))*"
    r"|please|kindly|ok|okay|so|well|um+|uh+|hm+|btw|thanks|thank you|sorry(?: to bother you)?"
    r"|excuse me|quick question|(?:i have )?a (?:quick )?question)"
    r"(?: [,;])* "
    rf"|(?:can|could|would|will) (?:you|someone|anyone|anybody) (?:please |kindly )?"
    rf"(?:tell|explain to|explain|show|advise|inform|let|help|remind)"
    rf"(?: me| us)?(?: know| understand)? {_ASK}"
    rf"|(?:please |kindly )?(?:tell|show|advise|explain to|let|remind) (?:me|us)(?: know)? {_ASK}"
    rf"|(?:i|we) (?:would|want|need|wish)(?: (?:like|love|want|need))? to"
    rf" (?:know|ask|find out|understand|learn) {_ASK}"
    rf"|(?:i|we) (?:am|are|was|were) (?:just )?"
    rf"(?:wondering|curious|asking|trying to (?:find out|understand|figure out)) (?:about )?{_ASK}"
    rf"|(?:i|we) (?:do not|can not) (?:know|understand|figure out|find out) {_ASK}"
    rf"|(?:do|does|would) (?:you|anyone|anybody|someone) (?:happen to )?know {_ASK}"
    rf"|(?:is there )?any chance (?:that )?you (?:can|could) tell me {_ASK}"
    rf"|(?:any|got any) idea {_ASK}|(?:my|the) question is (?:, )?{_ASK})"
)
_CLOSINGS = re.compile(
    r"(?: [,;])*(?: (?:please help(?: me)?|can you help(?: me)?|please|kindly|thanks|thank you|thx|cheers"
    r"|many thanks|thanks (?:a lot|in advance)"
    r"|thank you (?:so|very) much|thank you in advance|guys|then)(?: [,;])*)+$"
)
_REWRITES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(re.sub(r"^\^", "(?:^|(?<=, ))", pattern)), put)
    for pattern, put in (
        (
            r"^(?:if|whether) (i|we|you|it|they|there) (can|could|will|would|should|must|may|am|are|is)\b",
            r"\2 \1",
        ),
        (
            rf"^how (?:do|can|could) {_I} (?:go about |get to |be able to )?(?=\w)",
            "howto ",
        ),
        (r"^how does (?:one|someone|somebody|a person) ", "howto "),
        (r"^how (?:i|we) (?:can|could|do) ", "howto "),
        (r"^how to ", "howto "),
        (
            r"^what (?:is|are|would be) (?:the )?(?:(?:way|steps?|procedure|process|instructions) to) ",
            "howto ",
        ),
        (rf"^what (?:do|should|must) {_I} (?:need to |have to |must )?do (?:in order )?to ", "howto "),
        (rf"^what steps (?:do|should|must) {_I} (?:need to )?(?:take|follow) to ", "howto "),
        (r"^is it possible (?:for (?:me|us) )?to ", "can i "),
        (r"^(?:am i|are we) able to ", "can i "),
        (r"^will (?:i|we) be able to ", "can i "),
        (r"^what (?:is|are) the (?:price|cost|pricing)s? (?:of|for) (?=\w)", "how much cost "),
        (r"^how much (?:do|does) (.+?) cost\b", r"how much cost \1"),
        (r"^how much (?:is|are) (?=\w)", "how much cost "),
        (r"^what (?:do|does) (.+?) cost\b", r"how much cost \1"),
        (r"^at what time ", "when "),
        (r"^what time (?=do|does|is|are|can|will)", "when "),
        (r"\b(?:have|has|need|needs|required|obliged) to\b", "must"),
        (r"\bcould not\b", "had can not"),
        (r"\bas well\b", "also"),
        (r"\bin order to\b", "to"),
        (r"\b(?:log|sign) (?:in|on) (?:to|into)\b|\b(?:log|sign)(?:in| in| on) (?:to|into)\b", "signin to"),
        (r"\b(?:log|sign) (?:in|on)\b|\blog(?:in|on)\b", "signin"),
        (r"\b(?:log|sign) (?:out|off)\b|\blog(?:out|off)\b", "signout"),
        (r"\bsign up\b", "register"),
        (r"\bset up\b", "setup"),
        (r"\b(?:post ?codes?|zip ?codes?|postal codes?)\b", "postcode"),
        (r"\b(?:cell ?phones?|mobile phones?)\b", "mobile"),
        (r"\b(?:united states(?: of america)?|usa|u\.s\.a?)(?=\s|$)", "US"),
        (r"\bunited kingdom\b", "uk"),
        (r"\bright away\b|\bstraight away\b", "immediately"),
    )
)
_LEADS = frozenset(
    """from to in on at by for with without of about into onto over under between through during within after
    before until since via per as than against if unless because when where how what who why whose""".split()
)
_DROPPED = frozenset("the do does please kindly actually basically exactly simply".split())
_YES_OR_NO = re.compile(
    r"(?:^|, )(?:do|does|did|is|are|am|was|were|can|could|will|would|should|must|may|have|has|had|need)\b"
)
_DEFINES = re.compile(
    r"(?:^|, )what (?:is|are)"
    r" (?!(?:the|my|your|our|its|their|his|her|this|that|these|those|there|you|i|we)\b)"
)
"""Asks what a thing is at all: "what is an exchange rate" is not "what is the exchange rate"."""
_SMALL = {
    "is": "be", "are": "be", "am": "be", "be": "be", "was": "was", "were": "was", "did": "did", "had": "had",
    "can": "can", "could": "can", "will": "will", "would": "would", "should": "should", "must": "must",
    "may": "may", "might": "may", "shall": "should",
    "a": "a", "an": "a", "i": "i", "we": "i", "my": "my", "our": "my", "your": "your", "you": "you",
    "me": "me", "us": "me",
}  # fmt: skip
_MAY_LACK = frozenset({"a", "i", "my", "your"})
"""Whose question or whose thing it is, and that it is any one thing, may go unsaid on one side."""
_ALIKE = {"which": "what", "whom": "who", "cannot": "not"}
_UNCOUNTED = frozenset(
    "goods customs news times savings arms glasses series always sometimes perhaps".split()
)
_NUMBERS = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
        " sixteen seventeen eighteen nineteen twenty".split()
    )
} | {"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "hundred": "100"}
_SYNONYMS = {
    word: group.split()[0]
    for group in (
        "buy purchase", "start begin", "help assist", "photo picture pic", "phone telephone", "tv television",
        "ad advert advertisement", "info information", "password pw pwd passcode", "account acct",
        "repair fix",
        "change modify alter", "quick fast quickly", "big large", "choose select pick", "allowed permitted",
        "show display", "kid child children", "car automobile", "wrong incorrect", "immediately instantly",
        "maximum max", "get obtain", "delete erase", "place location", "mobile cellphone smartphone",
        "require need", "firm company", "bike bicycle", "film movie",
    )
    for word in group.split()
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wording:
    """One question, read."""

    text: str
    exact: str
    """Its words without punctuation, case and contractions; empty when it has none."""
    chunks: tuple[Chunk, ...]
    """What counts, sorted by what leads it; what the same word leads keeps its order."""
    small: tuple[str, ...]
    """Auxiliaries and persons, sorted; their order does not count."""
    persons: tuple[str, ...]
    """Those of a, i, my, your that it holds, sorted."""

    @property
    def frame(self) -> str:
        """The same for two questions of the same words, in another order of their parts or more politely."""
        return _written(self.chunks, self.small)

    @property
    def meaning(self) -> str:
        """The same for two questions that differ, beside that, by synonyms or slips only."""
        return _written(canonical(self.chunks), self.small)


def read(text: str) -> Wording:
    """Reads a question. Never fails; a text without words has an empty `exact`."""
    exact = _normal(text)
    rewritten = _rewritten(exact)
    chunks: list[tuple[str, list[str]]] = [("", [])]
    if " ; " in rewritten:  # several sentences: what belongs to what is anybody's guess
        return Wording(text, _bare(exact), (("", tuple(_bare(rewritten).split())),), (), ())
    small: Counter[str] = Counter()
    persons: list[str] = []
    for word in _tokens(rewritten):
        if word == ",":
            chunks.append(("", []))
        elif word in _DROPPED:
            continue
        elif word in _LEADS:
            chunks.append((word, []))
        elif word in _SMALL:
            if (mapped := _SMALL[word]) in _MAY_LACK:
                persons.append(mapped)
            else:
                small[mapped] += 1
        else:
            chunks[-1][1].append(word)
    if _YES_OR_NO.search(rewritten):
        small["?"] += 1
    if _DEFINES.search(rewritten):
        small["define"] += 1
    told = sorted(((lead, tuple(said)) for lead, said in chunks if said or lead), key=lambda chunk: chunk[0])
    return Wording(text, _bare(exact), tuple(told), tuple(sorted(small.elements())), tuple(sorted(persons)))


def agree(one: Wording, other: Wording) -> bool:
    """Whether the two speak of the same persons and things: mine here is not yours, or any one, there."""
    here, there = Counter(one.persons), Counter(other.persons)
    return here <= there or there <= here


def canonical(chunks: Iterable[Chunk]) -> tuple[Chunk, ...]:
    """The chunks with slips mended and one word for all its synonyms."""
    return tuple(
        (lead, tuple(_SYNONYMS.get(mended(word), mended(word)) for word in said)) for lead, said in chunks
    )


def _written(chunks: Iterable[Chunk], small: Iterable[str]) -> str:
    return " | ".join([" ".join((f"{lead}:", *said)) for lead, said in chunks] + [" ".join(small)])


def _normal(text: str) -> str:
    """Lower case, contractions written out; of punctuation `,` is left, and `;` between sentences."""
    plain = unicodedata.normalize("NFKC", text).translate(_DASHES)
    shouted = plain.upper() == plain
    pieces: list[str] = []
    marked = re.sub(r"[.?!]+(?=\s+\w)", " ; ", re.sub(r"[,;](?=\s)", " , ", plain))
    for at, piece in enumerate(marked.split()):
        word = piece.strip(_EDGES) if piece not in (",", ";") else piece
        if word in ("", "-"):
            continue
        meant = not shouted and word.isupper() and len(word) > 1 and word.lower() in _FUNCTION
        month = word == "May" and at > 0
        pieces.append(word if meant or month else word.lower())
    joined = " ".join(pieces)
    for pattern, put in _CONTRACTED:
        joined = pattern.sub(put, joined)
    return re.sub(r"(?: [,;])+(?= ;)| ,(?= ,)", "", joined).strip(" ,;")


def _bare(normal: str) -> str:
    return re.sub(r" [,;](?= |$)", "", normal)


def _rewritten(text: str) -> str:
    before = None
    while before != text:
        before = text
        text = _CLOSINGS.sub("", _OPENINGS.sub("", text, count=1)).strip(" ,;") or before
    for pattern, put in _REWRITES:
        text = pattern.sub(put, text)
    return text


def _tokens(text: str) -> Iterator[str]:
    """The words of a normal text: numbers in digits, hyphens and units apart, plurals singular."""
    for piece in text.split():
        apart = re.sub(r"(?<=[^\W\d_])-(?=[^\W\d_])", " ", piece)
        apart = re.sub(r"^([$€£¥])(?=\d)|(?<=\d)(%|[$€£¥])$", r" \1\2 ", apart)
        apart = re.sub(r"^(\d+(?:[.,]\d+)*)(?=[a-z]{1,3}$)", r"\1 ", apart)
        for word in apart.split():
            word = re.sub(r"(?<=\d),(?=\d{3}\b)", "", word)
            word = {"%": "percent", "$": "dollar", "€": "euro", "£": "pound"}.get(word, word)
            word = _ALIKE.get(word, word)
            known = word in _DROPPED or word in _SMALL or word in _LEADS
            yield word if known else _NUMBERS.get(word, _singular(word))


def _singular(word: str) -> str:
    if (
        len(word) < 4
        or not word.isascii()
        or not word.isalpha()
        or word in _UNCOUNTED
        or word != word.lower()
    ):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if re.search(r"(?:[sxz]|ch|sh)es$", word):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word
