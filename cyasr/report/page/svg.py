"""Plots as inline SVG: interval bars, dot plots, curves. Colours come from the page's style sheet, shapes from here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH = 760  # of a dot plot, in SVG units
LABEL = 216  # of which the row labels take
SERIES = 6  # shapes and colours there are
LINE = 15  # height of one dot's line
PATHS = (  # markers around (0, 0), told apart without colour
    "M0-4.5A4.5 4.5 0 1 1 0 4.5 4.5 4.5 0 1 1 0-4.5Z",
    "M-4-4H4V4H-4Z",
    "M0-5.5 5.5 0 0 5.5-5.5 0Z",
    "M0-5 5 4H-5Z",
    "M0 5 5-4H-5Z",
    "M-5-2H-2V-5H2V-2H5V2H2V5H-2V2H-5Z",
)


@dataclass(frozen=True)
class Dot:
    """A value with its interval, in percent; series: which shape and colour, below SERIES."""

    series: int
    value: float
    low: float | None
    high: float | None
    title: str  # shown when pointed at


@dataclass(frozen=True)
class Row:
    label: str
    details: list[str]  # lines beneath the label, smaller
    dots: list[Dot]


@dataclass(frozen=True)
class Curve:
    """points: (x, y), sorted by x; dotted: each point is marked."""

    name: str
    points: list[tuple[float, float]]
    series: int
    dotted: bool = True


def interval_bar(value: float, low: float | None, high: float | None, top: float) -> Markup:
    """A dot on its interval for a table's cell; `top`: where the scale ends, from 0."""
    width = 110

    def x(rate: float) -> float:
        return round(4 + (width - 8) * min(rate, top) / top, 1) if top else 4.0

    bar = Markup("")
    if low is not None and high is not None:
        bar = Markup('<line class="range" x1="{}" x2="{}" y1="8" y2="8"/>').format(x(low), x(high))
    return Markup(
        '<svg class="bar" width="{w}" height="16" viewBox="0 0 {w} 16" aria-hidden="true">'
        '<line class="axis" x1="4" x2="{end}" y1="8" y2="8"/>{bar}<circle cx="{x}" cy="8" r="3.5"/></svg>'
    ).format(w=width, end=width - 4, bar=bar, x=x(value))


def difference_bar(value: float, low: float, high: float, reach: float) -> Markup:
    """As interval_bar, for a difference on a scale from -reach to reach with a line at 0."""
    width, middle = 110, 55

    def x(difference: float) -> float:
        return round(middle + (middle - 4) * max(-1.0, min(1.0, difference / reach)), 1) if reach else float(middle)

    return Markup(
        '<svg class="bar" width="{w}" height="16" viewBox="0 0 {w} 16" aria-hidden="true">'
        '<line class="axis" x1="4" x2="{end}" y1="8" y2="8"/><line class="zero" x1="{middle}" x2="{middle}" y1="1" y2="15"/>'
        '<line class="range" x1="{low}" x2="{high}" y1="8" y2="8"/><circle cx="{x}" cy="8" r="3.5"/></svg>'
    ).format(w=width, end=width - 4, middle=middle, low=x(low), high=x(high), x=x(value))


def marker(series: int) -> Markup:
    """A legend's key."""
    return Markup(
        '<svg class="key s{}" width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true"><path d="{}"/></svg>'
    ).format(series, PATHS[series % SERIES])


def dot_plot(rows: Sequence[Row], title: str, axis: str) -> Markup:
    """Dots with intervals on one scale from 0, a band a row."""
    top, step = _scale(max((max(dot.value, dot.high or 0.0) for row in rows for dot in row.dots), default=0.0))
    left, right = LABEL, WIDTH - 24

    def x(rate: float) -> float:
        return round(left + (right - left) * rate / top, 1)

    bands, marks = [], []
    y = 8.0
    for number, row in enumerate(rows):
        height = max(LINE * len(row.dots) + 12.0, 14.0 * len(row.details) + 22.0)
        middle = y + height / 2
        text_top = middle + 4 - 7 * len(row.details)
        parts = [
            Markup('<rect class="band{}" x="0" y="{}" width="{}" height="{}"/>').format(number % 2, y, WIDTH, height),
            Markup('<text class="label" x="{}" y="{}">{}</text>').format(left - 12, text_top, _short(row.label)),
        ]
        parts += [
            Markup('<text class="detail" x="{}" y="{}">{}</text>').format(left - 12, text_top + 14 * i, line)
            for i, line in enumerate(row.details, 1)
        ]
        first = middle - LINE * (len(row.dots) - 1) / 2
        marks += [_dot(dot, x, first + LINE * i) for i, dot in enumerate(row.dots)]
        bands.append(Markup("<g><title>{}</title>{}</g>").format(row.label, Markup("").join(parts)))
        y += height
    grid = [
        Markup('<line class="grid" x1="{x}" x2="{x}" y1="8" y2="{y}"/><text class="tick" x="{x}" y="{t}">{label}</text>').format(
            x=x(tick), y=y, t=y + 16, label=_number(tick)
        )
        for tick in _ticks(top, step)
    ]
    name = Markup('<text class="axis-title" x="{}" y="{}">{}</text>').format((left + right) / 2, y + 34, axis)
    return Markup('<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, round(y + 38), title, Markup("").join([*bands, *grid, *marks, name])
    )


