"""Bytes to text, by one stated rule."""

from __future__ import annotations

import codecs
import re

from freehold.errors import UnreadableDocument

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 65_536
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_BINARY_COUNT, _BINARY_SHARE = 32, 0.02
"""Control characters in a sample beyond which it is no text: text has none, compressed data about 10%."""
_DAMAGE_SHARE = 0.01
"""Undecodable bytes up to which UTF-8 that also holds sound multi-byte characters counts as damaged UTF-8."""


def decode(data: bytes, charset: str | None = None) -> str:
    """A byte order mark decides; then the declared `charset`; then UTF-8; then UTF-16 where zero bytes stand
    at every other place; then UTF-8 with a few broken bytes (shown as U+FFFD) where sound multi-byte
    characters outnumber them; then Windows-1252, in which every byte means something.

    Raises:
        UnreadableDocument: it is not text.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    if charset and (text := _declared(data, charset)) is not None:
        return text
    sample = data[:_SAMPLE]
    if wide := _utf16(sample):
        return data.decode(wide, errors="replace")
    if b"\x00" in sample or len(_CONTROLS.findall(sample)) > max(_BINARY_COUNT, len(sample) * _BINARY_SHARE):
        raise UnreadableDocument("It is not text: it holds binary data.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    sound = len(data) - len(text) - broken
    if sound > broken and broken <= max(1, len(data) * _DAMAGE_SHARE):
        return text
    return data.decode("cp1252", errors="replace") if _fits_cp1252(data) else data.decode("latin-1")


def _declared(data: bytes, charset: str) -> str | None:
    try:
        if "\x00" in (text := data.decode(charset)):
            return None
        return text
    except (LookupError, UnicodeError, ValueError):
        return None


def _utf16(sample: bytes) -> str | None:
    if len(sample) < 4:
        return None
    half = len(sample) // 2
    for encoding, zeros, others in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        if sample[zeros::2].count(0) > half * 0.4 and sample[others::2].count(0) < half * 0.05:
            return encoding
    return None


def _fits_cp1252(data: bytes) -> bool:
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return False
    return True
