"""Plots as inline SVG: no script, no font, no file besides the page."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 200
LEFT: Final = 56
BOTTOM: Final = 28
TOP: Final = 12
COLOURS: Final = ("#1f6fb4", "#c8553d", "#3a8f5c", "#8a5fb0", "#b08900", "#5b6770")
MOST_POINTS: Final = 1200
MOST_TICKS: Final = 8
STEPS: Final = (1.0, 2.0, 5.0)
HOURS: Final = (1.0, 1.5, 3.0, 6.0)
"""Of an axis in hours of the day."""

Series = Mapping[str, Sequence[tuple[float, float]]]


def lines(title: str, unit: str, series: Series, *, x_label: str = "seconds") -> str:
    """A line a name. Series without points are left out; "" when none is left."""
    drawn = {name: thin(points) for name, points in series.items() if points}
    if not drawn:
        return ""
    return _frame(title, unit, drawn, x_label, _line)


def dots(title: str, unit: str, series: Series, *, x_label: str = "seconds") -> str:
    """A cloud of points a name."""
    drawn = {name: thin(points) for name, points in series.items() if points}
    return _frame(title, unit, drawn, x_label, _dots) if drawn else ""


def distribution(title: str, unit: str, samples: Mapping[str, Sequence[float]]) -> str:
    """Cumulative shares: which part of the observations lies below a value."""
    series = {
        name: [(value, (rank + 1) / len(ordered)) for rank, value in enumerate(ordered)]
        for name, ordered in ((name, sorted(values)) for name, values in samples.items())
        if ordered
    }
    return lines(title, "share", series, x_label=unit)


def thin(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most `MOST_POINTS`, the first and the last kept."""
    step = max(1, -(-len(points) // MOST_POINTS))
    kept = list(points[::step])
    if kept[-1] != points[-1]:
        kept.append(points[-1])
    return kept


def _frame(title: str, unit: str, series: dict[str, list[tuple[float, float]]], x_label: str, draw) -> str:  # type: ignore[no-untyped-def]
    xs = [x for points in series.values() for x, _ in points]
    top = nice(max((y for points in series.values() for _, y in points), default=1.0))
    low, high = min(min(xs), 0.0), max(max(xs), min(xs) + 1e-9)

    def place(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - low) / (high - low) * (WIDTH - LEFT - 12)
        up = HEIGHT - BOTTOM - y / top * (HEIGHT - BOTTOM - TOP)
        return round(across, 1), round(up, 1)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">']
    for step in range(5):
        value = top * step / 4
        _, y = place(low, value)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 12}" y1="{y}" y2="{y}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" class="y">{value:g}</text>')
    for x_value in ticks(low, high, HOURS if x_label.startswith("hour") else STEPS):
        x, _ = place(x_value, 0)
        parts.append(f'<text x="{x}" y="{HEIGHT - 10}" class="x">{x_value:g}</text>')
    for index, points in enumerate(series.values()):
        parts.append(draw([place(x, y) for x, y in points], COLOURS[index % len(COLOURS)]))
    parts.append("</svg>")
    key = "".join(
        f'<span><i style="background:{COLOURS[index % len(COLOURS)]}"></i>{escape(name)}</span>'
        for index, name in enumerate(series)
    )
    caption = f"<figcaption><b>{escape(title)}</b> ({escape(unit)}; {escape(x_label)}) {key}</figcaption>"
    return f"<figure>{caption}{''.join(parts)}</figure>"


def _line(points: list[tuple[float, float]], colour: str) -> str:
    path = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _dots(points: list[tuple[float, float]], colour: str) -> str:
    return "".join(
        f'<circle cx="{x}" cy="{y}" r="1.6" fill="{colour}" fill-opacity=".5"/>' for x, y in points
    )


def ticks(low: float, high: float, steps: Sequence[float]) -> list[float]:
    """Round values from `low` to `high`, `MOST_TICKS` at most; `steps` are tried in tens' powers."""
    reach = max(high - low, 1e-9)
    power = 10.0 ** (math.floor(math.log10(reach)) - 1)
    step = next(
        step * power * scale
        for scale in (1, 10, 100)
        for step in steps
        if reach / (step * power * scale) <= MOST_TICKS
    )
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 9) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def nice(value: float) -> float:
    """The next of 1, 2, 2.5, 5 × 10ⁿ at or above `value`; 1 for nothing."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** (len(f"{value:.0f}") - 1 if value >= 1 else -3)
    while True:
        for step in (1, 2, 2.5, 4, 5, 8, 10):
            if unit * step >= value:
                return unit * step
        unit *= 10
