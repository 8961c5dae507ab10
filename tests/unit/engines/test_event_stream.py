"""Server-sent events, whatever they are cut into."""

from __future__ import annotations

import pytest

from freehold.engines import event_stream
from freehold.engines.event_stream import EventStream, NotEvents

EVENTS = ": hi\r\ndata: a\ndata: b\n\nevent: x\ndata:ü\r\n\r\n\n".encode()


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_cut_anywhere(size: int) -> None:
    stream = EventStream()
    pieces = (EVENTS[at : at + size] for at in range(0, len(EVENTS), size))
    assert [data for piece in pieces for data in stream.feed(piece)] == ["a\nb", "ü"]


def test_a_line_without_end_that_comes_byte_by_byte_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte costs the same, however many wait before it: else nobody else would be answered for hours."""
    monkeypatch.setattr(event_stream, "MAX_LINE_BYTES", 2**17)
    stream = EventStream()
    with pytest.raises(NotEvents, match="a line has more than"):
        for _ in range(2**17 + 1):
            for _ in stream.feed(b"x"):
                raise AssertionError
