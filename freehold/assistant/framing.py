"""What a model puts before a claim without claiming anything: `According to the passage,`, `Answer:`.

Only openings that speak of the material or of the answer itself are known, and only in English.
"""

from __future__ import annotations

import re

_MATERIAL = (
    r"(?:the|this|these|our|your)\ (?:(?:provided|given|numbered|above|following)\ )?"
    r"(?:passages?|documents?|documentation|text|information|context|section|table)"
    r"(?:\ (?:above|below|provided|given|\d{1,2}))?"
)
_FRAME = re.compile(
    rf"""\s*(?:
    (?:the\ )?(?:answer|response|output|passage(?:\ \d{{1,2}})?)\s*:\s*
    | (?:according\ to|based\ (?:up)?on|(?:as\ )?per|(?:as\ (?:stated|mentioned|described|noted)\ )?in)
      \ {_MATERIAL}\s*,\s*
    | {_MATERIAL}\ (?:also\ )?(?:says|states|mentions|explains|notes|indicates|specifies)\ that\s+
    | (?:it\ is|as)\ (?:stated|mentioned|noted)\ (?:that|in\ {_MATERIAL},)\s+
    )(?=\S)""",
    re.IGNORECASE | re.VERBOSE,
)


def unframed(sentence: str) -> str:
    """The sentence without such openings; one that is nothing else stays as it is."""
    while match := _FRAME.match(sentence):
        sentence = sentence[match.end() :]
    return sentence