def line_plot(curves: Sequence[Curve], title: str, x_axis: str) -> Markup:
    """Curves over one x axis, both axes from 0."""
    curves = [curve for curve in curves if curve.points]
    width, height, left, bottom = 420, 230, 44, 36
    xs = [x for curve in curves for x, _ in curve.points]
    ys = [y for curve in curves for _, y in curve.points]
    x_top, x_step = _scale(max(xs, default=1.0))
    y_top, y_step = _scale(max(ys, default=1.0))
    right, upper, lower = width - 12, 10, height - bottom

    def x(value: float) -> float:
        return round(left + (right - left) * value / x_top, 1)

    def y(value: float) -> float:
        return round(lower - (lower - upper) * value / y_top, 1)

    parts = [
        Markup('<line class="grid" x1="{}" x2="{}" y1="{y}" y2="{y}"/><text class="tick end" x="{}" y="{}">{}</text>').format(
            left, right, left - 6, y(tick) + 4, _number(tick), y=y(tick)
        )
        for tick in _ticks(y_top, y_step)
    ]
    parts += [
        Markup('<text class="tick" x="{}" y="{}">{}</text>').format(x(tick), lower + 16, _number(tick))
        for tick in _ticks(x_top, x_step)
    ]
    parts.append(Markup('<text class="axis-title" x="{}" y="{}">{}</text>').format((left + right) / 2, height - 4, x_axis))
    for curve in curves:
        path = "M" + "L".join(f"{x(a)} {y(b)}" for a, b in curve.points)
        marks = Markup("")
        if curve.dotted:
            marks = Markup("").join(
                Markup('<path class="mark" transform="translate({} {})" d="{}"><title>{} {}: {}</title></path>').format(
                    x(a), y(b), PATHS[curve.series % SERIES], x_axis, f"{a:.4g}", f"{b:.4g}"
                )
                for a, b in curve.points
            )
        kind = "dotted" if curve.dotted else "plain"
        parts.append(Markup('<g class="s{} {}"><path class="line" d="{}"/>{}</g>').format(curve.series, kind, path, marks))
    return Markup('<svg class="curves" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        width, height, title, Markup("").join(parts)
    )


def thinned(points: Sequence[tuple[float, float]], most: int = 200) -> list[tuple[float, float]]:
    """At most `most` points: means over equal stretches."""
    size = max(1, math.ceil(len(points) / most))
    stretches = (points[i : i + size] for i in range(0, len(points), size))
    return [(_mean(x for x, _ in part), _mean(y for _, y in part)) for part in stretches]


def _dot(dot: Dot, x: Callable[[float], float], y: float) -> Markup:
    bar = Markup("")
    if dot.low is not None and dot.high is not None:
        bar = Markup('<line class="range" x1="{}" x2="{}" y1="{y}" y2="{y}"/>').format(x(dot.low), x(dot.high), y=y)
    return Markup('<g class="s{}"><title>{}</title>{}<path class="mark" transform="translate({} {})" d="{}"/></g>').format(
        dot.series % SERIES, dot.title, bar, x(dot.value), y, PATHS[dot.series % SERIES]
    )


def _scale(highest: float) -> tuple[float, float]:
    """(end of the axis, distance of ticks): at most seven ticks at 1, 2 or 5 times a power of ten."""
    if not math.isfinite(highest) or highest <= 0:
        return 1.0, 0.5
    power = 10 ** math.floor(math.log10(highest / 5))
    step = next(power * factor for factor in (1, 2, 5, 10) if highest / (power * factor) <= 6)
    return step * math.ceil(highest / step - 1e-9), step


def _ticks(top: float, step: float) -> list[float]:
    return [step * i for i in range(round(top / step) + 1)]


def _number(value: float) -> str:
    return f"{value:.10g}" if abs(value) < 1e5 else f"{value:.0e}"


def _short(label: str, most: int = 24) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)
