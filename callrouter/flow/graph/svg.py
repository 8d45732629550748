"""A picture painted as SVG: nothing but text, no fonts or scripts from elsewhere."""

import itertools
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final, NamedTuple

from callrouter.flow.graph.layout import Layout, Point, lay_out
from callrouter.flow.graph.picture import Arrow, Box, Picture, shortened, width_of
from callrouter.flow.node import Choice

BOX_WIDTH: Final = 188.0
LINE: Final = 16.0
MARGIN: Final = 36.0
HEAD: Final = 64.0
LEGEND: Final = 84.0


class Rect(NamedTuple):
    """A rectangle by its centre."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, other: "Rect") -> bool:
        return (
            abs(self.x - other.x) < (self.width + other.width) / 2
            and abs(self.y - other.y) < (self.height + other.height) / 2
        )


class Colour(NamedTuple):
    edge: str
    fill: str
    name: str


COLOURS: Final = {
    "speech": Colour("#0f766e", "#f0fdfa", "speaks"),
    "keys": Colour("#1d4ed8", "#eff6ff", "listens for keys"),
    "data": Colour("#6d28d9", "#f5f3ff", "decides, looks up"),
    "person": Colour("#15803d", "#dcfce7", "a person"),
    "promise": Colour("#4d7c0f", "#f7fee7", "callback, voicemail"),
    "subflow": Colour("#c2410c", "#fff7ed", "another flow"),
    "end": Colour("#475569", "#f1f5f9", "the end"),
}
STROKES: Final = {
    Choice.CALLER: ("#1d4ed8", "", "a key"),
    Choice.SYSTEM: ("#475569", "", "done, data, time"),
    Choice.MISTAKE: ("#b45309", "7 4", "silence, mistakes"),
    Choice.FAILURE: ("#dc2626", "2 4", "failure"),
}
TAKEN: Final = "#ea580c"
SILENT: Final = "#bbf7d0"
LABEL_PLACES: Final = (0.42, 0.3, 0.54, 0.2, 0.66, 0.78)
STYLE: Final = """
text { font-family: "Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif; }
.title { font-size: 20px; font-weight: 700; fill: #0f172a; } .small { font-size: 11px; fill: #64748b; }
.name { font-size: 13.5px; font-weight: 600; fill: #0f172a; } .line { font-size: 11.5px; fill: #334155; }
.verb { font-size: 10px; font-weight: 600; letter-spacing: .04em; }
.note { font-size: 11px; fill: #92400e; font-style: italic; }
.label { font-size: 11px; font-weight: 600; } .visit { font-size: 10px; font-weight: 700; fill: #fff; }
.untaken { opacity: .3; }
"""


def svg(picture: Picture) -> str:
    """One self-contained SVG document."""
    boxes = {box.name: box for box in picture.boxes}
    sizes = {box.name: (BOX_WIDTH, _height(box)) for box in picture.boxes}
    edges = [(arrow.source, arrow.target) for arrow in picture.arrows]
    roots = [box.name for box in picture.boxes if box.start]
    layout = lay_out(sizes, edges, roots)
    width = max(layout.width, 640.0) + 2 * MARGIN
    height = layout.height + HEAD + LEGEND + MARGIN
    shift = MARGIN + (width - 2 * MARGIN - layout.width) / 2
    ports = _Ports(picture, layout, sizes)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img">',
        f"<title>{escape(picture.title)}</title><style>{STYLE}</style>",
        _markers(),
        f'<rect width="100%" height="100%" fill="#fff"/><text x="{MARGIN}" y="38" class="title">'
        f"{escape(picture.title)}</text>",
        f'<g transform="translate({shift:.1f} {HEAD:.1f})">',
    ]
    ordered = sorted(picture.arrows, key=lambda arrow: arrow.taken)  # taken ones on top
    parts += [_underlay(arrow, ports) for arrow in ordered if arrow.silent and not picture.traced]
    parts += [_arrow(arrow, ports, picture.traced) for arrow in ordered]
    parts += [_box(box, layout.centres[box.name], picture.traced) for box in boxes.values()]
    placed: list[Rect] = []
    parts += [_label(arrow, ports, picture.traced, placed) for arrow in reversed(ordered)]
    parts += ["</g>", _legend(picture, height - LEGEND), "</svg>"]
    return "\n".join(parts) + "\n"


def _height(box: Box) -> float:
    return 46.0 + LINE * len(box.lines) + (LINE if box.note else 0)


class _Ports:
    """Where arrows leave and enter boxes: side by side, in the order of where they go."""

    def __init__(self, picture: Picture, layout: Layout, sizes: dict[str, tuple[float, float]]) -> None:
        self.layout = layout
        self.sizes = sizes
        self._leaving: dict[tuple[str, str], Point] = {}
        self._entering: dict[tuple[str, str], Point] = {}
        sides: dict[tuple[str, bool], list[tuple[float, tuple[str, str], bool]]] = {}
        for arrow in picture.arrows:
            key = (arrow.source, arrow.target)
            if arrow.source == arrow.target:
                continue
            up = key in layout.backward
            way = layout.ways.get(key, [])
            first = way[0] if way else layout.centres[arrow.target]
            last = way[-1] if way else layout.centres[arrow.source]
            sides.setdefault((arrow.source, not up), []).append((first.x, key, True))
            sides.setdefault((arrow.target, up), []).append((last.x, key, False))
        for (name, bottom), ends in sides.items():
            self._spread(name, bottom, sorted(ends))

    def _spread(self, name: str, bottom: bool, ends: list[tuple[float, tuple[str, str], bool]]) -> None:
        centre, (width, height) = self.layout.centres[name], self.sizes[name]
        y = centre.y + (height / 2 if bottom else -height / 2)
        step = min(30.0, (width - 40) / max(1, len(ends) - 1)) if len(ends) > 1 else 0.0
        for index, (_, key, leaving) in enumerate(ends):
            point = Point(centre.x + (index - (len(ends) - 1) / 2) * step, y)
            (self._leaving if leaving else self._entering)[key] = point

    def points(self, arrow: Arrow) -> list[Point]:
        key = (arrow.source, arrow.target)
        return [self._leaving[key], *self.layout.ways.get(key, []), self._entering[key]]


def _underlay(arrow: Arrow, ports: _Ports) -> str:
    if arrow.source == arrow.target:
        return ""
    return (
        f'<path d="{_curve(ports.points(arrow))}" fill="none" stroke="{SILENT}" stroke-width="9" '
        'stroke-linecap="round"/>'
    )


def _arrow(arrow: Arrow, ports: _Ports, traced: bool) -> str:
    stroke, dash, _ = STROKES[arrow.choice]
    wide = 1.6
    if arrow.taken:
        stroke, dash, wide = TAKEN, "", 3.2
    shape = _loop(arrow, ports) if arrow.source == arrow.target else _curve(ports.points(arrow))
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    faded = ' class="untaken"' if traced and not arrow.taken else ""
    marker = "taken" if arrow.taken else arrow.choice.value
    return (
        f'<path d="{shape}" fill="none" stroke="{stroke}" stroke-width="{wide}"{dashed}{faded} '
        f'marker-end="url(#{marker})"/>'
    )


def _curve(points: Sequence[Point]) -> str:
    """Smooth vertical tangents through all points."""
    parts = [f"M{points[0].x:.1f} {points[0].y:.1f}"]
    for a, b in itertools.pairwise(points):
        bend = (b.y - a.y) * 0.45
        parts.append(f"C{a.x:.1f} {a.y + bend:.1f} {b.x:.1f} {b.y - bend:.1f} {b.x:.1f} {b.y:.1f}")
    return "".join(parts)


def _loop(arrow: Arrow, ports: _Ports) -> str:
    centre, (width, _) = ports.layout.centres[arrow.source], ports.sizes[arrow.source]
    x, y = centre.x + width / 2, centre.y
    return f"M{x:.1f} {y + 8:.1f}c26 10 26 -26 0 -16"


def _label(arrow: Arrow, ports: _Ports, traced: bool, placed: list[Rect]) -> str:
    labels = [label for label in arrow.labels if label]
    if not labels:
        return ""
    text = " · ".join(labels) if len(labels) <= 4 else f"{' · '.join(labels[:3])} … {labels[-1]}"
    wide = max(17.0, 10 + width_of(text, 11.5))
    at = _place_of(arrow, ports, wide, placed)
    stroke = TAKEN if arrow.taken else STROKES[arrow.choice][0]
    faded = ' class="untaken"' if traced and not arrow.taken else ""
    return (
        f"<g{faded}>"
        f'<rect x="{at.x - wide / 2:.1f}" y="{at.y - 9:.1f}" width="{wide:.1f}" height="17" rx="8.5" '
        f'fill="#fff" stroke="{stroke}" stroke-width="1"/>'
        f'<text x="{at.x:.1f}" y="{at.y + 3.8:.1f}" text-anchor="middle" class="label" fill="{stroke}">'
        f"{escape(text)}</text></g>"
    )


def _place_of(arrow: Arrow, ports: _Ports, wide: float, placed: list[Rect]) -> Point:
    """A point on the arrow where its label covers neither a label before it nor a box."""
    if arrow.source == arrow.target:
        centre, (width, _) = ports.layout.centres[arrow.source], ports.sizes[arrow.source]
        return Point(centre.x + width / 2 + 30, centre.y)
    points = ports.points(arrow)
    boxes = [
        Rect(at.x, at.y, ports.sizes[name][0], ports.sizes[name][1])
        for name, at in ports.layout.centres.items()
    ]
    candidates = [_on_curve(points[0], points[1], t) for t in LABEL_PLACES]
    candidates += [_on_curve(a, b, 0.5) for a, b in itertools.pairwise(points[1:])]
    for at in candidates:
        rect = Rect(at.x, at.y, wide + 4, 19)
        if not any(rect.meets(other) for other in (*placed, *boxes)):
            break
    else:
        at = candidates[0]
        rect = Rect(at.x, at.y, wide + 4, 19)
    placed.append(rect)
    return at


def _on_curve(a: Point, b: Point, t: float) -> Point:
    bend = (b.y - a.y) * 0.45
    c1, c2 = Point(a.x, a.y + bend), Point(b.x, b.y - bend)
    u = 1 - t

    def mix(p0: float, p1: float, p2: float, p3: float) -> float:
        return u**3 * p0 + 3 * u * u * t * p1 + 3 * u * t * t * p2 + t**3 * p3

    return Point(mix(a.x, c1.x, c2.x, b.x), mix(a.y, c1.y, c2.y, b.y))


def _box(box: Box, centre: Point, traced: bool) -> str:
    colour = COLOURS[box.kind]
    height = _height(box)
    x, y = centre.x - BOX_WIDTH / 2, centre.y - height / 2
    thick = 2.6 if box.start or box.person else 1.4
    rim, wide = (TAKEN, 3.2) if box.visits else (colour.edge, thick)
    faded = ' class="untaken"' if traced and not box.visits else ""
    parts = [f"<g{faded}><title>{escape(box.note or box.name)}</title>"]
    if box.kind == "subflow":
        parts.append(
            f'<rect x="{x + 4:.1f}" y="{y + 4:.1f}" width="{BOX_WIDTH}" height="{height:.1f}" rx="10" '
            f'fill="#fff" stroke="{colour.edge}" stroke-width="1"/>'
        )
    radius = height / 2 if box.kind == "end" else 10
    parts += [
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{BOX_WIDTH}" height="{height:.1f}" rx="{radius:.1f}" '
        f'fill="{colour.fill}" stroke="{rim}" stroke-width="{wide}"/>',
        f'<text x="{centre.x:.1f}" y="{y + 17:.1f}" text-anchor="middle" class="verb" fill="{colour.edge}">'
        f"{'▶ ' if box.start else ''}{escape(box.verb)}{' ☎' if box.person else ''}</text>",
        f'<text x="{centre.x:.1f}" y="{y + 34:.1f}" text-anchor="middle" class="name">'
        f"{escape(shortened(box.name, BOX_WIDTH - 20, 14))}</text>",
    ]
    for index, line in enumerate(box.lines):
        parts.append(_text(centre.x, y + 51 + index * LINE, "line", line))
    if box.note:
        parts.append(_text(centre.x, y + 51 + len(box.lines) * LINE, "note", shortened(box.note)))
    parts += [_visits(box, x, y), "</g>"]
    return "".join(parts)


def _text(x: float, y: float, kind: str, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" class="{kind}">{escape(text)}</text>'


def _visits(box: Box, x: float, y: float) -> str:
    parts = []
    for index, visit in enumerate(box.visits[:6]):
        at = x + 4 + index * 21
        parts.append(
            f'<circle cx="{at:.1f}" cy="{y:.1f}" r="10" fill="{TAKEN}"/>'
            f'<text x="{at:.1f}" y="{y + 3.6:.1f}" text-anchor="middle" class="visit">{visit.number}</text>'
        )
    if box.visits:
        parts.append(
            f'<text x="{x + BOX_WIDTH - 6:.1f}" y="{y - 5:.1f}" text-anchor="end" class="small">'
            f"+{box.visits[0].after:.1f} s</text>"
        )
    return "".join(parts)


def _markers() -> str:
    colours = {choice.value: stroke for choice, (stroke, _, _) in STROKES.items()} | {"taken": TAKEN}
    return (
        "<defs>"
        + "".join(
            f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" '
            f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L10 5L0 10z" fill="{stroke}"/></marker>'
            for name, stroke in colours.items()
        )
        + "</defs>"
    )


def _legend(picture: Picture, top: float) -> str:
    parts: list[str] = []
    x = MARGIN
    used = {box.kind for box in picture.boxes}
    for kind, colour in COLOURS.items():
        if kind in used:
            parts.append(
                f'<rect x="{x:.0f}" y="{top:.0f}" width="14" height="14" rx="4" fill="{colour.fill}" '
                f'stroke="{colour.edge}"/>' + _small(x + 20, top + 11, colour.name)
            )
            x += 36 + width_of(colour.name, 11)
    parts += _arrow_legend(picture, top + 32)
    return f"<g>{''.join(parts)}</g>"


def _arrow_legend(picture: Picture, y: float) -> Iterable[str]:
    x = MARGIN
    strokes = [
        *STROKES.values(),
        (TAKEN, "", "this call") if picture.traced else (SILENT, "", "who presses nothing"),
    ]
    for stroke, dash, name in strokes:
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        wide = 8 if stroke == SILENT else 2
        yield f'<path d="M{x:.0f} {y:.0f}h22" stroke="{stroke}" stroke-width="{wide}"{dashed}/>'
        yield _small(x + 28, y + 4, name)
        x += 46 + width_of(name, 11)
    if picture.person is not None:
        yield _small(MARGIN, y + 28, f"0, and everything without an arrow, leads to {picture.person} ☎")


def _small(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" class="small">{escape(text)}</text>'
