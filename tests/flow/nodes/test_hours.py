"""`hours`."""

from tests.flow.test_calendar import at, made
from tests.flow.walker import Walker, flows

FLOW = """
flow: hotline
person: seat
start: hours
nodes:
  hours: {hours: {calendar: office, open: day, closed: night, holiday: feast, days: {losar: losar}}}
  day: {hangup: {prompt: day}}
  night: {hangup: {prompt: night}}
  feast: {hangup: {prompt: feast}}
  losar: {hangup: {prompt: losar}}
  seat: {queue: {queue: xining}}
"""


def heard(when: str, text: str = FLOW) -> list[str]:
    return Walker(flows(text, calendars=made()), now=at(when)).heard  # type: ignore[arg-type]


def test_ways() -> None:
    assert heard("2026-11-19T10:00") == ["day.zh"]
    assert heard("2026-11-19T20:00") == ["night.zh"]
    assert heard("2026-10-01T10:00") == ["feast.zh"]
    assert heard("2026-03-02T10:00") == ["losar.zh"]
    assert heard("2026-10-01T10:00", FLOW.replace("holiday: feast, ", "")) == ["night.zh"]


def test_a_calendar_that_is_gone_leads_to_a_person() -> None:
    assert Walker(flows(FLOW)).queued.queue == "xining"
