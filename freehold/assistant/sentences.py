"""Takes a text apart into what can be quoted whole: sentences, lists, tables, code.

Pieces are offsets into the text, in order, without overlap, and nothing but white space lies between
them, so a quote is always the document's own words to the letter. A list keeps the sentence that leads
into it. Knows Markdown's blocks by their first characters only: text without any is plain paragraphs.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["sentence", "list", "table", "code", "heading"]

MAX_WORDS = 60
"""A longer sentence is cut at the last clause boundary before this many words."""
MAX_LIST_CHARS = 1_200
"""A longer list is cut between items into several pieces."""

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uff66-\uff9d"
_WORD = re.compile(rf"[{_CJK}]|[^\s{_CJK}]+")
_FENCE = re.compile(r"[ \t]{0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"[ \t]{0,3}#{1,6}(?:[ \t]|$)")
_ITEM = re.compile(r"([ \t]*)([-*+•‣◦]|(\d{1,3})[.)]|[a-z]\))[ \t]+\S")
_ROW = re.compile(r"[ \t]*\|.*\|[ \t]*$")
_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)+\|?[ \t]*$")
_THEMATIC = re.compile(r"[ \t]{0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$")
_STOP = re.compile(r"(?:[.!?…]+|[。！？｡]+)[\"'”’»)\]*_`」』）］】]*")
_LAST_WORD = re.compile(r"[^\s(\[\"'“‘«—–/]+$")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]?$")
_LEADS = re.compile(r"^to\s|\b(?:follow(?:s|ing)?|steps?|below)\b", re.IGNORECASE)
_CLAUSE = re.compile(r"(?:[;:]|\s[—–-]|,|[，；、：])(?=\s|[" + _CJK + r"])")

_NEVER_LAST = re.compile(
    r"acc|amt|bus|qty|mr|mrs|ms|dr|prof|rev|fr|st|mt|gen|col|lt|sgt|capt|cmdr|adm|maj|gov|sen|rep|hon|pres|supt|messrs"
    r"|mme|mlle|e\.g|i\.e|cf|viz|vs|v|al|ca|approx|fig|figs|eq|eqs|vol|vols|ed|eds|trans|pp|p|no|nos|nr"
    r"|art|arts|sec|sect|ch|chap|op|ver|resp|incl|excl|est|dept|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct"
    r"|nov|dec|bros|c"
)
_ALSO_WORDS = re.compile(r"no|bus|acc|art|fig|mar|jun|sep|dec|c|est|p|v|ed|al|st")
_MAYBE_LAST = re.compile(
    r"inc|ltd|co|corp|llc|jr|sr|etc|a\.m|p\.m|u\.s|u\.k|u\.n|u\.s\.a|d\.c|b\.c|a\.d|ph\.d|m\.d|e\.u|n\.v"
)
_OPENERS = re.compile(
    r"the|a|an|this|that|these|those|it|its|he|she|they|we|you|i|in|on|at|by|for|from|to|with|as|when"
    r"|while|after|before|if|although|though|because|since|during|under|there|here|his|her|their|our|my"
    r"|your|however|but|and|so|then|thus|also|both|each|many|most|some|all|no|one|two|another|other|such"
    r"|what|who|how|why|where|which|not|only|once|until|despite|according"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One quotable piece: `text[start:end]`, without white space around it."""

    kind: Kind
    start: int
    end: int


def pieces(text: str, *, max_words: int = MAX_WORDS) -> list[Piece]:
    """All of `text` in order; only white space is left between the pieces."""
    found: list[Piece] = []
    for kind, start, end in _blocks(text):
        if kind == "sentence":
            found.extend(_sentences(text, start, end, max_words))
            continue
        if kind == "list":
            if found and _leads_in(text, found[-1], start):
                start = found.pop().start
            found.extend(_list_pieces(text, start, end))
            continue
        found.append(Piece(kind, start, end))
    return found


