"""The furniture of reports: nothing in it runs, loads or is markup unless it is ours."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from freehold.evaluation.page import environment, interval, moment, number, render, share
from freehold.evaluation.plot import Axis, Bar, Line, Mark, bar_plot, line_plot

HOSTILE = '<script>alert("x")</script> & \'"'


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup)


def filled(source: str, **values: object) -> str:
    return environment().from_string('{% import "parts.html" as parts %}' + source).render(values)


def test_a_page_holds_no_script_and_loads_nothing() -> None:
    page = render("page.html", {})
    assert "<script" not in page
    assert not re.search(r"""src=|href="(?!#)|url\(|@import""", page)
    assert "default-src 'none'" in page
    assert page.lstrip().startswith("<!doctype html>")


@pytest.mark.parametrize(
    "part",
    [
        '{{ parts.table(x, (x, "#" ~ x), [(x, x)]) }}',
        "{{ parts.table(x, (x,), [], x) }}",
        '{{ parts.tiles([{"label": x, "value": x, "note": x}]) }}',
        "{{ parts.pairs([(x, x)]) }}",
        "{{ parts.words(x) }}",
    ],
)
def test_parts_escape_what_they_are_given(part: str) -> None:
    said = filled(part, x=HOSTILE)
    assert "<script" not in said
    assert "&lt;script&gt;" in said
    parsed(f"<div>{said}</div>")


def test_plots_escape_what_they_are_given_and_say_it_in_words() -> None:
    line = line_plot(
        HOSTILE,
        [Line(HOSTILE, [(0, 0), (1, 0.5)]), Line("second", [(0, 1), (1, 0)])],
        x=Axis(HOSTILE),
        y=Axis(HOSTILE, "share"),
        marks=[Mark(0.5, 0.25, HOSTILE)],
        text=HOSTILE,
    )
    bar = bar_plot(HOSTILE, [Bar(HOSTILE, 0.5, 0.4, 0.6)], axis=Axis(HOSTILE, "share"), text=HOSTILE)
    for drawn in (line, bar):
        assert "<script" not in drawn
        figure = parsed(drawn)
        picture = figure.find("svg")
        assert picture is not None
        assert picture.get("role") == "img"
        assert HOSTILE in (picture.get("aria-label") or "")
    assert [cell.text for cell in parsed(bar).iter("td")] == [HOSTILE, "50.0%", "40.0% to 60.0%"]


def test_points_stand_where_their_values_are() -> None:
    drawn = line_plot("t", [Line("a", [(0, 0), (10, 1)])], x=Axis("x"), y=Axis("y", "share", 0, 1))
    line = next(parsed(drawn).iter("polyline"))
    (x0, y0), (x1, y1) = (tuple(map(float, p.split(","))) for p in (line.get("points") or "").split())
    ticks = {text.text: text for text in parsed(drawn).iter("text") if text.get("class") == "tick"}
    assert float(ticks["10"].get("x") or 0) == x1
    assert float(ticks["100%"].get("y") or 0) - 4 == y1
    assert float(ticks["0%"].get("y") or 0) - 4 == y0
    assert float(ticks["0"].get("x") or 0) == x0


@pytest.mark.parametrize("points", [[(0.0, 0.0)], [(5.0, 5.0), (5.0, 5.0)], [(-1e-9, 1e9), (1e9, -3.0)]])
def test_odd_values_still_make_a_plot(points: list[tuple[float, float]]) -> None:
    parsed(line_plot("t", [Line("a", points)], x=Axis("x"), y=Axis("y")))
    parsed(bar_plot("t", [Bar("a", y) for _, y in points], axis=Axis("x")))
    assert "Nothing to plot" in line_plot("t", [], x=Axis("x"), y=Axis("y"))
    assert "Nothing to plot" in bar_plot("t", [], axis=Axis("x"))


def test_long_series_are_listed_in_part_but_drawn_whole() -> None:
    points = [(float(n), float(n % 7)) for n in range(5000)]
    figure = parsed(line_plot("t", [Line("a", points)], x=Axis("x"), y=Axis("y")))
    assert len((next(figure.iter("polyline")).get("points") or "").split()) == 5000
    rows = list(figure.iter("tr"))
    assert len(rows) == 401
    assert rows[-1][1].text == "4,999"


def test_figures_are_written_for_people() -> None:
    assert (number(1234.5678), number(None), number(2, 0)) == ("1,234.568", "–", "2")
    assert (share(0.1234), share(1.0, 0), share(None)) == ("12.3%", "100%", "–")
    assert (interval(0.1, 0.25, 2), interval(None, 1)) == ("0.10 to 0.25", "–")
    assert moment(0) == "1970-01-01 00:00 UTC"
