"""What a passage's and a question's words are, for the lexical index and whoever counts words as it does.

Words are lower-cased, folded to ASCII where they can be, stemmed as English; words that only hold a
sentence together are left out. Scripts written without spaces become overlapping pairs of characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

STOP_WORDS = tuple(
    (
        "a about after all also am an and any are as at be because been before being but by can could did "
        "do does doing don for from had has have having he her here hers him his how i if in into is it "
        "its just let ll me mine more most my no nor not of off on once only or other our ours out over "
        "own please re s same shall she should so some such t than that the their theirs them then there "
        "these they this those through to too us ve very was we were what when where which while who whom "
        "whose why will with would you your yours"
    ).split()
)
"""Left out of passages and questions alike."""

LONGEST = 64
"""Longest word kept, in bytes; longer ones are data, not words."""

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\U00020000-\U0003ffff]+"
)


@cache
def analyzer() -> Any:
    """tantivy's analyzer of our words; the index registers it, questions run through it."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    return (
        TextAnalyzerBuilder(Tokenizer.simple())
        .filter(Filter.remove_long(LONGEST))
        .filter(Filter.lowercase())
        .filter(Filter.ascii_fold())
        .filter(Filter.custom_stopword(list(STOP_WORDS)))
        .filter(Filter.stemmer("english"))
        .build()
    )


def words(text: str) -> list[str]:
    """The words of `text`, in order."""
    found: list[str] = analyzer().analyze(spaced(text))
    return found


def spaced(text: str) -> str:
    """`text` with the runs of unspaced scripts written as overlapping pairs: 東京都 becomes 東京 京都."""
    if text.isascii():
        return text
    return _UNSPACED.sub(_pairs, text.encode(errors="replace").decode())  # half a surrogate pair is no text


def indexed_text(title: str, heading_path: Sequence[str], text: str) -> str:
    """What is searched of a passage, by words and by vector alike: where it stands, then what it says."""
    path = [title, *(heading for heading in heading_path if heading != title)]
    return "\n".join([part for part in path if part] + [text])


def _pairs(match: re.Match[str]) -> str:
    run = match.group()
    pairs = [run[i : i + 2] for i in range(len(run) - 1)] or [run]
    return f" {' '.join(pairs)} "
