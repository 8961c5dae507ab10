"""Turns headings and sentences of help centres into what a customer would ask, by rules.

"Create a sales order" becomes "How do I create a sales order?", "You can send money abroad" becomes "Can I
send money abroad?". Knows English only, and no grammar beyond these patterns: what fits none of them is
asked as it stands, as customers do too.
"""

from __future__ import annotations

import re

_VERBS = frozenset(
    "access activate add adjust allocate allow amend analyze append apply approve archive ask assign attach "
    "automate avoid block book build buy calculate cancel capture change check choose clean clear close "
    "collect combine compare configure confirm connect consolidate contact control convert copy correct "
    "count create customize deactivate declare define delete deposit design develop disable disconnect "
    "discover display dispute distribute download drill earn edit enable enroll enter estimate exchange "
    "exclude export extend fill filter find fix follow forecast generate get give grant group handle hide "
    "highlight identify implement import include inspect install integrate invite invoice issue join keep "
    "know link list load lock log maintain make manage map mark match maximize measure meet merge migrate "
    "minimize modify monitor move navigate notify open order organize override pause pay perform "
    "personalize pick plan populate post prepare preview price print process produce protect provide "
    "purchase reach receive reclassify reconcile record redeem reduce refer refresh register release remind "
    "remove rename renew reopen replace report request reschedule reserve reset resolve restrict resume "
    "retrieve return reverse review run save schedule search secure select sell send set share ship show "
    "sign simulate skip sort specify split start stop store submit suggest switch synchronize test track "
    "train transfer troubleshoot turn unblock understand undo uninstall unlock update upgrade upload use "
    "validate value verify view withdraw work write".split()
)
_NOUNS = frozenset(
    "access block book change contact control count deposit design display dispute earn estimate exchange "
    "export fix forecast get group import invoice issue list load lock log map mark match measure order "
    "pause pay pick plan post preview price print process produce purchase record refund release report "
    "request reset return review run schedule search set share show sign sort split start stop store switch "
    "test track train transfer update upgrade use value view work".split()
)
"""Verbs that are nouns too; what they begin is taken for a noun when it ends in one of `_HEADS`."""
_HEADS = frozenset(
    "adjustments amount amounts areas considerations cost costs criteria data date dates details examples "
    "fees formula group groups guide guidelines information journal lifecycle limits line lines logic method "
    "methods number numbers operations options order orders overview page period policies policy procedure "
    "procedures process receipt report reports requirement requirements restrictions results rules setup "
    "statement status statuses tables template terms threshold timeline tips type types value window "
    "worksheet".split()
)
_TO_SAY = re.compile(
    r"^(?:internal|[\w ]{4,20} local functionality|design details|walkthrough|tutorial|guide|overview"
    r"|procedure|topic)\s*[:–-]\s+",
    re.I,
)
_TRAILING = re.compile(
    r"\s*[:\-–—]?\s*[(\[](?:internal|preview|optional|legacy|deprecated|power bi report|continued)[)\]]\s*$"
    r"|\s*[:\-–—]\s*(?:overview|internal|faq|step[- ]by[- ]step)\s*$",
    re.I,
)
_NUMBERED = re.compile(r"^(?:(?:step|part|phase|scenario|section|table)\s+)?\(?[\dA-Z]{0,3}\d*[.):]\s+", re.I)
_COUNTRIES = {
    "AT": "Austria", "AU": "Australia", "BE": "Belgium", "CA": "Canada", "CH": "Switzerland",
    "CZ": "Czechia", "DE": "Germany", "DK": "Denmark", "ES": "Spain", "FI": "Finland", "FR": "France",
    "GB": "the UK", "IN": "India", "IS": "Iceland", "IT": "Italy", "MX": "Mexico", "NL": "the Netherlands",
    "NO": "Norway", "NZ": "New Zealand", "RU": "Russia", "SE": "Sweden", "UK": "the UK", "US": "the US",
}  # fmt: skip
_COUNTRY = re.compile(r"\s*[\[(]([A-Z]{2})[\])]\s*$")
_WITH_AUXILIARY = re.compile(
    r"^(what(?= (?:the|your) )|when|where|which [\w-]+|why|how|how (?:much|many|long|often)) (.{2,60}?) "
    r"(is|are|was|can|can't|may|might|must|should|will|has|have)\b (.+)$",
    re.I,
)
_ASKS = re.compile(
    r"^(?:(?:what|when|where|which|who|why|how)\b.*?\b)?(?:is|are|do|does|can|should|will|may|must)\b"
    r" (?:i|my|we|the|a|an|there|it|you)\b",
    re.I,
)
_EXPLAINS = re.compile(
    r"^(?:this|the following) (?:article|topic|section|page|procedure|guide|document|walkthrough|tutorial)s?"
    r"(?: (?:also|briefly))? (?:explains?|describes?|shows?(?: you)?|demonstrates?|outlines?|covers?"
    r"|provides? (?:an overview of|information (?:about|on)|instructions (?:on|for)|guidance on)"
    r"|guides? you through|walks? you through|is about|tells? you)\s+(.+)$",
    re.I,
)
_DEICTIC = re.compile(
    r"^(?:we|at|do you|one of|similar|that|it|its|they|their|here|there|note|also|then|and|but|or|so|both"
    r"|each of|see|read|refer|please"
    r"|learn|for more|by default|however|additionally|otherwise|in addition|alternatively|once|after that"
    r"|next|finally|first|below|q:|a:|to do so|the (?:action|batch job|default|feature|field|following|job"
    r"|next|option|page|previous|procedure|process|report|same|setting|system|table|values?|above))\b"
    r"|\b(?:this|these|those|such|following|below|above|listed here|as follows|described in|the image"
    r"|screenshot)\b|\n",
    re.I,
)
"""Sentences that lean on what stands around them."""


