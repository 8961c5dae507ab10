"""Marks that part the turns of a conversation, and texts that must not be taken for them.

Most models have tokens of their own for that, which no text need spell. Others part turns by plain text
(`[INST]` of Llama 2, `<|user|>` of Zephyr and TinyLlama, `### Instruction:`), which a customer can type and a
document can hold: it would begin a turn of the system's. An invisible character within parts such a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from freehold.errors import FreeholdError

JOINER: Final = "\u2060"
"""U+2060, word joiner: shows nothing and breaks no line."""
TOKENS: Final = re.compile(
    r"<[|｜][^|｜<>\s]{1,40}[|｜]>|<\|\w{1,40}>|<\w{1,40}\|>|</?s>|<(?:bos|eos|sop|eop|unk|pad)>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CALLS|TOOL_CONTENT|gMASK)\]|<</?SYS>>"
    r"|<(?:start|end)_of_(?:turn|image)>|<(?:begin|end)_of_text>|<extra_id_\d+>"
)
"""What the known families' marks look like."""
WORDS: Final = re.compile(
    r"#{2,3} ?[A-Z][a-z]+:?|\b(?:USER|ASSISTANT|SYSTEM|HUMAN|User|Assistant|System|Human|Bot|GPT4? User):"
)
"""Plain words that part turns in some templates, and that mean nothing elsewhere."""

Turns = Sequence[Mapping[str, str]]


def marks_of(template: str, render: Callable[[Turns], str] | None = None) -> tuple[str, ...]:
    """The marks that a template has in it, or writes when it renders a conversation; the longest first.

    It need not be sound: what `render` refuses is passed over.
    """
    texts = [template]
    for turns in _PROBES if render is not None else ():
        try:
            texts.append(render(turns) if render is not None else "")
        except FreeholdError:
            continue
    found = {match for text in texts for pattern in (TOKENS, WORDS) for match in pattern.findall(text)}
    return tuple(sorted(found, key=lambda mark: (-len(mark), mark)))


def any_of(texts: Iterable[str]) -> re.Pattern[str]:
    """Finds these texts, the longest first; those of one character cannot be parted."""
    longest_first = sorted((text for text in texts if len(text) > 1), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def parted(text: str, marks: re.Pattern[str] = TOKENS) -> str:
    """Text that cannot end its own turn: whatever in it would be read as a mark no longer is."""
    return marks.sub(lambda found: f"{found[0][0]}{JOINER}{found[0][1:]}", text)


def _turns(*roles: str) -> Turns:
    return [{"role": role, "content": "hello"} for role in roles]


_PROBES: Final = (
    _turns("user"),
    _turns("user", "assistant", "user"),
    _turns("system", "user", "assistant", "user"),
)
