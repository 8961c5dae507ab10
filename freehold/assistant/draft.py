"""What a model has written so far, cut into finished sentences as it grows.

A sentence is finished when its end, the citation marks after it, and the beginning of what follows
have all been seen; a line of a list or table is a sentence of its own. Knows nothing of whether a
sentence is true.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_MARKS = r"(?:\s*+\[\d{1,3}\])*+"
_END = re.compile(
    rf"""[.!?…]["')\]”’]* {_MARKS} \s+ (?=[^\s\[.!?…])
    | [。！？]["'”’）]* {_MARKS} (?=[^\s\[。！？])
    | (?<=\S) [^\S\n]*+ \n \s*+ (?=[^\s\[])""",
    re.VERBOSE,
)
"""Looks at each run of white space or marks once: a model may write nothing else."""
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|approx|Mr|Mrs|Ms|Dr|Prof|Inc|Ltd|Co|No|St|Fig)|^\s*\d{1,3}|\b[A-Z])\.$"
)


class Draft:
    """Grows by `add`; `finish` gives what is left."""

    def __init__(self) -> None:
        self._text = ""
        self._separator = ""

    def add(self, text: str) -> Iterator[tuple[str, str]]:
        """Takes the next piece; yields (separator, sentence) for each sentence it finishes.

        The separator is the white space (space, newline or empty line) that stood before.
        """
        self._text += text
        position = 0
        while match := _END.search(self._text, position):
            stop = match.end()
            sentence = self._text[:stop]
            if "\n" not in match[0] and _ABBREVIATION.search(sentence.rstrip()):
                position = stop
                continue
            yield from self._give(sentence)
            self._text = self._text[stop:]
            position = 0

    def finish(self) -> Iterator[tuple[str, str]]:
        """The last sentence, whether it is whole or was cut off by the length."""
        rest, self._text = self._text, ""
        yield from self._give(rest)

    def _give(self, sentence: str) -> Iterator[tuple[str, str]]:
        bare = sentence.strip()
        if bare:
            yield self._separator, bare
        trailing = sentence[len(sentence.rstrip()) :]
        self._separator = "\n\n" if trailing.count("\n") > 1 else "\n" if "\n" in trailing else " "
