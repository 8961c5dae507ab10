"""Server-sent events, read strictly: what is not of that form is said, not skipped.

After the event stream format of the WHATWG HTML standard, section 9.2. Knows nothing of what the events mean.
"""

from __future__ import annotations

from collections.abc import Iterator

MAX_LINE_BYTES = 2**20
FIELDS = ("data", "event", "id", "retry")


class NotEvents(ValueError):
    """What was fed is no event stream; the text says why."""


class EventStream:
    """Fed bytes as they come, it gives the data of each event that is complete."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._data: list[str] = []
        self._started = False

    def feed(self, piece: bytes) -> Iterator[str]:
        """
        Raises:
            NotEvents: a line without end, of no known field, or not UTF-8.
        """
        self._rest += piece
        lines: list[bytearray] = []
        if b"\n" in piece:  # what waits is looked at once: a host may send it byte by byte
            *lines, self._rest = self._rest.split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise NotEvents(f"a line has more than {MAX_LINE_BYTES:,} bytes")
        for line in lines:
            if self._take(line.removesuffix(b"\r")):
                yield "\n".join(self._data)
                self._data = []

    def _take(self, line: bytes | bytearray) -> bool:
        """Takes one line; says whether it ends an event that has data."""
        try:
            text = line.decode()
        except UnicodeDecodeError:
            raise NotEvents("a line is not UTF-8") from None
        if not self._started:
            text, self._started = text.removeprefix("\ufeff"), True
        if not text:
            return bool(self._data)
        name, _, value = text.partition(":")
        if name and name not in FIELDS:  # a comment has no name
            raise NotEvents("a line is of no known field")
        if name == "data":
            self._data.append(value.removeprefix(" "))
        return False
