"""A report as one self-contained HTML page: to read on a screen, to print, to forward."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from acd.service_level import FIGURE, FIGURES, Figure, Tally
from callrouter.cli.formats import met, shown
from callrouter.cli.sheets import Heading, Sheet, Value

TILES = (
    "answer_rate",
    "service_level_offered",
    "time_to_human",
    "asa",
    "abandonment",
    "transfer_success",
    "callback_completion",
    "aht",
    "occupancy",
    "satisfaction",
)


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of the page: a plot, a table, or both."""

    title: str
    chart: str = ""
    sheet: Sheet | None = None


def page(*, title: str, about: str, total: Tally, notes: Sequence[str], sections: Sequence[Section]) -> str:
    """The whole report: figures of `total` on top, then the sections, then the formulas."""
    body = [
        f"<h1>{escape(title)}</h1><p class=about>{escape(about)}</p>",
        f'<div class="tiles">{"".join(_tile(FIGURE[name], total) for name in TILES)}</div>',
        *(f'<p class="note{" bad" if "MISSED" in note else ""}">{escape(note)}</p>' for note in notes),
        *(_section(section, notes) for section in sections),
        _glossary(),
    ]
    return _document(title, body)


def sheet_page(sheet: Sheet) -> str:
    """One table as a page."""
    return _document(sheet.title, [_section(Section(sheet.title, sheet=sheet))])


def _document(title: str, body: Sequence[str]) -> str:
    style = files("callrouter.cli").joinpath("report.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _tile(figure: Figure, total: Tally) -> str:
    value = figure.of(total)
    heading = Heading(figure.name, figure.unit, figure.chinese, figure)
    verdict = {True: "good", False: "bad", None: "plain"}[figure.met(value)]
    sign = {True: " ✓", False: " ✗", None: ""}[figure.met(value)]
    goal = ""
    if figure.target is not None:
        goal = f"{'≥' if figure.better == 'high' else '≤'} {_goal(figure)}"
    number = escape(_plain(value, heading))
    return (
        f'<div class="tile {verdict}" title="{escape(figure.formula)}"><b>{number}{sign}</b>'
        f"<span>{escape(figure.chinese)}</span><code>{figure.name}</code><small>{goal}</small></div>"
    )


def _goal(figure: Figure) -> str:
    target = figure.target or 0.0
    return f"{target:.0%}" if figure.unit == "ratio" else f"{target:g} s"


def _plain(value: Value, heading: Heading) -> str:
    return shown(value, heading, Sheet("", "", (heading,), ()))


def _section(section: Section, told: Sequence[str] = ()) -> str:
    """`told`: notes that stand on top of the page already."""
    table = _table(section.sheet) if section.sheet is not None else ""
    notes = [note for note in section.sheet.notes if note not in told] if section.sheet is not None else []
    below = "".join(f"<p class=about>{escape(note)}</p>" for note in notes)
    return f"<section><h2>{escape(section.title)}</h2>{section.chart}{table}{below}</section>"


def _table(sheet: Sheet) -> str:
    places = sheet.places_shown()
    head = "".join(_heading(sheet.headings[place]) for place in places)
    rows = "".join(_row(row, sheet, places) for row in sheet.rows)
    total = _row(sheet.total, sheet, places, css="total") if sheet.total is not None else ""
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}{total}</tbody></table></div>'
    )


def _heading(heading: Heading) -> str:
    formula = f' title="{escape(heading.figure.formula)}"' if heading.figure else ""
    title = f"{escape(heading.title)}<br>" if heading.title else ""
    kind = "" if heading.unit in ("text", "time") else ' class="number"'
    return f"<th{formula}{kind}>{title}<code>{escape(heading.name).replace('_', '_<wbr>')}</code></th>"


def _row(row: Sequence[Value], sheet: Sheet, places: Sequence[int], css: str = "") -> str:
    cells = []
    for place in places:
        heading, value = sheet.headings[place], row[place]
        verdict = {True: " good", False: " bad", None: ""}[met(value, heading)]
        kind = "" if heading.unit in ("text", "time") else "number"
        cells.append(f'<td class="{kind}{verdict}">{escape(shown(value, heading, sheet))}</td>')
    return f'<tr class="{css}">{"".join(cells)}</tr>'


def _glossary() -> str:
    rows = "".join(
        f"<tr><td><code>{figure.name}</code></td><td>{escape(figure.chinese)}</td>"
        f"<td>{escape(figure.formula)}</td>"
        f"<td>{_goal(figure) if figure.target is not None else ''}</td></tr>"
        for figure in FIGURES
    )
    return (
        "<section><h2>口径 Formulas</h2><p>Every figure is a ratio of counts that add up: a day's from its "
        "hours, the province's from its organisations. T = 15 s.</p>"
        f'<div class="wide"><table class="formulas"><tbody>{rows}</tbody></table></div></section>'
    )
