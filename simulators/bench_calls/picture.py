"""The benchmark's plot: CPU per call as stacked bars, a bar for each way, as plain SVG."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

WIDTH: Final = 640
LEFT: Final = 110
RIGHT: Final = 90
TOP: Final = 60
BAR: Final = 34
GAP: Final = 22
COLOURS: Final = {"asterisk": "#0b6e99", "controller": "#d9730d"}


def bars(
    title: str, rows: Mapping[str, Mapping[str, float]], wanted: Sequence[tuple[str, float]] = ()
) -> str:
    """`rows`: milliseconds by process for each way; `wanted`: limits as dashed lines, with their words."""
    most = max([sum(row.values()) for row in rows.values()] + [limit for _, limit in wanted] + [1e-9])
    across = (WIDTH - LEFT - RIGHT) / most
    height = TOP + len(rows) * (BAR + GAP) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        ' font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="15">{escape(title)}</text>',
    ]
    x = float(LEFT)
    for name, colour in COLOURS.items():
        parts.append(f'<rect x="{x}" y="34" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 15}" y="43">{escape(name)}</text>')
        x += 100
    for number, (way, row) in enumerate(rows.items()):
        parts += _bar(way, row, TOP + number * (BAR + GAP), across)
    bottom = TOP + len(rows) * (BAR + GAP)
    for words, limit in wanted:
        at = LEFT + limit * across
        parts.append(
            f'<line x1="{at:.1f}" y1="{TOP - 8}" x2="{at:.1f}" y2="{bottom}" stroke="#888"'
            ' stroke-dasharray="4 3"/>'
        )
        parts.append(f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{escape(words)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _bar(way: str, row: Mapping[str, float], y: float, across: float) -> list[str]:
    parts = [f'<text x="{LEFT - 10}" y="{y + BAR / 2 + 4}" text-anchor="end">{escape(way)}</text>']
    x = float(LEFT)
    for name, value in row.items():
        width, colour = value * across, COLOURS.get(name, "#888")
        parts.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>')
        x += width
    total = sum(row.values())
    parts.append(f'<text x="{x + 8:.1f}" y="{y + BAR / 2 + 4}">{total:.2f} ms</text>')
    return parts
