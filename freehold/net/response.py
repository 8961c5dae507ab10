"""What a host answers: its head, its body unpacked within limits, its refusals as our errors."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from email.message import Message
from email.utils import parsedate_to_datetime

import httpcore
import httpx

from freehold.errors import FetchFailed, NotFound, TooLarge

MAX_TYPE_CHARS = 1000
"""Of a content type; the library takes minutes over a hundred thousand semicolons."""


class Answer:
    """The head of a host's answer, and its body to be read once."""

    def __init__(self, url: httpx.URL, response: httpcore.Response, address: str) -> None:
        self.url = url
        self.status = response.status
        self.address = address
        self.lines = tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers
        )
        self.headers = dict(self.lines)
        type = self.headers.get("content-type", "")
        if len(type) > MAX_TYPE_CHARS:
            type = ""
        said = Message()
        said["content-type"] = type
        self.content_type = said.get_content_type() if type else ""
        self.charset = said.get_content_charset()
        length = self.headers.get("content-length", "")
        self.length = int(length) if length.isascii() and length.isdigit() else None
        self._response = response

    def content(self, max_bytes: int) -> Iterator[bytes]:
        """The body, unpacked.

        Raises:
            TooLarge: it is larger than `max_bytes`.
            FetchFailed: it is packed in a way we did not ask for, or breaks off.
        """
        too_large = TooLarge(f"{self.url} gives more than {max_bytes:,} bytes.")
        if self.length is not None and self.length > max_bytes:
            raise too_large
        coding = self.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise FetchFailed(f"{self.url} is packed as {coding!r}, which was not asked for.")
        packed = coding not in ("", "identity")
        size = 0
        for piece in unpacked(self._response.iter_stream()) if packed else self._response.iter_stream():
            size += len(piece)
            if size > max_bytes:
                raise too_large
            yield piece


def unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """gzip or zlib undone piece by piece, never more than 64 KiB at a time."""
    inflater, started = zlib.decompressobj(wbits=47), False
    try:
        for piece in pieces:
            while piece:
                started = True
                yield inflater.decompress(piece, 65536)
                piece = inflater.unconsumed_tail
                if inflater.eof:
                    piece = inflater.unused_data.lstrip(b"\0")
                    if piece:
                        inflater = zlib.decompressobj(wbits=47)
    except zlib.error as error:
        raise FetchFailed(f"The answer is not packed as it says: {error}.") from error
    if started and not inflater.eof:
        raise FetchFailed("The answer breaks off.")


def raise_for_status(answer: Answer) -> None:
    """
    Raises:
        NotFound: the host says that there is nothing (404, 410).
        FetchFailed: another status that is no success.
    """
    status = answer.status
    if 200 <= status < 300 or status == 304:
        return
    if status in (404, 410):
        raise NotFound(f"{answer.url} does not exist (status {status}).")
    raise FetchFailed(f"{answer.url} answered with status {status}.", retry_after=retry_after(answer.headers))


def retry_after(headers: Mapping[str, str]) -> int | None:
    """Seconds for which the host asks to be left alone, at most a day."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return min(int(said[:9]), 86_400)
    try:
        seconds = parsedate_to_datetime(said).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(0, math.ceil(seconds)), 86_400)
