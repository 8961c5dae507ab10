"""Plots as inline SVG, readable by eye, by keyboard and by screen readers, in light and dark.

Each plot is a figure: a picture with a title and a description, and its numbers as a table that can be
opened. Series differ by dash and marker too, not by colour alone. Colours are the page's (`page.html`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

WIDTH, HEIGHT = 720, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 20, 16, 52
_LABEL = 34
"""Characters of a bar's label that are shown; the table has all of them."""
_DASHES = ("", "7 4", "2 4", "9 3 2 3")
_ROWS = 400
"""Points listed beneath a plot at most, evenly chosen."""

Kind = Literal["number", "share"]


@dataclass(frozen=True, slots=True)
class Axis:
    """What is measured along one side; `share` is written as per cent."""

    label: str
    kind: Kind = "number"
    low: float | None = None
    """Where it begins; otherwise at the smallest value, or at 0 when that is near."""
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One series, in the order in which it is drawn."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Mark:
    """A point with words beside it: the one that was chosen."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, with the interval of its value where there is one."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None


def line_plot(
    title: str, lines: Sequence[Line], *, x: Axis, y: Axis, marks: Sequence[Mark] = (), text: str = ""
) -> Markup:
    """Lines over a common axis. `text` says in words what is to be seen."""
    points = [point for line in lines for point in line.points] + [(mark.x, mark.y) for mark in marks]
    if not points:
        return _nothing(title)
    across = _Scale(x, [point[0] for point in points], _LEFT, WIDTH - _RIGHT)
    up = _Scale(y, [point[1] for point in points], HEIGHT - _BOTTOM, _TOP)
    drawn = [_grid(across, up)]
    for number, line in enumerate(lines):
        path = " ".join(f"{across.at(a):.1f},{up.at(b):.1f}" for a, b in line.points)
        colour = f"s{number % len(_DASHES)}"
        dash = _DASHES[number % len(_DASHES)]
        drawn.append(
            Markup('<polyline class="{} line" points="{}" stroke-dasharray="{}"/>').format(colour, path, dash)
        )
    drawn += [_mark(mark, across, up) for mark in marks]
    legend = Markup("").join(
        Markup(
            '<li><svg width="34" height="10" aria-hidden="true"><line class="s{0} line" x1="1" y1="5" x2="33"'
            ' y2="5" stroke-dasharray="{1}"/></svg> {2}</li>'
        ).format(number % len(_DASHES), _DASHES[number % len(_DASHES)], line.name)
        for number, line in enumerate(lines)
    )
    rows = [
        (line.name, _shown(x.kind, a), _shown(y.kind, b)) for line in lines for a, b in _thinned(line.points)
    ]
    said = " ".join(
        [text, *(f"{mark.label}: {_shown(x.kind, mark.x)}, {_shown(y.kind, mark.y)}." for mark in marks)]
    )
    legend = Markup('<ul class="legend">{}</ul>').format(legend) if len(lines) > 1 else Markup("")
    return _figure(title, said, Markup("").join(drawn), legend, ("Line", x.label, y.label), rows, HEIGHT)


def bar_plot(title: str, bars: Sequence[Bar], *, axis: Axis, text: str = "") -> Markup:
    """Bars from left to right, one beneath the other. `text` says in words what is to be seen."""
    if not bars:
        return _nothing(title)
    left, row = 230, 26
    height = _TOP + row * len(bars) + _BOTTOM
    values = [v for bar in bars for v in (bar.value, bar.low, bar.high) if v is not None]
    begin = Axis(axis.label, axis.kind, 0.0 if axis.low is None else axis.low, axis.high)
    across = _Scale(begin, values, left, WIDTH - 70)
    drawn = [_ticks_below(across, height - _BOTTOM, _TOP)]
    for number, bar in enumerate(bars):
        middle = _TOP + row * number + row / 2
        label = bar.label if len(bar.label) <= _LABEL else bar.label[: _LABEL - 1] + "…"
        beyond = max(across.at(bar.value), across.at(bar.high) if bar.high is not None else 0.0)
        drawn.append(
            Markup(
                '<text class="label" x="{lx}" y="{ty}" text-anchor="end">{label}</text>'
                '<rect class="bar" x="{x}" y="{y}" width="{w:.1f}" height="16"/>'
                '<text class="value" x="{vx:.1f}" y="{ty}">{value}</text>'
            ).format(
                lx=left - 8,
                ty=middle + 4,
                label=label,
                x=left,
                y=middle - 8,
                w=max(0.0, across.at(bar.value) - left),
                vx=beyond + 8,
                value=_shown(axis.kind, bar.value),
            )
        )
        if bar.low is not None and bar.high is not None:
            drawn.append(
                Markup('<path class="whisker" d="M{a:.1f} {m}H{b:.1f}M{a:.1f} {t}v8M{b:.1f} {t}v8"/>').format(
                    a=across.at(bar.low), b=across.at(bar.high), m=middle, t=middle - 4
                )
            )
    drawn.append(_axis_label(axis.label, (left + WIDTH - 70) / 2, height - 10))
    rows = [
        (
            bar.label,
            _shown(axis.kind, bar.value),
            "" if bar.low is None or bar.high is None
            else f"{_shown(axis.kind, bar.low)} to {_shown(axis.kind, bar.high)}",
        )
        for bar in bars
    ]  # fmt: skip
    intervals = any(bar.low is not None for bar in bars)
    columns = ("", axis.label, "Interval") if intervals else ("", axis.label)
    return _figure(
        title, text, Markup("").join(drawn), Markup(""), columns, [r[: len(columns)] for r in rows], height
    )


class _Scale:
    """Where a value stands along one side, and which values are written beside it."""

    def __init__(self, axis: Axis, values: Iterable[float], start: float, end: float) -> None:
        finite = [value for value in values if math.isfinite(value)]
        low = min(finite, default=0.0) if axis.low is None else axis.low
        high = max(finite, default=1.0) if axis.high is None else axis.high
        if axis.low is None and 0 < low < 0.4 * high:
            low = 0.0
        if high <= low:
            high = low + (abs(low) or 1.0)
        self.axis, self.low, self.start, self.end = axis, low, start, end
        step = _step((high - low) / 5)
        self.high = high if axis.high is not None else step * math.ceil(round(high / step, 6))
        first = step * math.ceil(round(low / step, 6))
        self.ticks = [
            tick for n in range(12) if (tick := round(first + n * step, 10)) <= self.high * (1 + 1e-9)
        ]

    def at(self, value: float) -> float:
        inside = min(max(value, self.low), self.high)
        return self.start + (inside - self.low) / (self.high - self.low) * (self.end - self.start)


def _step(about: float) -> float:
    """1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(about))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= about * (1 - 1e-9))


