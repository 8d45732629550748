"""Reports as sheets: named columns and rows, ready for any format."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Final, Literal

from acd.service_level import FIGURE, FIGURES, MICRO, Figure, Tally
from callrouter.privacy import mask_number, mask_text
from callrouter.store.kpi import SPANS, Kpis, figures_of
from callrouter.store.summing import Key

Unit = Literal["text", "count", "ratio", "seconds", "time"]
Value = str | int | float | None

COUNTS: Final = ("offered", "enqueued", "answered", "abandoned_flow", "abandoned_queue", "abandoned_ringing")
SHORT_LIST: Final = (
    "answer_rate",
    "service_level_offered",
    "time_to_human",
    "asa",
    "abandonment",
    "transfer_success",
    "aht",
    "occupancy",
)
"""Figures that fit a terminal; files hold all."""


@dataclass(frozen=True, slots=True)
class Heading:
    name: str
    unit: Unit = "text"
    title: str = ""
    """For people; default: the name."""
    figure: Figure | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    name: str
    title: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[Value, ...], ...]
    total: tuple[Value, ...] | None = None
    notes: tuple[str, ...] = ()
    zone: tzinfo | None = None
    """For values of unit ``time``, which are instants."""
    brief: frozenset[str] = field(default_factory=frozenset)
    """Columns to show where there is little room; none: all."""

    def places_shown(self) -> list[int]:
        """Columns for people: the brief ones that hold anything."""
        rows = [*self.rows, *([self.total] if self.total is not None else [])]
        return [
            place
            for place, heading in enumerate(self.headings)
            if (not self.brief or heading.name in self.brief)
            and (place == 0 or not rows or any(row[place] is not None for row in rows))
        ]

    def records(self) -> list[dict[str, Value]]:
        names = [heading.name for heading in self.headings]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


def figure_headings() -> tuple[Heading, ...]:
    return tuple(Heading(figure.name, figure.unit, figure.chinese, figure) for figure in FIGURES)


def kpi_sheet(found: Kpis, zone: tzinfo, names: Mapping[str, str]) -> Sheet:
    """Counts and all figures by the chosen dimension; `names`: what to call its keys."""
    timed = found.by in SPANS
    key = Heading(found.by, "time" if timed else "text")
    headings = (key, *(Heading(name, "count") for name in COUNTS), *figure_headings())

    def label(key: Key) -> Value:
        return key / MICRO if isinstance(key, int) else names.get(key, key)

    def rows(labels: Iterable[Value], tallies: Sequence[Tally]) -> tuple[tuple[Value, ...], ...]:
        counts = ([getattr(tally, name) for tally in tallies] for name in COUNTS)
        return tuple(zip(labels, *counts, *figures_of(tallies), strict=True))

    return Sheet(
        name="kpi",
        title=f"Key figures by {found.by}",
        headings=headings,
        rows=rows(map(label, found.groups), list(found.groups.values())),
        total=rows([None if timed else "total"], [found.total])[0],
        notes=(worst_note(found, zone), *_unnamed_note(found)),
        zone=zone,
        brief=frozenset({found.by, "offered", "answered", *SHORT_LIST}),
    )


def _unnamed_note(found: Kpis) -> tuple[str, ...]:
    """Why the rows may not add up to the total."""
    if found.by in (*SPANS, "seat", "skill"):
        return ()
    rest = found.total.offered - sum(tally.offered for tally in found.groups.values())
    if not rest:
        return ()
    calls = "1 call has no" if rest == 1 else f"{rest} calls have no"
    return (f"{calls} {found.by}: in the total alone",)


def worst_note(found: Kpis, zone: tzinfo) -> str:
    """The worst continuous 24 hours in words."""
    window = found.worst
    if window is None or window.rate is None:
        return "answer_rate of the worst continuous 24 h: no calls"
    begin = datetime.fromtimestamp(window.start / MICRO, zone)
    hours = window.length / MICRO / 3600
    verdict = {True: "met", False: "MISSED", None: ""}[FIGURE["answer_rate"].met(window.rate)]
    return (
        f"answer_rate of the worst continuous {hours:.3g} h: {window.rate:.2%} "
        f"({window.answered} of {window.offered}, from {begin:%Y-%m-%d %H:%M}), 95 % {verdict}"
    )


def transfer_sheet(rows: Iterable[Mapping[str, Value]], names: Mapping[str, str]) -> Sheet:
    """One row a target; `names`: what to call the lines."""
    return Sheet(
        name="transfers",
        title="Transfers by target",
        headings=(
            Heading("target"),
            Heading("attempts", "count"),
            Heading("answered", "count"),
            Heading("completed", "count"),
            Heading("returned", "count"),
            Heading("requeued", "count"),
            Heading("abandoned", "count"),
            Heading("transfer_success", "ratio", "转接成功率", FIGURE["transfer_success"]),
            Heading("mean_seconds_to_answer", "seconds"),
            Heading("causes"),
        ),
        rows=tuple(
            (names.get(str(target), target), *rest) for target, *rest in (row.values() for row in rows)
        ),
    )


def seat_sheet(found: Kpis, names: Mapping[str, str]) -> Sheet:
    """One row a seat: contacts, their lengths, and how its time was spent."""
    headings = (
        Heading("seat"),
        Heading("handled", "count"),
        *(Heading(name, "seconds") for name in ("talk", "hold", "wrap_up", "aht")),
        *(Heading(name, "seconds") for name in ("signed_in", "on_contact", "idle", "not_ready")),
        Heading("occupancy", "ratio", "席位利用率", FIGURE["occupancy"]),
        Heading("transfers", "count"),
        Heading("satisfaction", "ratio", "满意率", FIGURE["satisfaction"]),
    )

    def row(label: str, tally: Tally, gone: int) -> tuple[Value, ...]:
        time = (tally.on_contact + tally.idle + gone, tally.on_contact, tally.idle, gone)
        return (
            label,
            tally.handled,
            *(length / MICRO for length in (tally.talk, tally.hold, tally.wrap_up)),
            FIGURE["aht"].of(tally),
            *(length / MICRO for length in time),
            FIGURE["occupancy"].of(tally),
            tally.transfers,
            FIGURE["satisfaction"].of(tally),
        )

    return Sheet(
        name="seats",
        title="Seats",
        headings=headings,
        rows=tuple(
            row(names.get(str(seat), str(seat)), tally, found.away.get(str(seat), 0))
            for seat, tally in found.groups.items()
        ),
        total=row("total", found.total, sum(found.away.values())),
    )


CALL_HEADINGS: Final = (
    Heading("call"),
    *(Heading(name) for name in ("organisation", "dialled", "caller", "queue", "language")),
    *(Heading(name) for name in ("first_seat", "first_agent", "outcome", "ended_by")),
    *(Heading(name, "time") for name in ("ingress", "enqueued", "answered", "ended")),
    Heading("cause", "count"),
    Heading("transfers"),
)


def call_row(row: Sequence[Any], targets: Sequence[str], *, masked: bool) -> tuple[Value, ...]:
    """A row of `callrouter.store.call_list` in the order of `CALL_HEADINGS`."""
    call, organisation, dialled, caller, *rest, ingress, enqueued, answered, ended, cause = row
    told = ", ".join(targets)
    return (
        call,
        organisation,
        dialled,
        mask_number(caller) if masked else caller,
        *rest,
        ingress / MICRO,
        None if enqueued is None else enqueued / MICRO,
        None if answered is None else answered / MICRO,
        ended / MICRO,
        cause,
        mask_text(told) if masked and told else told,
    )


def call_sheet(rows: Sequence[tuple[Value, ...]], zone: tzinfo) -> Sheet:
    return Sheet(
        name="calls",
        title="Calls",
        headings=CALL_HEADINGS,
        rows=tuple(rows),
        zone=zone,
        brief=frozenset(
            {"call", "caller", "dialled", "queue", "first_seat", "outcome", "ingress", "answered"}
        ),
    )
