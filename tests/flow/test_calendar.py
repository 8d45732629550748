"""Calendars: statutory days, make-up workdays, festivals, spans past midnight, years not yet arranged."""

import itertools
from datetime import date, datetime

import pytest

from acd.plan import OpenIntervals
from callrouter.config.document import ConfigError, parse, read_document
from callrouter.flow.calendar import LOCAL, Calendar, CalendarFile, calendars, gaps

FILE = """
calendars:
  office:
    week: {mon-fri: [09:00-12:00, 14:00-18:00], fri: [09:00-12:00]}
    days:
      - {date: 2026-03-02, until: 2026-03-03, name: losar}
      - {date: 2026-03-04, name: inventory, hours: [10:00-11:00], holiday: false}
  night:
    holidays: ""
    week: {daily: [22:00-06:00]}
  always: {week: {daily: [00:00-24:00]}, holiday_hours: [08:00-20:00], holidays: CN}
"""


def made(text: str = FILE) -> dict[str, Calendar]:
    file = parse(read_document(text, "calendar.yaml"), CalendarFile)
    return calendars(file, file.years)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL).timestamp()


@pytest.mark.parametrize(
    ("when", "is_open", "holiday", "day"),
    [
        ("2026-11-19T09:00", True, False, ""),
        ("2026-11-19T08:59:59", False, False, ""),
        ("2026-11-19T12:00", False, False, ""),
        ("2026-11-20T15:00", False, False, ""),  # Friday afternoon
        ("2026-11-21T10:00", False, False, ""),  # Saturday
        ("2026-10-10T15:00", True, False, ""),  # a Saturday worked, with Monday's hours
        ("2026-10-01T10:00", False, True, ""),
        ("2026-10-07T10:00", False, True, ""),  # a weekday of rest
        ("2026-03-03T10:00", False, True, "losar"),
        ("2026-03-04T10:30", True, False, "inventory"),
        ("2026-03-04T14:30", False, False, "inventory"),
    ],
)
def test_office(when: str, is_open: bool, holiday: bool, day: str) -> None:
    moment = made()["office"].at(at(when))
    assert (moment.open, moment.holiday, moment.day, moment.covered) == (is_open, holiday, day, True)


@pytest.mark.parametrize(("when", "is_open"), [
    ("2026-11-19T22:00", True), ("2026-11-20T05:59", True), ("2026-11-20T06:00", False),
    ("2026-11-20T21:59", False),
])  # fmt: skip
def test_spans_past_midnight(when: str, is_open: bool) -> None:
    assert made()["night"].at(at(when)).open is is_open


def test_holiday_hours() -> None:
    assert made()["always"].at(at("2026-10-01T08:00")).open
    assert not made()["always"].at(at("2026-10-01T21:00")).open


def test_a_year_without_notice_answers_all_the_same_and_is_reported_a_quarter_ahead() -> None:
    office = made()["office"]
    assert not office.at(at("2027-03-01T10:00")).covered
    assert office.at(at("2027-03-01T10:00")).open
    assert not office.at(at("2027-10-01T10:00")).open
    assert gaps(office, at("2026-09-01T10:00")) == []
    assert gaps(office, at("2026-11-01T10:00")) == [(2027, 61)]
    assert gaps(office, at("2027-01-05T10:00")) == [(2027, 0)]
    assert gaps(made()["night"], at("2031-01-05T10:00")) == []


def test_the_site_closes_the_gap() -> None:
    site = FILE + "years:\n  2027: {rest: {2027-02-08: 春节}, work: [2027-02-14]}\n"
    office = made(site)["office"]
    assert gaps(office, at("2026-12-01T10:00")) == []
    assert office.at(at("2027-02-14T10:00")).open  # a Sunday
    assert office.at(at("2027-02-08T10:00")).holiday


def test_next_opening() -> None:
    office = made()["office"]
    assert office.opens_after(at("2026-11-20T15:00")) == at("2026-11-23T09:00")
    assert office.opens_after(at("2026-11-19T12:30")) == at("2026-11-19T14:00")
    assert made("calendars: {never: {week: {}}}")["never"].opens_after(at("2026-11-20T15:00")) is None


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("week: {mon-fri: ['9-17']}", "no span of time"),
        ("week: {monday: [09:00-17:00]}", "no day of the week"),
        ("week: {mon-fri-sun: [09:00-17:00]}", "no day of the week"),
        ("week: {}, holidays: XX", "'holidays' cannot be"),
        ("week: {}, days: [{date: 2026-02-30, name: x}]", "must be a date"),
        ("week: {}, days: [{date: 2026-03-01, until: 2026-02-01, name: x}]", "within 60 days"),
        ("week: {}, days: [{date: 2026-03-01, until: 3026-02-01, name: x}]", "within 60 days"),
        ("weak: {}", "Did you mean 'week'"),
    ],
)
def test_bad_calendars(part: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        made(f"calendars: {{one: {{{part}}}}}")


def test_every_day_of_thirty_years_has_an_answer() -> None:
    office = made()["office"]
    for ordinal in range(date(2000, 1, 1).toordinal(), date(2030, 1, 1).toordinal(), 5):
        office.at(ordinal * 86_400.0 - date(1970, 1, 1).toordinal() * 86_400)


@pytest.mark.parametrize("name", ["office", "night", "always"])
def test_intervals_say_what_the_calendar_says(name: str) -> None:
    """Every 7 minutes and at each edge for 13 months, festivals, make-up days and midnight spans included."""
    calendar, begin = made()[name], at("2026-01-30T11:17")
    found = calendar.intervals(begin, 400)
    assert all(one[1] < two[0] for one, two in itertools.pairwise(found))
    hours = OpenIntervals(found)
    edges = [edge for pair in found if begin <= pair[0] for edge in pair if edge < begin + 390 * 86_400]
    assert edges or name == "always"
    for when in itertools.chain(edges, (edge - 1 for edge in edges)):
        assert hours.open_at(when) == calendar.at(when).open, when
    for step in range(390 * 24 * 60 // 7):
        assert hours.open_at(begin + 420.0 * step) == calendar.at(begin + 420.0 * step).open