def words(text: str) -> int:
    """Length in words; two ideographs (or syllables of Hangul or Kana) count as one."""
    alone = sum(1 for match in _WORD.finditer(text) if re.match(rf"[{_CJK}]", match.group()))
    return sum(1 for _ in _WORD.finditer(text)) - alone + (alone + 1) // 2


def _blocks(text: str) -> Iterator[tuple[Kind, int, int]]:
    """Blocks in order, trimmed: paragraphs are given as `sentence`."""
    lines = [
        (match.start(), match.end(), match.group()) for match in re.finditer(r"[^\n]+|(?<=\n)(?=\n)", text)
    ]
    lines = [(start, end, line) for start, end, line in lines if line.strip()]
    at = 0
    while at < len(lines):
        stop, kind = _block(text, lines, at)
        start, end = lines[at][0], lines[stop - 1][1]
        body = text[start:end]
        yield kind, start + len(body) - len(body.lstrip()), start + len(body.rstrip())
        at = stop


def _block(text: str, lines: list[tuple[int, int, str]], at: int) -> tuple[int, Kind]:
    """Where the block that begins at line `at` stops, and what it is."""
    line = lines[at][2]
    if fence := _FENCE.match(line):
        for stop in range(at + 1, len(lines)):
            closing = _FENCE.match(lines[stop][2])
            if closing and closing[1].startswith(fence[1]) and not lines[stop][2].strip(" \t`~"):
                return stop + 1, "code"
        return len(lines), "code"
    if _HEADING.match(line):
        return at + 1, "heading"
    if _is_table(lines, at):
        stop = at + 1
        while stop < len(lines) and "|" in lines[stop][2] and _adjacent(text, lines, stop):
            stop += 1
        return stop, "table"
    if _ITEM.match(line) and not _THEMATIC.match(line):
        return _list_stop(text, lines, at), "list"
    stop = at + 1
    while stop < len(lines) and _adjacent(text, lines, stop) and not _interrupts(lines, stop):
        stop += 1
    return stop, "sentence"


def _adjacent(text: str, lines: list[tuple[int, int, str]], at: int) -> bool:
    return text.count("\n", lines[at - 1][1], lines[at][0]) <= 1


def _is_table(lines: list[tuple[int, int, str]], at: int) -> bool:
    line = lines[at][2]
    return bool(_ROW.match(line)) or (
        "|" in line and at + 1 < len(lines) and bool(_RULE.match(lines[at + 1][2]))
    )


def _interrupts(lines: list[tuple[int, int, str]], at: int) -> bool:
    """Whether a line ends the paragraph above it; as in CommonMark, of numbers only 1 begins a list there."""
    line = lines[at][2]
    item = _ITEM.match(line)
    return bool(
        _FENCE.match(line)
        or _HEADING.match(line)
        or _is_table(lines, at)
        or (item and item[3] in (None, "1"))
    )


def _list_stop(text: str, lines: list[tuple[int, int, str]], at: int) -> int:
    first = _ITEM.match(lines[at][2])
    assert first is not None
    indent = len(first[1].expandtabs(4))
    stop = at + 1
    while stop < len(lines):
        line = lines[stop][2]
        deeper = len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip()) >= indent + 2
        if not deeper and (_HEADING.match(line) or _FENCE.match(line) or _is_table(lines, stop)):
            return stop
        if not deeper and not _ITEM.match(line) and not _adjacent(text, lines, stop):
            return stop
        if deeper and _FENCE.match(line):
            stop = max(stop + 1, _block(text, lines, stop)[0])
            continue
        stop += 1
    return stop


def _leads_in(text: str, before: Piece, start: int) -> bool:
    if before.kind != "sentence" or text.count("\n", before.end, start) > 2:
        return False
    said = text[before.start : before.end].rstrip("*_ ")
    return said.endswith((":", "：")) or (len(said) <= 240 and bool(_LEADS.search(said)))