def _grid(across: _Scale, up: _Scale) -> Markup:
    rows = Markup("").join(
        Markup(
            '<path class="grid" d="M{0} {1:.1f}H{2}"/>'
            '<text class="tick" x="{3}" y="{4:.1f}" text-anchor="end">{5}</text>'
        ).format(
            _LEFT,
            up.at(tick),
            WIDTH - _RIGHT,
            _LEFT - 8,
            up.at(tick) + 4,
            _shown(up.axis.kind, tick, tick=True),
        )
        for tick in up.ticks
    )
    side = Markup(
        '<text class="axis" transform="translate(14 {}) rotate(-90)" text-anchor="middle">{}</text>'
    )
    return (
        rows
        + _ticks_below(across, HEIGHT - _BOTTOM, _TOP)
        + side.format((_TOP + HEIGHT - _BOTTOM) / 2, up.axis.label)
        + _axis_label(across.axis.label, (_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 8)
    )


def _ticks_below(across: _Scale, bottom: float, top: float) -> Markup:
    return Markup("").join(
        Markup(
            '<path class="grid" d="M{0:.1f} {1}V{2}"/>'
            '<text class="tick" x="{0:.1f}" y="{3}" text-anchor="middle">{4}</text>'
        ).format(across.at(tick), top, bottom, bottom + 18, _shown(across.axis.kind, tick, tick=True))
        for tick in across.ticks
    )


def _axis_label(label: str, x: float, y: float) -> Markup:
    return Markup('<text class="axis" x="{}" y="{}" text-anchor="middle">{}</text>').format(x, y, label)


def _mark(mark: Mark, across: _Scale, up: _Scale) -> Markup:
    x, y = across.at(mark.x), up.at(mark.y)
    beyond = x > (across.start + across.end) / 2
    return Markup(
        '<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
        '<text class="value" x="{tx:.1f}" y="{ty:.1f}" text-anchor="{anchor}">{label}</text>'
    ).format(
        x=x,
        y=y,
        tx=x - 10 if beyond else x + 10,
        ty=y - 10 if y > HEIGHT - _BOTTOM - 24 else y + 20,
        anchor="end" if beyond else "start",
        label=mark.label,
    )


def _figure(
    title: str,
    text: str,
    drawing: Markup,
    legend: Markup,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    height: float,
) -> Markup:
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(column) for column in columns)
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(cell) for cell in row))
        for row in rows
    )
    return Markup(
        '<figure class="plot"><figcaption>{title}</figcaption>'
        '<svg viewBox="0 0 {width} {height}" role="img" aria-label="{said}">{drawing}</svg>{legend}{words}'
        '<details><summary>The numbers of this plot</summary><div class="scroll" role="region" tabindex="0"'
        ' aria-label="Numbers: {title}"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        "</div></details></figure>"
    ).format(
        title=title,
        width=WIDTH,
        height=height,
        said=f"{title}. {text}".strip(),
        drawing=drawing,
        legend=legend,
        words=Markup('<p class="said">{}</p>').format(text) if text else "",
        head=head,
        body=body,
    )


def _nothing(title: str) -> Markup:
    return Markup('<figure class="plot"><figcaption>{}</figcaption><p>Nothing to plot.</p></figure>').format(
        title
    )


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    if len(points) <= _ROWS:
        return points
    return [points[round(n * (len(points) - 1) / (_ROWS - 1))] for n in range(_ROWS)]


def _shown(kind: Kind, value: float, *, tick: bool = False) -> str:
    if kind == "share":
        return f"{100 * value:.{0 if tick and float(100 * value).is_integer() else 1}f}%"
    if tick or float(value).is_integer():
        return f"{value:,.10g}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3f}"
