"""A text as a reader of the page sees it: marks of Markdown gone, look-alike characters made plain.

What is checked must be what is shown. Zero-width characters between digits, full-width or mathematical
digits, combining strokes and bold marks inside a number all show a number that their code points do not
spell; here they spell it. Knows nothing of words.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_ESCAPED = re.compile(r"\\([*_`|\\])")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_SIGNS = re.compile("[™®©℠]")
_STROKES = re.compile("(?<=[0-9])[\u0300-\u036f\u20d0-\u20ff]+|[\u0300-\u036f\u20d0-\u20ff]+(?=[0-9])")
_IN_NUMBER = re.compile(r"(?<=[0-9])[*_`~]+(?=[0-9])")
_EMPHASIS = re.compile(r"(?<![^\W_])__?(?=\w)|(?<=\w)__?(?![^\W_])|\*+(?=\S)|(?<=\S)\*+")
_TURNING = re.compile("[\u061c\u200f\u202a-\u202e\u2066-\u2069]")


def seen(text: str) -> str:
    """`text` as it shows; block marks (list markers, headings, table bars) and code marks are left."""
    if not text.isascii():
        text = _SIGNS.sub("", _INVISIBLE.sub("", text))
        text = _STROKES.sub("", unicodedata.normalize("NFKC", text))
        text = "".join(str(unicodedata.digit(c)) if c.isdecimal() and not c.isascii() else c for c in text)
    return _EMPHASIS.sub("", _IN_NUMBER.sub("", _ESCAPED.sub(r"\1", text)))


def turns(text: str) -> set[str]:
    """Characters that make what follows show in another order than it is written."""
    return set(_TURNING.findall(text))


def scripts(text: str) -> set[str]:
    """The scripts of its letters, as Unicode names them: LATIN, CYRILLIC, …"""
    return set() if text.isascii() else {_script(char) for char in set(text) if char.isalpha()} - {""}


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    return "" if char.isascii() else unicodedata.name(char, "").split(" ")[0].split("-")[0]
