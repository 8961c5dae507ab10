"""Small talk, answered in our own words without a search.

Only a message that is small talk from end to end is answered here; a greeting before a question is taken off,
and the question goes its way. Says of itself what is true: an AI, the documents, and whether a person can be
reached.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

GREETING = "Hello! What would you like to know? I answer from the documents I have been given."
WELCOME = "You're welcome. Is there anything else you would like to know?"
GOODBYE = "Goodbye!"
FINE = "I am doing fine, thank you. What would you like to know?"
GO_ON = "All right. Just ask when there is anything else you would like to know."
HELP = "Gladly. What would you like to know? I answer from the documents I have been given."
WHO = (
    "I am an AI assistant, not a person. I answer from the documents I have been given, show where each"
    " answer comes from, and say so when they do not have it."
)
PERSON = (
    "I am an AI assistant and cannot connect you with a person from here. I can look in the documents for"
    " you: if they name a way to reach somebody, ask me how to get in touch."
)
ABUSE = (
    "I am sorry this is frustrating. Tell me what you are looking for and I will look in the documents again."
)

_HI = r"(?:hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day)|hallo|yo)"
_WHOM = r"(?:there|all|everyone|everybody|team|folks|guys|again|sir|madam|bot|assistant)"
_SOMEONE = (
    r"(?:(?:a|an|the|some|any)? ?(?:real |live |actual |human )*(?:person|human|human being|agent|people"
    r"|representative"
    r"|rep|operator|advisor|adviser|somebody|someone|employee|colleague|staff|support agent"
    r"|customer service))"
)
_CONTACT = r"(?:talk|speak|chat|write|get (?:in touch|through)|be connected|be transferred)"
_KINDS: tuple[tuple[str, str, str], ...] = (
    (
        "person",
        rf"(?:please )?(?:can|could|may) i (?:please )?{_CONTACT} (?:to|with) {_SOMEONE}(?: please)?"
        rf"|i(?: would|'d)? (?:want|need|like|wish) to {_CONTACT} (?:to|with) {_SOMEONE}(?: please)?"
        rf"|(?:please )?(?:let me|i must) {_CONTACT} (?:to|with) {_SOMEONE}(?: please)?"
        rf"|(?:please )?(?:connect|transfer|put) me (?:to|with|through to) {_SOMEONE}(?: please)?"
        rf"|(?:{_CONTACT} to )?(?:(?:real |live )?(?:person|human|agent|operator"
        rf"|representative))(?: please| now)*"
        rf"|is there {_SOMEONE} (?:i can {_CONTACT} (?:to|with)|here|there)"
        rf"|(?:give|get) me {_SOMEONE}(?: please)?",
        PERSON,
    ),
    (
        "who",
        r"(?:are|r) (?:you|u) (?:really |actually )?(?:an? )?(?:bot|chat ?bot|robot|human|human being"
        r"|person|real|real person|machine|ai"
        r"|computer|chatgpt|real human)(?: or (?:an? )?(?:bot|robot|human|person|real person|machine|ai))?"
        r"|am i (?:talking|speaking|chatting) (?:to|with) (?:an? )?(?:bot|chat ?bot|robot|human|person"
        r"|machine|ai|real person|computer)"
        r"(?: or (?:an? )?(?:bot|robot|human|person|real person|machine|ai))?"
        r"|is (?:this|that) (?:an? )?(?:bot|chat ?bot|robot|human|person|machine|ai|real person)"
        r"|(?:who|what) (?:are|r) (?:you|u)|what(?:'s| is) your name|what do you do|what can you (?:do"
        r"|help(?: me)? with)"
        r"|how can you help(?: me)?|who (?:made|built) you",
        WHO,
    ),
    (
        "abuse",
        r"(?:fuck(?: you| off| this)?|screw you|shut up|(?:you|u)(?: are|'re| r)? (?:so |a |an |such "
        r"|such a |fucking )*"
        r"(?:stupid|useless|dumb|idiot|moron|worthless|terrible|awful|bad bot|stupid bot|joke)"
        r"|this (?:bot )?is (?:so |fucking )*(?:useless|stupid|shit|crap|bullshit|ridiculous|a joke)"
        r"|stupid (?:bot|thing|machine)"
        r"|useless(?: bot)?|idiot|moron|bullshit|wtf|go to hell|i hate (?:you|this))",
        ABUSE,
    ),
    (
        "thanks",
        r"(?:(?:many |great |perfect |ok(?:ay)? )?(?:thanks|thank you|thx|ty|cheers|thank u|tysm)"
        r"(?: (?:a lot|so much|very much|again|a million|you|for (?:your|the|all your) (?:help|time"
        r"|answer|answers|info|information)"
        r"|for (?:helping|that)))*|much appreciated|i appreciate (?:it|that|your help)"
        r"|that(?:'s| is| was) (?:very |really |so )?(?:helpful|great|perfect|all|it|all i needed"
        r"|what i needed)"
        r"|(?:that|this|it|you) (?:really )?(?:helped|helps|worked|works)(?: a lot| me)?|very helpful"
        r"|no(?:pe)? thanks|no thank you"
        r"|nothing else|that will be all|that answers (?:it|my question))",
        WELCOME,
    ),
    (
        "bye",
        r"(?:bye(?: bye)?|goodbye|good bye|see you(?: later)?|good ?night|have a (?:nice|great"
        r"|good) (?:day|one|evening|weekend)|cya|ciao)",
        GOODBYE,
    ),
    (
        "fine",
        r"(?:how are (?:you|u)(?: doing)?(?: today)?|how(?:'s| is) it going|how do you do|what'?s up|sup"
        r"|nice to meet you)",
        FINE,
    ),
    (
        "help",
        r"(?:(?:please )?(?:can|could|will|would) (?:you|u|someone"
        r"|anyone) (?:please )?help(?: me)?(?: please| out)?|i (?:need|want) (?:some |your )?help"
        r"|(?:please )?help(?: me)?(?: please)?|i have (?:a|another|one more) question|(?:may"
        r"|can) i ask (?:you )?(?:something|a question)"
        r"|i have a (?:quick )?question(?: for you)?|are you (?:there|here)|anyone (?:there|here)"
        r"|is any(?:one|body) there)",
        HELP,
    ),
    (
        "ok",
        r"(?:ok(?:ay)?|k|kk|alright|all right|fine|sure|got it|i see|understood|great|perfect|cool|nice"
        r"|awesome|excellent|wonderful"
        r"|good|very good|super|sounds good|good to know|makes sense|lol|haha+|wow|hm+|yay|amazing"
        r"|never ?mind|no problem|you too)",
        GO_ON,
    ),
    ("hi", rf"{_HI}(?: {_WHOM})*", GREETING),
)
_KIND = tuple((re.compile(rf"(?:{pattern})(?!\S)"), reply) for _, pattern, reply in _KINDS)
_GREETED = re.compile(rf"{_HI}(?!\w)(?:[\s,]+{_WHOM}(?!\w))*", re.IGNORECASE)
_NAMED = re.compile(r"\s*,?\s*(?-i:[A-Z][^\W\d_]{1,20})(?=\s*[,!.\n]|\s*$)")
_QUESTION_FOLLOWS = re.compile(
    r"(?:i|i'm|i've|my|we|our|what|how|when|where|who|which|why|is|are|was|do|does|did|can|could|will|would"
    r"|should|may|must|has|have|please|there is|tell)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Talk:
    """What of a message is small talk."""

    reply: str | None
    """Ours, when the whole message is; else None."""
    rest: str
    """What is left to be answered: the message without a greeting before it."""


def read(text: str) -> Talk:
    """Tells small talk from what wants an answer."""
    greeted = _GREETED.match(stripped := text.strip())
    rest = stripped
    if greeted is not None:
        after = stripped[greeted.end() :]
        if (named := _NAMED.match(after)) is not None:
            after = after[named.end() :]
        if not any(each.isalnum() for each in after):
            return Talk(GREETING, "")
        if (
            after[0] in ",.!:;\n"
            or after.startswith((" -", " –"))
            or (after[0].isspace() and _QUESTION_FOLLOWS.match(after.strip()))
        ):
            rest = after.lstrip(" ,.!:;\n-–\t")
    reply = _reply(_spoken(rest))
    return Talk(reply, "" if reply else rest)


def _reply(spoken: str) -> str | None:
    """Ours to a text that is a row of small talk, by what of it matters most; None for any other."""
    found: list[int] = []
    while spoken:
        for rank, (pattern, _) in enumerate(_KIND):
            if match := pattern.match(spoken):
                found.append(rank)
                spoken = spoken[match.end() :].strip()
                break
        else:
            return None
    return _KIND[min(found)][1] if found else None


def _spoken(text: str) -> str:
    """Lower case, without punctuation and pictures; a text of pictures alone is an "ok"."""
    plain = unicodedata.normalize("NFKC", text).replace("’", "'").lower()
    plain = re.sub(r"(?:^|\s)[:;=8]-?[)(dp3/|]+(?=\s|$)", " \u263a ", plain)  # :-) and its kin
    letters = "".join(each if each.isalnum() or each in "' " else " " for each in plain)
    words = " ".join(letters.split())
    if not words and any(unicodedata.category(each) in ("So", "Sk") for each in plain):
        return "ok"
    return words
