"""Calendars: opening hours, statutory days, make-up workdays and festivals. Local time is Asia/Shanghai.

A day's hours are found in this order: a special day of the site, a make-up
workday (Monday's hours), a statutory day of rest (`holiday_hours`), the weekday.
Statutory days come from the `holidays` package, corrected by the site's
`years:`. The package computes days of rest for any year, but make-up workdays
follow the State Council's yearly notice: a year is *covered* when either the
package or the site knows them. An uncovered year is answered by the weekday and
the computed days of rest: a gap never stops a call, it is warned about.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from acd.ids import Instant

LOCAL: Final = timezone(timedelta(hours=8), "Asia/Shanghai")  # no daylight saving since 1991
OFFSET: Final = 8 * 3600
EPOCH: Final = date(1970, 1, 1).toordinal()
CalendarDate = date
MAX_RUN: Final = 60
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
_WHOLE_DAY: Final = 24 * 60


class Span(NamedTuple):
    """Minutes since midnight; an end beyond 1440 reaches into the next day."""

    begin: int
    end: int


def _span(text: str) -> str:
    if not _SPAN.fullmatch(text):
        raise ValueError(f"{text!r} is no span of time. Write it like 09:00-17:30 or 22:00-06:00")
    return text


def _days(text: str) -> str:
    if (text != "daily" and not all(day in DAYS for day in text.split("-"))) or text.count("-") > 1:
        raise ValueError(f"{text!r} is no day of the week. Use mon … sun, mon-fri, or daily")
    return text


Spans = Annotated[tuple[Annotated[str, AfterValidator(_span)], ...], Field(max_length=12)]
DayName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class SpecialDay(_Part):
    """A day, or a run of days, with hours of its own."""

    date: CalendarDate
    """The first day."""
    until: CalendarDate | None = None
    """The last day."""
    name: DayName
    """The name that `hours: days:` refers to."""
    hours: Spans = ()
    """Opening hours; none: closed."""
    holiday: bool = True
    """Whether callers are told of a holiday when closed."""

    @model_validator(mode="after")
    def _forward(self) -> "SpecialDay":
        if self.until is not None and not 0 <= (self.until - self.date).days < MAX_RUN:
            raise ValueError(f"`until` must lie within {MAX_RUN} days from `date`")
        return self


class CalendarModel(_Part):
    """One calendar."""

    title: str = ""
    """What it is for."""
    holidays: Literal["CN", ""] = "CN"
    """Whose statutory days count; "" for none."""
    week: dict[Annotated[str, AfterValidator(_days)], Spans]
    """Hours by weekday: mon … sun, mon-fri, daily. A single day goes before a range."""
    holiday_hours: Spans = ()
    """Hours on statutory days of rest; none: closed."""
    days: tuple[SpecialDay, ...] = Field(default=(), max_length=200)
    """Festivals and other special days."""


class YearModel(_Part):
    """A year's notice of the State Council, where the package does not know it."""

    rest: dict[date, str] = Field(default_factory=dict)
    """Days of rest with their name."""
    work: tuple[date, ...] = ()
    """Make-up workdays."""


class CalendarFile(_Part):
    """A file `site/calendar*.yaml`."""

    years: dict[int, YearModel] = Field(default_factory=dict)
    """Corrections by year; a year given here replaces the package's."""
    calendars: dict[DayName, CalendarModel] = Field(default_factory=dict)
    """The calendars."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a calendar says of an instant. `day` is the special day's name, or ``""``."""

    open: bool
    holiday: bool
    day: str
    covered: bool


@dataclass(frozen=True, slots=True)
class Day:
    spans: tuple[Span, ...]
    holiday: bool
    name: str
    covered: bool


_DAYS_KEPT: Final = 1_000


