"""Reports as one HTML page that needs nothing but itself: the shell, its templates, its formats.

A template extends `page.html`, imports its parts from `parts.html`, and is filled by `render`. Everything
put into a template is escaped; only plots (plot.py) and other templates' output are markup. Pages hold no
script and load nothing. Knows nothing of what is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from freehold.evaluation.plot import bar_plot, line_plot

ABSENT = "–"
"""Shown where there is no figure."""


def render(template: str, values: Mapping[str, Any]) -> str:
    """The page that a template of `evaluation/templates/` makes of these values."""
    return environment().get_template(template).render(values)


def number(value: float | None, places: int = 3) -> str:
    """A figure with so many places, thousands apart; a dash where there is none."""
    return ABSENT if value is None else f"{value:,.{places}f}"


def share(value: float | None, places: int = 1) -> str:
    """A share of one as per cent."""
    return ABSENT if value is None else f"{100 * value:.{places}f}%"


def interval(low: float | None, high: float | None, places: int = 3) -> str:
    """`0.71 to 0.78`; a dash where there is none."""
    return ABSENT if low is None or high is None else f"{low:,.{places}f} to {high:,.{places}f}"


def moment(seconds: float) -> str:
    """A time since the epoch, in UTC: the page may be read anywhere."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def environment() -> Environment:
    """Where templates come from, and what they may call; made anew each time, which takes milliseconds."""
    environment = Environment(
        loader=PackageLoader("freehold.evaluation", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, share=share, moment=moment)
    environment.globals.update(interval=interval, line_plot=line_plot, bar_plot=bar_plot)
    return environment
