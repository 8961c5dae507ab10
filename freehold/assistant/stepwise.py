"""The steps that answer, whole: search finds passages, and a procedure may fill several.

Knows nothing of which section answers.
"""

from __future__ import annotations

from dataclasses import replace

from freehold.assistant.extract import Extract, Span
from freehold.assistant.finding import SECTION_LOOKED_AT, Section
from freehold.assistant.procedures import lists_from


def completed(extract: Extract, section: Section) -> Extract:
    """The same with all lists of its procedure, where it begins one; their passages are among those about the
    subject then."""
    if not extract.steps:
        return extract
    first = extract.spans[0]
    about = {scored.passage.id: scored for scored in extract.about}
    its = section(first.passage.passage, SECTION_LOOKED_AT)
    spans = tuple(
        Span(about.get(passage.id, replace(first.passage, passage=passage)), piece.start, piece.end)
        for passage, piece in lists_from(first.passage.passage, first.start, its)
    )
    if len(spans) <= len(extract.spans):
        return extract
    about |= {span.passage.passage.id: span.passage for span in spans}
    return replace(extract, spans=spans, about=tuple(about.values()))
