"""What a teacher's licence says about training another model on what it wrote.

A model that learns from a teacher's words or probabilities is bound by the teacher's licence, so an unknown
one is refused rather than guessed. This table is our reading of the texts, no legal advice.
"""

from __future__ import annotations

from dataclasses import dataclass

from freehold.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence, as far as training on outputs goes."""

    name: str
    allows: bool
    notice: str = ""
    """What has to travel with a model that was trained so."""


_OPEN = ("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "unlicense")
_LLAMA_NAMED = ("llama3.1", "llama3.2", "llama3.3", "llama4")
_LLAMA_CLOSED = ("llama2", "llama3")
"""Section 1.b.v: outputs may not improve any other large language model."""
_CLOSED = ("openai-terms", "anthropic-terms", "google-terms", "cc-by-nc-4.0")

LICENCES = {
    licence.name: licence
    for licence in (
        *(Licence(name, allows=True) for name in _OPEN),
        *(
            Licence(
                name,
                allows=True,
                notice='Built with Llama. The name of a model trained on its outputs begins with "Llama".',
            )
            for name in _LLAMA_NAMED
        ),
        *(Licence(name, allows=False) for name in (*_LLAMA_CLOSED, *_CLOSED)),
        Licence("own", allows=True),
    )
}
"""By name as the model hubs write it; `own` is a model of the organisation's."""


def licence_of(name: str) -> Licence:
    """The licence of a teacher that may teach.

    Raises:
        InvalidInput: it is unknown, or forbids training on outputs.
    """
    licence = LICENCES.get(name.strip().lower())
    if licence is None:
        raise InvalidInput(
            f"The teacher's licence {name!r} is not known, so nothing is trained on what it wrote.",
            hint=f"Known are: {', '.join(each.name for each in LICENCES.values() if each.allows)}.",
        )
    if not licence.allows:
        raise InvalidInput(
            f"The licence {licence.name} forbids training another model on what its model wrote.",
            hint="Take a teacher whose licence allows it, Apache-2.0 or MIT for example.",
        )
    return licence
