"""Plots as SVG, drawn here: a report must open anywhere, for years, without a script."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 960
HEIGHT: Final = 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 52, 14, 56
_TICKS: Final = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """Of `whole`, `part`; drawn one in the other."""

    label: str
    whole: float
    part: float


def bars_with_rate(bars: Sequence[Bar], *, whole: str, part: str, target: float) -> str:
    """Bars of counts (left axis) and their ratio as a line (right axis), with the target dashed."""
    top = _round_up(max((bar.whole for bar in bars), default=1))
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(bars))
    parts = [*_grid(top), _target_line(target)]
    points: list[str] = []
    for place, bar in enumerate(bars):
        x = _LEFT + place * step
        hint = f"{bar.label}: {part} {bar.part:g} of {bar.whole:g}"
        if bar.whole:
            hint += f" ({bar.part / bar.whole:.1%})"
            points.append(f"{x + step / 2:.1f},{_y(bar.part / bar.whole, 1.0):.1f}")
        parts.append(f"<g><title>{escape(hint)}</title>")
        for css, value in (("whole", bar.whole), ("part", bar.part)):
            y = _y(value, top)
            parts.append(
                f'<rect class="{css}" x="{x + step * 0.1:.1f}" y="{y:.1f}" '
                f'width="{step * 0.8:.1f}" height="{HEIGHT - _BOTTOM - y:.1f}"/>'
            )
        parts.append("</g>")
    parts.append(f'<polyline class="rate" points="{" ".join(points)}"/>')
    parts.extend(_labels(bars, step))
    parts.extend(_legend(whole, part, target))
    return _svg(parts, f"{part} of {whole} and their ratio")


def _svg(parts: Sequence[str], about: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(about)}">{"".join(parts)}</svg>'
    )


def _y(value: float, top: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * (value / top if top else 0)


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 8 × a power of ten at or above: ticks are then whole."""
    base = 1.0
    while base * 10 < value:
        base *= 10
    return next((base * factor for factor in (1, 2, 4, 8, 10) if base * factor >= value), base * 10)


def _grid(top: float) -> list[str]:
    parts = []
    for tick in range(_TICKS + 1):
        y = _y(tick, _TICKS)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" class="end">{top * tick / _TICKS:g}</text>')
        parts.append(f'<text x="{WIDTH - _RIGHT + 8}" y="{y + 4:.1f}">{tick / _TICKS:.0%}</text>')
    return parts


def _target_line(target: float) -> str:
    y = _y(target, 1.0)
    return f'<line class="target" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _labels(bars: Sequence[Bar], step: float) -> list[str]:
    every = max(1, round(96 / step)) if step else 1
    return [
        f'<text class="mid" x="{_LEFT + (place + 0.5) * step:.1f}" y="{HEIGHT - _BOTTOM + 18}">'
        f"{escape(bar.label)}</text>"
        for place, bar in enumerate(bars)
        if place % every == 0
    ]


def _legend(whole: str, part: str, target: float) -> list[str]:
    y = HEIGHT - 12
    return [
        f'<rect class="whole" x="{_LEFT}" y="{y - 10}" width="14" height="12"/>'
        f'<text class="key" x="{_LEFT + 20}" y="{y}">{escape(whole)}</text>',
        f'<rect class="part" x="{_LEFT + 110}" y="{y - 10}" width="14" height="12"/>'
        f'<text class="key" x="{_LEFT + 130}" y="{y}">{escape(part)}</text>',
        f'<line class="rate" x1="{_LEFT + 220}" x2="{_LEFT + 246}" y1="{y - 4}" y2="{y - 4}"/>'
        f'<text class="key" x="{_LEFT + 252}" y="{y}">{escape(part)} ÷ {escape(whole)}</text>',
        f'<line class="target" x1="{_LEFT + 420}" x2="{_LEFT + 446}" y1="{y - 4}" y2="{y - 4}"/>'
        f'<text class="key" x="{_LEFT + 452}" y="{y}">{target:.0%}</text>',
    ]