_LEANS = re.compile(r"^(?:faqs?|q&a)\b|\b(?:it|they|them|this|these|below|above)\b", re.I)
"""Headings that lean on others, or name only what kind of text follows."""
_IN_MY_VOICE = (
    (r"\byour\b", "my"),
    (r"\byours\b", "mine"),
    (r"\byourself\b", "myself"),
    (r"\byou(?: are|'re)\b", "I am"),
    (r"\byou'(ve|ll)\b", r"I'\1"),
    (r"\b(for|to|with|by|from|of|on|at|lets?|let|helps?|allows?|enables?|gives?|shows?|tells?|requires?|take|\w+ing)"
     r" you\b", r"\1 me"),
    (r"\byou\b", "I"),
)  # fmt: skip


def asked_of_heading(heading: str) -> str | None:
    """What someone asks whose answer stands under this heading; None when it names nothing to ask of."""
    text, where = _trimmed(heading)
    if len(text) < 8 or len(text.split()) > 16 or _LEANS.search(text):
        return None
    subject, colon, rest = text.partition(": ")
    if colon and len(rest) >= 8 and 1 <= len(subject.split()) <= 5:
        rest = re.sub(r"^troubleshooting: ", "", rest, flags=re.I)
        if subject.lower() in ("troubleshooting", "troubleshoot", "example", "examples", "tip", "note"):
            return _sentence(rest)
        inner = _asked(rest).rstrip("?.")
        if re.match(r"(?:after|before|during|when|if|how)\b", subject, re.I):
            return f"{inner} {_lower(subject)}?"
        return f"{inner} {_joint(inner)} the {subject}?"
    return _asked(text, where)


def asked_of_sentence(sentence: str) -> str | None:
    """What someone asks whose answer begins so, or says who has this in mind; None when the sentence only
    makes sense where it stands."""
    text = re.sub(r"\*\*|`|\[[^\]]*\]$", "", sentence).strip()
    text = re.sub(r"\s*\([^)]*\)", "", text)
    if found := _EXPLAINS.match(text):
        inner = found[1].rstrip(".")
        if inner.lower().startswith("how to "):
            return f"How do I {_mine(inner[7:])}?"
        return _sentence(f"what about {_mine(inner)}") + "?" if len(inner.split()) > 3 else None
    if _DEICTIC.search(text) or not text.endswith((".", "?")) or ":" in text:
        return None
    text = text.rstrip(".")
    if text.endswith("?"):
        return _sentence(_mine(text))
    if found := re.match(r"^(?:with [^,]{3,60}, )?you can (?:also |now |only |easily )?(.+)$", text, re.I):
        return f"Can I {_mine(found[1])}?"
    if found := re.match(
        r"^(?:you (?:must|need to|have to|should)|.{0,40}\brequires you to) (.+)$", text, re.I
    ):
        return f"Do I have to {_mine(found[1])}?"
    if found := re.match(r"^(?:in order )?to ([a-z].{8,90}?), .+$", text, re.I):
        return f"How do I {_mine(found[1])}?"
    if found := re.match(r"^(if|when) (you .{8,100}?), .+$", text, re.I):
        return f"What happens {found[1].lower()} {_mine(found[2])}?"
    if found := re.match(r"^use (.{4,90}?) to (?!the |a )(.{6,90})$", text, re.I):
        return f"What do I use to {_mine(found[2])}?"
    return f"{text}."