def _list_pieces(text: str, start: int, end: int) -> Iterator[Piece]:
    """The list, or the parts of a very long one, cut before items of its outermost level."""
    if end - start <= MAX_LIST_CHARS:
        yield Piece("list", start, end)
        return
    items = list(re.finditer(r"^" + _ITEM.pattern, text[start:end], re.MULTILINE))
    outermost = min((len(item[1].expandtabs(4)) for item in items), default=0)
    cuts = [start + item.start() for item in items if len(item[1].expandtabs(4)) <= outermost]
    begin, last = start, start
    for cut in [*cuts, end]:
        if cut - begin > MAX_LIST_CHARS and last > begin:
            yield _trimmed("list", text, begin, last)
            begin = last
        if not (cut == cuts[0] and begin == start):  # a lead-in never stands alone
            last = cut
    yield _trimmed("list", text, begin, end)


def _trimmed(kind: Kind, text: str, start: int, end: int) -> Piece:
    body = text[start:end]
    return Piece(kind, start + len(body) - len(body.lstrip()), start + len(body.rstrip()))


def _sentences(text: str, start: int, end: int, max_words: int) -> Iterator[Piece]:
    begin = start
    for cut in [*_stops(text, start, end), end]:
        if text[begin:cut].strip():
            yield from _short(text, begin, cut, max_words)
        begin = cut


def _stops(text: str, start: int, end: int) -> Iterator[int]:
    """Where one sentence ends and the next begins, within a paragraph."""
    punctuated = bool(_STOP.search(text, start, end))
    marks = {mark: _places(text, mark, start, end) for mark in ("**", "`")}
    for match in re.finditer(r"(?P<stop>" + _STOP.pattern + r")|(?P<break> {2,}\n|\\\n|\n)", text[start:end]):
        at = start + match.end()
        if at >= end:
            return
        if match["break"] is not None:
            if match["break"] != "\n" or not punctuated:
                yield at
        elif _ends_sentence(text, start, start + match.start(), at, end, marks):
            yield at


def _ends_sentence(
    text: str, start: int, stop: int, after: int, end: int, marks: Mapping[str, Sequence[int]]
) -> bool:
    mark = text[stop]
    if mark in "。！？｡":
        return True
    if not text[after].isspace():
        return False
    if _inside_mark(stop, marks):
        return False
    rest = text[after : min(end, after + 120)].lstrip().lstrip("\"'“‘«([*_`")
    if not rest:
        return True
    if rest[0].islower():
        return False
    if mark in "!?…" or text[stop:after].startswith(".."):
        return True
    before = _LAST_WORD.search(text, max(start, stop - 80), stop)
    word = before.group().strip("*_`").lower() if before else ""
    following = re.match(r"[^\W\d_]+", rest)
    opener = following is not None and _OPENERS.fullmatch(following.group().lower()) is not None
    if _MAYBE_LAST.fullmatch(word) or (_DOTTED.match(word + ".") and not _NEVER_LAST.fullmatch(word)):
        return opener
    if _NEVER_LAST.fullmatch(word):
        return opener and bool(_ALSO_WORDS.fullmatch(word))
    return True


def _inside_mark(stop: int, marks: Mapping[str, Sequence[int]]) -> bool:
    """Whether `stop` lies within bold words or inline code: a cut there would show stray marks."""
    return any(bisect_left(places, stop) % 2 and places[-1] >= stop for places in marks.values() if places)


def _places(text: str, mark: str, start: int, end: int) -> list[int]:
    return [start + match.start() for match in re.finditer(re.escape(mark), text[start:end])]


def _short(text: str, start: int, end: int, max_words: int) -> Iterator[Piece]:
    """The sentence, or its parts of at most `max_words`, cut after clauses where there are any."""
    while True:
        reach, weight = start, 0.0
        for match in _WORD.finditer(text, start, end):
            weight += 0.5 if re.match(rf"[{_CJK}]", match.group()) else 1.0
            if weight > max_words:
                break
            reach = match.end()
        else:
            break
        middle = start + (reach - start) // 3
        clauses = [start + match.end() for match in _CLAUSE.finditer(text[start : reach + 1])]
        cut = max((at for at in clauses if middle < at <= reach), default=reach)
        yield _trimmed("sentence", text, start, cut)
        start = cut
    if text[start:end].strip():
        yield _trimmed("sentence", text, start, end)
