"""Text on its way out of a model: whole characters, no part of a stop string."""

import random

import pytest

from freehold.engines.outlet import Outlet


def told(pieces: list[bytes], stops: tuple[str, ...] = ()) -> tuple[list[str], bool]:
    outlet = Outlet(stops)
    texts = [outlet.feed(piece) for piece in pieces]
    return [*texts, outlet.rest()], outlet.stopped


def test_characters_are_never_cut() -> None:
    data = "Grüße — 你好 👋🏽".encode()
    texts, _ = told([bytes([byte]) for byte in data])
    assert "".join(texts) == "Grüße — 你好 👋🏽"
    assert all(text.isprintable() and "\ufffd" not in text for text in texts)


def test_half_a_character_at_the_end_is_dropped() -> None:
    assert told(["ok ü".encode()[:-1]])[0] == ["ok ", ""]


def test_bytes_that_are_no_text_are_marked() -> None:
    assert "".join(told([b"a\xff", b"b"])[0]) == "a\ufffdb"


@pytest.mark.parametrize(
    ("pieces", "stops", "shown"),
    [
        (["Hello", " END", " more"], ("END",), ["Hello", " ", "", ""]),
        (["Hello E", "N", "D!"], ("END",), ["Hello ", "", "", ""]),
        (["Hello E", "N", "Ough"], ("END",), ["Hello ", "", "ENOugh", ""]),
        (["aab"], ("ab",), ["a", ""]),
        (["a", "a", "b"], ("ab",), ["", "a", "", ""]),
        (["one two"], ("two", "one"), ["", ""]),
        (["the EN"], ("END",), ["the ", "EN"]),
        (["x"], ("",), ["x", ""]),
    ],
)
def test_stop_strings(pieces: list[str], stops: tuple[str, ...], shown: list[str]) -> None:
    assert told([piece.encode() for piece in pieces], stops)[0] == shown


def test_however_it_is_cut_nothing_of_a_stop_string_is_shown() -> None:
    pick = random.Random(3)
    for _ in range(2_000):
        text = "".join(pick.choices("abé", k=pick.randint(0, 30)))
        stops = tuple("".join(pick.choices("abé", k=pick.randint(1, 5))) for _ in range(pick.randint(0, 3)))
        data, pieces = text.encode(), []
        while data:
            size = pick.randint(1, 4)
            pieces.append(data[:size])
            data = data[size:]
        outlet, shown = Outlet(stops), ""
        for piece in pieces:
            if outlet.stopped:
                break
            shown += outlet.feed(piece)
            assert not any(stop in shown for stop in stops)
        cuts = [at for stop in stops if (at := text.find(stop)) >= 0]
        assert shown + outlet.rest() == (text if not cuts else shown)
        assert outlet.stopped == bool(cuts)
        if cuts:
            assert text.startswith(shown)
            assert text[len(shown) :].startswith(stops)
