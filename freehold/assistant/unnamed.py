"""What a question names and nothing that is quoted does: the EcoCard, answered from an account's document.

A name is known by the titles found: it is what one begins with, and stands in the question word by word. Who
asked is told that the passages quoted do not have it, and is not refused, for what holds of all cards may
name none. Knows no name without a title, and not whether it holds of the thing all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import takewhile

from freehold.assistant.differing import NAMING
from freehold.assistant.evidence import Rarities
from freehold.assistant.namesakes import PARTS, TOKEN, capitals_everywhere
from freehold.assistant.suggestions import VERBS
from freehold.knowledge.words import words
from freehold.types import Passage, Query, ScoredPassage

LONGEST = 5
"""Words of a name, at most."""
MOST_ASKED = 200
"""Words of a question that are looked at."""
MOST_LOOKED_FOR, MOST_TITLES = 2, 5
"""Names that no passage quoted has which are looked for, and passages looked at for each."""
TITLES_KEPT = 4_096
"""Titles that are kept taken apart."""


def unnamed(
    text: str,
    quoted: Sequence[Passage],
    found: Sequence[ScoredPassage],
    look: Callable[[Query, int], Sequence[ScoredPassage]],
    rarities: Rarities | None = None,
) -> str:
    """The first name in a question that no passage quoted has, as it is written there; empty where there is
    none. The titles of those `found`, and of what `look` finds by words written as a name, tell what is one.

    Without `rarities` every word may name a thing.
    """
    tokens = list(TOKEN.finditer(text))[:MOST_ASKED]
    asked = tuple("".join(words(token.group())) for token in tokens)
    titles = {scored.passage.document.title for scored in found}
    for start, end in _proper(text, [token.group() for token in tokens])[:MOST_LOOKED_FOR]:
        if not any(_has(passage, asked[start:end]) for passage in quoted):
            near = look(Query(text[tokens[start].start() : tokens[end - 1].end()]), MOST_TITLES)
            titles.update(scored.passage.document.title for scored in near)
    begun = [_beginning(title) for title in titles]
    beginnings = [name for name, _ in begun]
    names: dict[int, set[int]] = {}
    for name, whole in begun:
        for start, token in enumerate(tokens):
            pairs = zip(name, asked[start:], strict=False)
            alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
            proper = whole and start > 0 and not token.group()[0].islower()
            named = alike > 1 or (alike == len(name) == 1 and proper)
            if named and _of_many(name[:alike], beginnings):
                names.setdefault(start, set()).add(start + alike)
    known = {} if rarities is None or not names else rarities(set(asked) - {""})
    for start, ends in sorted(names.items()):
        name = asked[start : max(ends)]
        within = any(before < start < max(its) for before, its in names.items())
        common = all(known.get(word, NAMING) < NAMING for word in name)
        if within or common or any(_has(each, asked[start:end]) for end in ends for each in quoted):
            continue
        return text[tokens[start].start() : tokens[max(ends) - 1].end()]
    return ""


def _of_many(name: Sequence[str], beginnings: Sequence[Sequence[str]]) -> bool:
    """Whether several titles begin with it, or others share a word with it: an organisation's own name, which
    its documents need not repeat, stands above one page and is like no other."""
    same = [tuple(each[: len(name)]) == tuple(name) for each in beginnings]
    alike = (not own and set(name) & set(each) for own, each in zip(same, beginnings, strict=True))
    return sum(same) > 1 or any(alike)


def _proper(text: str, tokens: Sequence[str]) -> list[tuple[int, int]]:
    """Where words written as names stand together: from, and up to. None where all words have a capital."""
    if capitals_everywhere(text, tokens):
        return []
    places: list[tuple[int, int]] = []
    for at, word in enumerate(tokens):
        if at == 0 or word[0].islower() or word.isdigit() or word == "I":
            continue
        if places and places[-1][1] == at:
            places[-1] = (places[-1][0], at + 1)
        else:
            places.append((at, at + 1))
    return places


@lru_cache(TITLES_KEPT)
def _beginning(title: str) -> tuple[tuple[str, ...], bool]:
    """The words written as names that a title begins with, and whether its first part is of them alone."""
    tokens = TOKEN.findall(PARTS.split(title, maxsplit=1)[0])
    name: list[str] = []
    for token in tokens[:LONGEST]:
        stem = "".join(words(token))
        if token[0].islower() or not stem or (not name and token.lower() in VERBS):
            break
        name.append(stem)
    return tuple(name), len(name) == len(tokens)


def _has(passage: Passage, name: tuple[str, ...]) -> bool:
    """Whether a passage or what it stands under has a name: word by word, or its words apart in the text
    ("Silver and Gold Accounts"), unless these are of a longer name in the title ("Gold Plus Account")."""
    places = [words(text) for text in (*passage.above, passage.text)]
    least = max(len(name) - 1, min(len(name), 2))  # "Hunter Green" is the Hunter Green Account
    if any(place[at : at + least] == list(name[:least]) for place in places for at in range(len(place))):
        return True
    return set(name) <= set(places[-1]) and not set(name) <= set(words(passage.document.title))
