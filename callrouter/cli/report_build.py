"""Gathers what the reports show."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from acd.rolling import DAY
from acd.service_level import FIGURE, MICRO
from callrouter.cli.charts import Bar, bars_with_rate
from callrouter.cli.organisations import Organisations
from callrouter.cli.report_page import Section
from callrouter.cli.report_page import page as whole_page
from callrouter.cli.sheets import (
    Sheet,
    call_row,
    call_sheet,
    kpi_sheet,
    seat_sheet,
    transfer_sheet,
    worst_note,
)
from callrouter.cli.spans import Span
from callrouter.store.call_list import listed
from callrouter.store.database import Database
from callrouter.store.extras import transfer_rows
from callrouter.store.kpi import Kpis, kpis_by_each
from callrouter.store.local_time import LocalTime

_TITLES: Final = {
    "prefecture": "市州 By prefecture",
    "organisation": "机构 By organisation",
    "line": "被叫号码 By number dialled",
    "queue": "队列 By queue",
    "skill": "技能 By skill asked for",
    "language": "语言 By language",
}
PAGE: Final = 5_000
"""Rows of a page: some megabytes."""
_FORMS: Final = {"quarter": "%H:%M", "hour": "%m-%d %H:00", "day": "%m-%d"}


async def figures(
    database: Database, span: Span, *by: str, tree: Organisations | None = None
) -> dict[str, Kpis]:
    return await kpis_by_each(
        database,
        since=span.since,
        until=span.until,
        by=by,
        now=span.now,
        local=LocalTime.of(span.zone, span.since, span.until),
        organisations=span.organisations,
        ranks=tree.ranks() if tree is not None else None,
    )


async def build_seats(database: Database, span: Span) -> Sheet:
    return seat_sheet((await figures(database, span, "seat"))["seat"], {})


async def call_pages(database: Database, span: Span, *, masked: bool) -> AsyncIterator[Sheet]:
    """The calls of the span in sheets of `PAGE` rows; one empty sheet when there are none."""
    empty = True
    async for page in listed(database, span.since, span.until, PAGE):
        yield call_sheet([call_row(row, targets, masked=masked) for row, targets in page], span.zone)
        empty = False
    if empty:
        yield call_sheet([], span.zone)


async def build_page(database: Database, span: Span, tree: Organisations) -> str:
    """The report that a supervisor forwards."""
    grain = _grain(span)
    found = await figures(database, span, grain, "seat", *_TITLES, tree=tree)
    over_time, labels = found[grain], tree.labels()
    sections = [Section(f"接通 Answered, by {grain}", chart=_chart(over_time, span))]
    for by, title in _TITLES.items():
        if by == "organisation" and found[by].groups == found["prefecture"].groups:
            continue
        if len(found[by].groups) > 1 or by == "prefecture":
            sections.append(Section(title, sheet=kpi_sheet(found[by], span.zone, labels)))
    rows = await transfer_rows(database, span.since, span.until, span.now, span.organisations)
    if rows:
        sections.append(Section("转接 Transfers by target", sheet=transfer_sheet(rows, labels)))
    if span.organisations is None:
        sections.append(Section("座席 Seats", sheet=seat_sheet(found["seat"], {})))
    sections.append(Section(f"明细 By {grain}", sheet=kpi_sheet(over_time, span.zone, {})))
    return whole_page(
        title="12345 热线话务报告",
        about=span.words(),
        total=over_time.total,
        notes=(worst_note(over_time, span.zone),),
        sections=sections,
    )


def _grain(span: Span) -> str:
    """The time step whose bars can be told apart."""
    length = span.until - span.since
    if length <= 12 * 3600 * MICRO:
        return "quarter"
    return "hour" if length <= 4 * DAY else "day"


def _chart(found: Kpis, span: Span) -> str:
    bars = [
        Bar(
            f"{datetime.fromtimestamp(int(key) / MICRO, span.zone):{_FORMS[found.by]}}",
            one.offered,
            one.answered,
        )
        for key, one in found.groups.items()
    ]
    target = FIGURE["answer_rate"].target or 0.0
    return bars_with_rate(bars, whole="offered", part="answered", target=target)