def _trimmed(heading: str) -> tuple[str, str]:
    """Without what help centres put around a subject, and the country it is said for."""
    text = heading.strip().rstrip(".:")
    where = ""
    if (found := _COUNTRY.search(text)) and found[1] in _COUNTRIES:
        text, where = text[: found.start()], f" in {_COUNTRIES[found[1]]}"
    for pattern in (_TO_SAY, _TRAILING, _NUMBERED):
        text = pattern.sub("", text).strip()
    return text, where


def _asked(text: str, where: str = "") -> str:
    text = text.strip()
    if text.endswith("?"):
        return _sentence(_mine(text))
    if _ASKS.match(text):
        return _sentence(_mine(text)) + f"{where}?"
    report = re.match(r"^(.+?) \((report|page|table|field|journal|batch job)\)$", text)
    if report:
        return f"What is the {report[1]} {report[2]} for{where}?"
    if found := re.match(r"^(?:how )?to (\w.+)$", text, re.I):
        return f"How do I {_mine(_lower(found[1]))}{where}?"
    if found := re.match(r"^what (?:you|i) (can|need|should|must|will)\b ?(.*)$", text, re.I):
        return f"What {found[1].lower()} I {_mine(found[2])}{where}?".replace("What need I", "What do I need")
    if found := re.match(r"^how (.+?) works?$", text, re.I):
        return f"How does {_lower(found[1])} work{where}?"
    if found := _WITH_AUXILIARY.match(text):
        return f"{_sentence(found[1])} {found[3].lower()} {_mine(found[2])} {_mine(found[4])}{where}?"
    text = re.sub(r"^set-?up ", "set up ", text, flags=re.I)
    first, _, rest = text.partition(" ")
    if rest and first.endswith("lly") and rest.partition(" ")[0].lower() in _VERBS:
        return f"How do I {_mine(_lower(text))}{where}?"
    verb = first.lower() if first.lower() in _VERBS else _of_gerund(first)
    spoken = text.lower().split()
    noun = "guide" in spoken or (
        verb in _NOUNS
        and not _HEADS.isdisjoint(spoken[1:2] + spoken[-1:])
        and spoken[1:2] not in (["a"], ["an"], ["the"], ["up"], ["your"])
    )
    if rest and verb and not noun:
        rest = re.sub(r"\b(and|or) (\w+ing)\b", _and_verb, rest)
        return f"How do I {verb} {_mine(_lower(rest))}{where}?"
    if re.match(r"^(?:what|when|where|which|who|why|how)\b", text, re.I):
        return _sentence(_mine(text)) + f"{where}?"
    if re.match(r"^about ", text, re.I):
        text = text[6:]
    return f"What about {_mine(_lower(text))}{where}?"


def _joint(inner: str) -> str:
    return "for" if inner.startswith("What about") else "with"


def _of_gerund(word: str) -> str | None:
    """ "Setting" gives "set"; None for what is no gerund of a verb known here."""
    word = word.lower()
    if not word.endswith("ing"):
        return None
    stem = word[:-3]
    doubled = stem[:-1] if len(stem) > 2 and stem[-1] == stem[-2] else ""
    return next((verb for verb in (stem, stem + "e", doubled) if verb in _VERBS), None)


def _and_verb(found: re.Match[str]) -> str:
    return f"{found[1]} {_of_gerund(found[2]) or found[2]}"


def _mine(text: str) -> str:
    """In the asker's voice."""
    for pattern, said in _IN_MY_VOICE:
        text = re.sub(pattern, said, text, flags=re.I)
    return text


def _lower(text: str) -> str:
    """Begun small, and small throughout where every word was written large; names and abbreviations with
    capitals or digits inside stay."""
    tokens = text.split(" ")
    long = [token for token in tokens[1:] if len(token) > 3]
    everywhere = len(long) > 1 and sum(token[0].isupper() for token in long) > 0.6 * len(long)
    return " ".join(
        token.lower() if (everywhere or not at) and not re.search(r"[A-Z0-9]", token[1:]) else token
        for at, token in enumerate(tokens)
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
