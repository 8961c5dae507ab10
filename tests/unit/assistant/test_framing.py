"""What leads into a claim is taken off it, and nothing else is."""

from __future__ import annotations

import pytest

from freehold.assistant.framing import unframed
from freehold.assistant.grounding import Checker
from freehold.types import DocumentRef, Passage

check = Checker(keep=0).check

CLAIM = "a parcel waits at the depot for 7 days."


@pytest.mark.parametrize(
    "frame",
    [
        "Answer: ",
        "Passage 2: ",
        "According to the passage, ",
        "Based on the provided documents, ",
        "As stated in the passage above, ",
        "In this passage, ",
        "The passage states that ",
        "Answer: According to the text, ",
    ],
)
def test_a_frame_is_no_part_of_the_claim(frame: str) -> None:
    assert unframed(frame + CLAIM) == CLAIM


@pytest.mark.parametrize(
    "sentence",
    [
        "Answer:",
        "According to the customer, " + CLAIM,
        "In the app, press Boost.",
        "The passage to the ferry is free.",
        "The document that you send must be signed.",
    ],
)
def test_what_claims_something_stays(sentence: str) -> None:
    assert unframed(sentence) == sentence


def test_a_framed_claim_is_judged_by_what_it_claims() -> None:
    text = "A parcel that exceeds Large waits at the depot for 7 days."
    passage = Passage(1, 1, DocumentRef(1, "Size limits", "size"), (), text, 0, len(text))
    framed = "According to the passage, a parcel that exceeds Large waits at the depot for {} days."
    assert check(framed.format(7), [passage]).supported
    assert not check(framed.format(9), [passage]).supported


@pytest.mark.parametrize(
    "echo", ["Passage 1: Size limits > Large parcels", "Large parcels", "Size limits > Large parcels."]
)
def test_a_heading_repeated_claims_nothing(echo: str) -> None:
    text = "Large parcels have size limits: 120 cm."
    passage = Passage(1, 1, DocumentRef(1, "Size limits", "size"), ("Large parcels",), text, 0, len(text))
    found = check(echo, [passage])
    assert not found.supported
    assert found.reasons == ("it only repeats the heading",)