class Calendar:
    """One calendar with the site's years."""

    def __init__(self, model: CalendarModel, years: Mapping[int, YearModel]) -> None:
        self.model = model
        self._years = dict(years)
        self._week = _week(model.week)
        self._holiday_spans = _spans(model.holiday_hours)
        self._special = {day: special for special in model.days for day in _run(special)}
        self._days: dict[int, Day] = {}

    @property
    def names(self) -> frozenset[str]:
        """Names of the special days."""
        return frozenset(special.name for special in self.model.days)

    def at(self, now: Instant) -> Moment:
        """Open or closed at `now`; a span past midnight belongs to the day it begins on."""
        days, seconds = divmod(now + OFFSET, 86_400)
        minute = seconds / 60
        ordinal = int(days) + EPOCH
        today, yesterday = self.day(ordinal), self.day(ordinal - 1)
        is_open = any(span.begin <= minute < span.end for span in today.spans) or any(
            minute < span.end - _WHOLE_DAY for span in yesterday.spans
        )
        return Moment(is_open, today.holiday, today.name, today.covered)

    def covers(self, year: int) -> bool:
        """Whether the year's make-up workdays are known; always true without statutory days."""
        return not self.model.holidays or year in self._years or bool(_package(year)[1])

    def opens_after(self, now: Instant, within_days: int = 30) -> Instant | None:
        """When it opens next, None if it does not within so many days."""
        local = datetime.fromtimestamp(now, UTC).astimezone(LOCAL)
        for offset in range(within_days + 1):
            midnight = datetime.combine(local.date() + timedelta(days=offset), time(), LOCAL)
            for span in sorted(self.day(midnight.toordinal()).spans):
                begins = (midnight + timedelta(minutes=span.begin)).timestamp()
                if begins >= now:
                    return begins
        return None

    def intervals(self, begin: Instant, days: int) -> tuple[tuple[Instant, Instant], ...]:
        """The open times of so many days from the one before `begin` on, in order; what touches is joined."""
        first = int((begin + OFFSET) // 86_400) - 1
        found: list[tuple[Instant, Instant]] = []
        for day in range(first, first + days + 1):
            midnight = day * 86_400.0 - OFFSET
            for span in sorted(self.day(day + EPOCH).spans):
                opens, closes = midnight + 60 * span.begin, midnight + 60 * span.end
                if found and opens <= found[-1][1]:
                    found[-1] = (found[-1][0], max(found[-1][1], closes))
                else:
                    found.append((opens, closes))
        return tuple(found)

    def day(self, ordinal: int) -> Day:
        """The rules of a day, by its proleptic ordinal. The latest ones asked for are remembered."""
        found = self._days.get(ordinal)
        if found is None:
            if len(self._days) >= _DAYS_KEPT:
                self._days.clear()
            found = self._days[ordinal] = self._day(ordinal)
        return found

    def _day(self, ordinal: int) -> Day:
        day = date.fromordinal(ordinal)
        covered = self.covers(day.year)
        if (special := self._special.get(day)) is not None:
            return Day(_spans(special.hours), special.holiday, special.name, covered)
        rest, work = self._statutory(day.year)
        if day in work:
            return Day(self._week[0], False, "", covered)
        if day in rest:
            return Day(self._holiday_spans, True, "", covered)
        return Day(self._week[day.weekday()], False, "", covered)

    def _statutory(self, year: int) -> tuple[frozenset[date], frozenset[date]]:
        if not self.model.holidays:
            return frozenset(), frozenset()
        if (own := self._years.get(year)) is not None:
            return frozenset(own.rest), frozenset(own.work)
        return _package(year)


def calendars(file: CalendarFile, years: Mapping[int, YearModel]) -> dict[str, Calendar]:
    """The calendars of a file under the years of all files."""
    return {name: Calendar(model, years) for name, model in file.calendars.items()}


def gaps(calendar: Calendar, now: Instant, ahead_days: int = 92) -> list[tuple[int, int]]:
    """(year, days until it begins) for this year and each year beginning within `ahead_days` not covered."""
    today = datetime.fromtimestamp(now, UTC).astimezone(LOCAL).date()
    years = range(today.year, (today + timedelta(days=ahead_days)).year + 1)
    return [(year, max(0, (date(year, 1, 1) - today).days)) for year in years if not calendar.covers(year)]


def gap_notices(name: str, calendar: Calendar, now: Instant) -> Iterator[tuple[str, str]]:
    """(what is missing, what to do about it) for each gap of this year and the coming quarter."""
    for year, days in gaps(calendar, now):
        when = f"begins in {days} days" if days else "has begun"
        yield (
            f"calendar {name!r} does not know the make-up workdays of {year}, which {when}",
            f"Write the State Council's notice under `years: {{{year}: …}}`; until then weekdays count",
        )


Statutory = tuple[frozenset[date], frozenset[date]]
"""Days of rest and make-up workdays of a year."""

_told: dict[int, Statutory] = {}


def tell_statutory(years: Mapping[int, Statutory]) -> None:
    """What the package knows of these years, found out by another process: the package itself takes 13 MB."""
    _told.update(years)


def package_knows(year: int) -> Statutory:
    """What the `holidays` package says of a year in China."""
    import holidays

    known = holidays.country_holidays("CN", years=year)
    rest = frozenset(day for day in known if day.year == year)
    return rest, frozenset(day for day in known.weekend_workdays if day.year == year)


@functools.lru_cache(maxsize=64)
def _package(year: int) -> Statutory:
    return _told.get(year) or package_knows(year)


def _week(model: Mapping[str, Spans]) -> tuple[tuple[Span, ...], ...]:
    hours: dict[int, tuple[Span, ...]] = {}
    for key in sorted(model, key=lambda key: (key == "daily", "-" in key)):  # single days, ranges, daily
        for day in _weekdays(key):
            hours.setdefault(day, _spans(model[key]))
    return tuple(hours.get(day, ()) for day in range(7))


def _weekdays(key: str) -> Iterator[int]:
    if key == "daily":
        yield from range(7)
        return
    first, _, last = key.partition("-")
    begin, end = DAYS.index(first), DAYS.index(last or first)
    yield from (day % 7 for day in range(begin, end + 1 if end >= begin else end + 8))


def _spans(texts: Spans) -> tuple[Span, ...]:
    return tuple(_minutes(text) for text in texts)


def _minutes(text: str) -> Span:
    begin, end = (int(part[:2]) * 60 + int(part[3:]) for part in re.split(r"\s*-\s*", text))
    return Span(begin, end if end > begin else end + _WHOLE_DAY)


def _run(special: SpecialDay) -> Iterator[date]:
    for offset in range(((special.until or special.date) - special.date).days + 1):
        yield special.date + timedelta(days=offset)
