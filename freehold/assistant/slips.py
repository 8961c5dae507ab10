"""Slips of the finger in words that support is asked about all day.

Only words of a short list are mended, and only by one wrong, missing, doubled or swapped letter inside the
word; whatever could be another word, or a name, stays as it is. Knows English only.
"""

from __future__ import annotations

from functools import lru_cache

_USUAL = frozenset(
    """about account activate activation address advance agreement allowed amount another answer apartment
    application appointment available balance because before between billing booking browser business button
    calendar cancel cancellation cannot certificate change charge checkout clothes colour complaint connect
    connection contact contract cookie country coupon credit currency customer damaged deactivate deadline
    declined delete delivery deposit description destination details device different difference disable
    discount document download duplicate email employee enable english error exchange existing expense expire
    extension feature february feedback folder forgotten function guarantee immediately important information
    install installation instead insurance international internet invoice january keyboard language license
    location machine manager manufacturer maximum membership message minimum minute mobile monthly necessary
    network newsletter notification number october office online opening option order original package parcel
    parking partner passport password payment pending permission personal picture possible postage premium
    previous printer private problem process product profile program project promotion property purchase
    quantity question receipt receive received recommend recover reference refund register registration
    reminder renewal replace replacement request reservation restaurant restore returned sandwich schedule
    screen security september separate service settings several shipment shipping signature software somebody
    statement storage student subscription successful support system telephone template temporary terminal
    tomorrow tracking transaction transfer translate travel trouble tuesday unable unsubscribe until update
    upgrade upload username vacation vehicle verification verify version virtual visitor voucher warehouse
    warranty website wednesday weekend welcome withdraw withdrawal without wrong""".split()
)
_OTHER_WORDS = frozenset(
    """booming burton chancel compliant convection empire exiting expanse massage packing painter parting
    pointer portage precious primate protect prowess remainder shopping sipping skipping slipping tracing
    usable""".split()
)
"""Words that a slip could be taken for and that are words of their own."""
_SHORTEST = 6


@lru_cache(maxsize=16_384)
def mended(word: str) -> str:
    """The usual word that `word` is a slip of, or `word` itself."""
    if len(word) < _SHORTEST or word in _USUAL or word in _OTHER_WORDS or not word.isascii():
        return word
    if not word.isalpha() or word != word.lower():
        return word
    found = [usual for usual in _USUAL if _one_slip(word, usual)]
    return found[0] if len(found) == 1 else word


def _one_slip(word: str, usual: str) -> bool:
    """Whether one letter within is wrong, missing, too many, or swapped with the next."""
    if abs(len(word) - len(usual)) > 1 or word[0] != usual[0] or word[-2:] != usual[-2:]:
        return False
    at = next((i for i, (a, b) in enumerate(zip(word, usual, strict=False)) if a != b), len(usual))
    if len(word) == len(usual):
        swapped = word[at + 1 : at + 2] + word[at : at + 1]
        return word[at + 1 :] == usual[at + 1 :] or (
            swapped == usual[at : at + 2] and word[at + 2 :] == usual[at + 2 :]
        )
    longer, shorter = (word, usual) if len(word) > len(usual) else (usual, word)
    return longer[at + 1 :] == shorter[at:]
